//! Nodes whose addresses change: each start may have others, and all members have to learn of them.
//!
//! The wires of the simulated network know nodes and no addresses; what a node dials is `crates/server`, which the tests
//! on real processes move (`crates/synod/tests/identity/moved.rs`). What is seen here is that the metadata group
//! tells everyone.

use crate::machine::Machine;
use crate::schedule::Blow;
use crate::world::World;
use synod_types::NodeId;

/// An address of a node that has moved so often.
pub(crate) fn address(id: u64, moves: u64, port: u16) -> String {
    format!("10.{moves}.0.{id}:{port}")
}

/// The ports of a node: for clients, other nodes, and HTTP.
pub(crate) const PORTS: [u16; 3] = [6_379, 16_379, 26_379];

impl World {
    /// A node stops, and will start with other addresses; `None` while that would look like a stranger's: a new directory
    /// at another address needs its operator.
    pub(crate) fn move_node(&mut self, node: usize) -> Option<Blow> {
        if self.identity_struck {
            return None;
        }
        self.machines[node].moves += 1;
        self.stop(node, false, "moves to other addresses");
        Some((format!("node {}", node + 1), None))
    }

    /// A node that knows another by an address that this one has no longer.
    pub(crate) fn stale_address(&self) -> Option<String> {
        let running = || self.machines.iter().enumerate().filter(|(_, m)| m.process.is_some());
        let known = |machine: &Machine, id: u64| {
            let map = machine.process.as_ref()?.worker.node_ref().map();
            Some(map.nodes.get(&NodeId(id))?.peer_addr.clone())
        };
        running().find_map(|(at, machine)| {
            running().find_map(|(other, moved)| {
                let id = other as u64 + 1;
                let now = address(id, moved.moves, PORTS[1]);
                let known = known(machine, id)?;
                (known != now)
                    .then(|| format!("node {} knows node {id} at {known}, not {now}", at + 1))
            })
        })
    }
}
