//! Processes killed, stopped and let go on.
//!
//! The killer is a thread of its own: every 2 to 5 s it kills a node that nobody else has in hand, whatever else is
//! wrong just then.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::scene::{Hold, Scene};
use super::{Kind, Nemesis};
use crate::cluster::Node;
use crate::dice::Dice;
use crate::failover;

/// How far a wall clock is off at the most, in hours.
const CLOCK_HOURS_MAX: u64 = 6;

/// How long a node may say that it serves after it was left alone; some election time-outs.
const ADMITTED: Duration = Duration::from_secs(10);

/// Who kills one node after the other.
#[derive(Debug)]
pub struct Killer<'a> {
    scene: &'a Scene<'a>,
    dice: Dice,
}

impl<'a> Killer<'a> {
    pub fn new(scene: &'a Scene<'a>, dice: Dice) -> Self {
        Self { scene, dice }
    }

    /// Kills until the time is up; then all nodes run that it has killed.
    pub fn run(mut self) -> Result<()> {
        let mut began = self.scene.schedule.started;
        while self.scene.wait(&mut self.dice, &mut began) {
            self.kill()?;
        }
        Ok(())
    }

    /// Half of the time it is a leader that is killed and stays away until others have taken over, which
    /// is measured; else any node, which is back at once, perhaps before anyone noticed.
    fn kill(&mut self) -> Result<()> {
        let any = self.dice.index(self.scene.cluster.len());
        let (victim, away) =
            if self.dice.chance(50) { self.kill_leader(any)? } else { self.kill_any(any)? };
        if !away {
            self.dice.sleep(0, 1_000);
        }
        let node = victim.node();
        self.scene.write_down(format!("start node {}", node + 1));
        self.scene.cluster.start(node)
    }

    /// Kills this node or, if another has it in hand, the next. Whether it was away for long already.
    fn kill_any(&mut self, wanted: usize) -> Result<(Hold<'a>, bool)> {
        let victim = self.scene.hold_free(wanted);
        self.scene.count_kill(Kind::Kill);
        self.scene.write_down(format!("kill node {}", victim.node() + 1));
        self.scene.cluster.kill(victim.node())?;
        Ok((victim, false))
    }

    /// Kills the leader of a partition; `otherwise`, if nobody tells of any that is free.
    fn kill_leader(&mut self, otherwise: usize) -> Result<(Hold<'a>, bool)> {
        let scene = self.scene;
        let nodes = scene.nodes();
        let whole = scene.whole();
        let leaders = failover::leaders(&nodes);
        let Some(one) = leaders.get(self.dice.index(leaders.len())) else {
            return self.kill_any(otherwise);
        };
        let wanted = nodes.iter().position(|node| node.port() == one.port).unwrap_or(otherwise);
        let victim = scene.hold_free(wanted);
        let node = victim.node();
        let keys = failover::keys_led_by(nodes[node], &leaders);
        let survivors: Vec<_> = nodes.iter().filter(|at| **at != nodes[node]).copied().collect();
        scene.count_kill(Kind::Kill);
        scene.write_down(format!("kill node {}, the leader of {keys:?}", node + 1));
        let killed = Instant::now();
        scene.cluster.kill(node)?;
        let limit = || match scene.still_whole(whole) {
            true => failover::LIMIT,
            false => failover::LIMIT_AMID,
        };
        let mut away = false;
        for key in keys {
            let took = failover::measure(&key, killed, &survivors, limit);
            scene.write_down(format!("{key} was written again after {took:?}"));
            away |= took.is_none();
            // Trouble that began meanwhile may be what it took so long for.
            match scene.still_whole(whole) {
                true => scene.deeds().failovers.push(took),
                false => scene.deeds().failovers_amid.push(took),
            }
        }
        Ok((victim, away))
    }
}

impl Nemesis<'_> {
    pub(super) fn blackout(&mut self) -> Result<()> {
        let cluster = self.scene.cluster;
        let _all = self.scene.hold(0..cluster.len());
        self.scene.count_kill(Kind::Blackout);
        self.scene.write_down("kill all nodes".into());
        cluster.kill_all()?;
        let first = self.dice.index(cluster.len());
        for i in 0..cluster.len() {
            self.dice.sleep(0, 500);
            let node = (first + i) % cluster.len();
            self.scene.write_down(format!("start node {}", node + 1));
            cluster.start(node)?;
        }
        Ok(())
    }

    /// Kills all nodes but one, which must say that it does not serve.
    pub(super) fn leave_one(&mut self) -> Result<()> {
        let cluster = self.scene.cluster;
        if cluster.len() < 3 {
            return Ok(());
        }
        let _all = self.scene.hold(0..cluster.len());
        let left = self.dice.index(cluster.len());
        let others: Vec<_> = (0..cluster.len()).filter(|node| *node != left).collect();
        self.scene.count_kill(Kind::Lone);
        self.scene.write_down(format!("kill all nodes but {}", left + 1));
        others.iter().try_for_each(|node| cluster.kill(*node))?;
        let (node, until) = (cluster.node(left), Instant::now() + ADMITTED);
        while node.has_status() && !says_no(node) {
            if Instant::now() > until {
                bail!("node {} is alone and says that it serves\n{}", left + 1, node.tail());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.scene.write_down(format!("node {} says that it does not serve", left + 1));
        others.iter().try_for_each(|node| cluster.start(*node))
    }

    pub(super) fn pause(&mut self, node: usize) -> Result<()> {
        self.scene.count(Kind::Pause);
        self.scene.write_down(format!("pause node {}", node + 1));
        self.scene.cluster.pause(node)?;
        self.dice.sleep(300, 3_000);
        self.scene.write_down(format!("resume node {}", node + 1));
        self.scene.cluster.resume(node)
    }

    /// Sets the wall clock of a node up to a minute ahead or back, now and then by hours.
    pub(super) fn set_clock(&mut self, node: usize) -> Result<()> {
        let Some(wall) = self.scene.cluster.node(node).wall() else { return Ok(()) };
        // Within a day, so it fits.
        let seconds = match self.dice.range(0, 6) {
            0 => -60,
            1 => 60,
            2 => {
                self.dice.range(0, 2 * CLOCK_HOURS_MAX * 3_600) as i64
                    - CLOCK_HOURS_MAX as i64 * 3_600
            }
            _ => self.dice.range(0, 121) as i64 - 60,
        };
        wall.set(seconds)?;
        self.scene.count(Kind::Clock);
        self.scene.write_down(format!("the clock of node {} is off by {seconds} s", node + 1));
        Ok(())
    }
}

/// Whether a node answers those who watch over it that it does not serve.
fn says_no(node: &Node) -> bool {
    node.page("/health").is_err_and(|error| format!("{error:#}").contains(" 503"))
}
