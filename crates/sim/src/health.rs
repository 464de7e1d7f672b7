//! A node that nobody speaks to says that it does not serve, within two election time-outs.
//!
//! What HTTP, `CLUSTER INFO` and metrics say is one notion, [`synod_node::not_serving`]; it is asked at every tick. Members
//! of a founded cluster hear each other ten times a second, so silence means that a node is cut off. One that is the only voter of
//! everything serves all the same.

use crate::world::World;
use synod_node::{NodeStatus, not_serving};

/// How long a node that hears nothing may say that it serves, in microseconds: two election time-outs, which are 12 to 24
/// ticks each, and what a slow turn takes.
const DEAF_US_MAX: u64 = 3_000_000;

impl World {
    pub(crate) fn check_health(&mut self, at: usize, status: &NodeStatus) {
        let machine = &self.machines[at];
        let Some(process) = &machine.process else { return };
        let since_us = machine.heard_us.max(process.born_us).max(machine.paused_until);
        if self.machines.len() < 2 || self.time < since_us + DEAF_US_MAX {
            return;
        }
        if status.groups.iter().all(|group| group.alone) {
            return;
        }
        if not_serving(&status.map, status.leaders.iter().copied()).is_none() {
            let detail = format!(
                "node {} says that it serves and has heard nothing for {} ms",
                at + 1,
                (self.time - since_us) / 1_000
            );
            self.fail("health", detail);
        }
    }
}
