//! The enemy: kills, pauses and restarts nodes on a seeded schedule.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::failover;

/// What was done to the nodes.
#[derive(Debug, Default)]
pub struct Deeds {
    /// Single nodes killed.
    pub kills: u64,
    /// Times that all nodes were killed at once.
    pub blackouts: u64,
    /// Nodes stopped and let go on.
    pub pauses: u64,
    /// How long writes to a dead leader's keys failed; `None` is longer than [`failover::LIMIT`].
    pub failovers: Vec<Option<Duration>>,
    /// What happened when, for people.
    pub diary: Vec<String>,
}

/// One run's enemy.
#[derive(Debug)]
pub struct Nemesis<'a> {
    cluster: &'a Cluster,
    dice: Dice,
    started: Instant,
    until: Instant,
    /// Nothing but blackouts: what is only in memory must get lost.
    blackouts_only: bool,
    deeds: Deeds,
}

impl<'a> Nemesis<'a> {
    /// An enemy that has done nothing yet.
    pub fn new(
        cluster: &'a Cluster,
        dice: Dice,
        started: Instant,
        until: Instant,
        blackouts_only: bool,
    ) -> Self {
        Self { cluster, dice, started, until, blackouts_only, deeds: Deeds::default() }
    }

    /// Does harm until the time is up, then leaves all nodes running.
    pub fn run(mut self) -> Result<Deeds> {
        loop {
            self.wait(2_000, 5_000);
            if Instant::now() >= self.until {
                return Ok(self.deeds);
            }
            self.cluster.check_alive()?;
            let node = self.dice.index(self.cluster.len());
            match self.dice.range(0, 100) {
                _ if self.blackouts_only => self.blackout()?,
                0..65 => self.kill(node)?,
                65..80 => self.blackout()?,
                _ => self.pause(node)?,
            }
        }
    }

    /// Half of the time it is a leader that is killed and stays away until others have taken over, which
    /// is measured; else any node, which is back at once, perhaps before anyone noticed.
    fn kill(&mut self, node: usize) -> Result<()> {
        self.deeds.kills += 1;
        let node =
            if self.dice.chance(50) { self.kill_leader(node)? } else { self.kill_any(node)? };
        self.sleep(0, 1_000);
        self.write_down(format!("start node {}", node + 1));
        self.cluster.start(node)
    }

    fn kill_any(&mut self, node: usize) -> Result<usize> {
        self.write_down(format!("kill node {}", node + 1));
        self.cluster.kill(node)?;
        Ok(node)
    }

    /// Kills the leader of a partition; `otherwise`, if nobody tells of any.
    fn kill_leader(&mut self, otherwise: usize) -> Result<usize> {
        let nodes = self.nodes();
        let leaders = failover::leaders(&nodes);
        let Some(one) = leaders.get(self.dice.index(leaders.len())) else {
            return self.kill_any(otherwise);
        };
        let node = nodes.iter().position(|node| node.port() == one.port).unwrap_or(otherwise);
        let keys = failover::keys_led_by(nodes[node], &leaders);
        let survivors: Vec<_> = nodes.iter().filter(|at| **at != nodes[node]).copied().collect();
        self.write_down(format!("kill node {}, the leader of {keys:?}", node + 1));
        let killed = Instant::now();
        self.cluster.kill(node)?;
        for key in keys {
            let took = failover::measure(&key, killed, &survivors);
            self.write_down(format!("{key} was written again after {took:?}"));
            self.deeds.failovers.push(took);
        }
        Ok(node)
    }

    fn blackout(&mut self) -> Result<()> {
        self.deeds.blackouts += 1;
        self.write_down("kill all nodes".into());
        self.cluster.kill_all()?;
        let first = self.dice.index(self.cluster.len());
        for i in 0..self.cluster.len() {
            self.sleep(0, 500);
            let node = (first + i) % self.cluster.len();
            self.write_down(format!("start node {}", node + 1));
            self.cluster.start(node)?;
        }
        Ok(())
    }

    fn pause(&mut self, node: usize) -> Result<()> {
        self.deeds.pauses += 1;
        self.write_down(format!("pause node {}", node + 1));
        self.cluster.pause(node)?;
        self.sleep(300, 3_000);
        self.write_down(format!("resume node {}", node + 1));
        self.cluster.resume(node)
    }

    fn nodes(&self) -> Vec<SocketAddr> {
        (0..self.cluster.len()).map(|node| self.cluster.address(node)).collect()
    }

    /// Waits, but not past the end of the run.
    fn wait(&mut self, low_ms: u64, high_ms: u64) {
        let pause = Duration::from_millis(self.dice.range(low_ms, high_ms));
        std::thread::sleep(pause.min(self.until.saturating_duration_since(Instant::now())));
    }

    fn sleep(&mut self, low_ms: u64, high_ms: u64) {
        std::thread::sleep(Duration::from_millis(self.dice.range(low_ms, high_ms)));
    }

    fn write_down(&mut self, what: String) {
        self.deeds.diary.push(format!("{:>9.3} s  {what}", self.started.elapsed().as_secs_f64()));
    }
}
