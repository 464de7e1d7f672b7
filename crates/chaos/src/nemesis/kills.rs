//! Processes killed, stopped and let go on.

use std::time::Instant;

use anyhow::Result;

use super::{Kind, Nemesis};
use crate::failover;

impl Nemesis<'_> {
    /// Half of the time it is a leader that is killed and stays away until others have taken over, which
    /// is measured; else any node, which is back at once, perhaps before anyone noticed.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.count(Kind::Kill);
        let now = Instant::now();
        if let Some(before) = self.killed.replace(now) {
            self.deeds.kill_gaps.push(now - before);
        }
        let any = self.dice.index(self.cluster.len());
        let node = if self.dice.chance(50) { self.kill_leader(any)? } else { self.kill_any(any)? };
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
        let amid = !self.is_whole();
        let killed = Instant::now();
        self.cluster.kill(node)?;
        let limit = if amid { failover::LIMIT_AMID } else { failover::LIMIT };
        for key in keys {
            let took = failover::measure(&key, killed, &survivors, limit);
            self.write_down(format!("{key} was written again after {took:?}"));
            match amid {
                true => self.deeds.failovers_amid.push(took),
                false => self.deeds.failovers.push(took),
            }
        }
        Ok(node)
    }

    pub(super) fn blackout(&mut self) -> Result<()> {
        self.count(Kind::Blackout);
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

    pub(super) fn pause(&mut self, node: usize) -> Result<()> {
        self.count(Kind::Pause);
        self.write_down(format!("pause node {}", node + 1));
        self.cluster.pause(node)?;
        self.sleep(300, 3_000);
        self.write_down(format!("resume node {}", node + 1));
        self.cluster.resume(node)
    }

    /// Sets the wall clock of a node up to a minute ahead or back.
    pub(super) fn set_clock(&mut self, node: usize) -> Result<()> {
        let Some(wall) = self.cluster.node(node).wall() else { return Ok(()) };
        // Between -60 and 60, so it fits.
        let seconds = match self.dice.range(0, 4) {
            0 => -60,
            1 => 60,
            _ => self.dice.range(0, 121) as i64 - 60,
        };
        wall.set(seconds)?;
        self.count(Kind::Clock);
        self.write_down(format!("the clock of node {} is off by {seconds} s", node + 1));
        Ok(())
    }
}
