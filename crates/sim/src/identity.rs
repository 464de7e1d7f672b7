//! Faults of identity: a directory that was emptied, an older copy of one, strangers, and doubles of a member.
//!
//! What the others owe is never to count such a node as the member that it was. An emptied one comes back as a new
//! member while a quorum of the others lives; one that went back to an older copy stays refused until its operator
//! empties it, which happens after a while here. One at a time, and only when every group is whole: what is tested is
//! that the others notice, not that they can do without a majority.

use crate::faults::Fault;
use crate::machine::Machine;
use crate::promise::Promises;
use crate::random::Random;
use crate::schedule::Blow;
use crate::world::{Event, World};
use synod_log::MemDisk;
use synod_types::limits::PAST_STARTS;
use synod_types::{ClusterId, Incarnation, NodeId};
use synod_wire::peer::{Hello, Purpose};

/// How long a node runs on an older copy of its directory until its operator empties it, in microseconds.
const OLDER_US: (u64, u64) = (1_000_000, 8_000_000);

/// A copy of a machine's disk, and how often it had been started.
pub(crate) struct Copy {
    disk: MemDisk,
    starts: u64,
}

impl Machine {
    /// Keeps what the disk holds now in place of an earlier copy.
    pub fn keep_copy(&mut self) {
        let Some(process) = &self.process else { return };
        let starts = process.worker.node_ref().hello(NodeId(0), Purpose::Data).starts;
        self.copy = Some(Copy { disk: self.disk.fork(), starts });
    }

    /// Another disk in place of the one that is there; nobody expects it to remember anything.
    fn exchange(&mut self, disk: MemDisk) {
        self.disk = disk;
        self.promises = Promises::default();
    }
}

impl World {
    /// Whether every member is up and known to all others as it is now.
    pub(crate) fn all_are_known(&self) -> bool {
        let processes: Vec<_> = self.machines.iter().filter_map(|m| m.process.as_ref()).collect();
        processes.len() == self.machines.len()
            && processes.iter().all(|one| {
                one.worker.node_ref().map().is_founded()
                    && one.worker.node_ref().map().replacements().next().is_none()
                    && processes.iter().all(|other| {
                        let known =
                            one.worker.node_ref().map().nodes.get(&other.worker.node_ref().id());
                        let said = other
                            .worker
                            .node_ref()
                            .hello(one.worker.node_ref().id(), Purpose::Data);
                        known.is_some_and(|k| {
                            (k.incarnation, k.starts) == (said.incarnation, said.starts)
                        })
                    })
            })
    }

    /// Strikes at who a node is; `None` when the cluster could not bear it now.
    pub(crate) fn strike_identity(
        &mut self,
        fault: Fault,
        node: usize,
        random: &mut Random,
    ) -> Option<Blow> {
        let whom = format!("node {}", node + 1);
        if fault == Fault::Stranger {
            self.introduce_strangers(node, random);
            return Some((whom, None));
        }
        if self.machines.len() < 3
            || self.atlas.any()
            || self.identity_struck
            || self.shaped
            || !self.all_are_known()
            || !self.is_membership_full()
        {
            return None;
        }
        if fault == Fault::Wipe {
            self.wipe(node);
            return Some((whom, None));
        }
        let machine = &self.machines[node];
        let now =
            machine.process.as_ref()?.worker.node_ref().hello(NodeId(0), Purpose::Data).starts;
        // One that was made since the last start is not known to be older by anybody.
        let copy = machine.copy.as_ref().filter(|copy| copy.starts < now)?;
        let disk = copy.disk.fork();
        self.identity_struck = true;
        self.stop(node, true, "put back to an older copy");
        self.machines[node].exchange(disk);
        self.machines[node].older_since = Some((self.time, now));
        let at = self.time + random.between(OLDER_US.0, OLDER_US.1);
        self.at(at, Event::Wipe(node));
        Some((whom, None))
    }

    /// A machine's disk is emptied.
    pub(crate) fn wipe(&mut self, node: usize) {
        self.identity_struck = true;
        self.stop(node, true, "emptied");
        self.machines[node].exchange(MemDisk::new());
        self.machines[node].older_since = None;
        self.machines[node].copy = None;
        self.trouble.emptied(node);
    }

    /// Whether the member that was struck is back, so that the next one may be.
    pub(crate) fn note_identities(&mut self) {
        if self.identity_struck && self.all_are_known() && self.is_membership_full() {
            self.identity_struck = false;
        }
    }

    /// A node let another in. Whoever was up when that one went back on its disk knew its last start, and the copy does not:
    /// unless it was started more often since than a node tells of.
    pub(crate) fn let_in(&mut self, at: usize, peer: usize) {
        let Some((since, known)) = self.machines[peer].older_since else { return };
        let [process, older] = [at, peer].map(|of| self.machines[of].process.as_ref());
        let starts = older.map(|p| p.worker.node_ref().hello(NodeId(0), Purpose::Data).starts);
        if process.is_some_and(|process| process.born_us < since)
            && starts.is_some_and(|starts| starts <= known + PAST_STARTS as u64)
        {
            let detail = format!("node {} lets an older copy of node {} in", at + 1, peer + 1);
            self.fail("identity", detail);
        }
    }

    /// Says hello to everyone as a node that is none of them, and as one of them with another directory: nobody who has
    /// met the member may believe it.
    fn introduce_strangers(&mut self, node: usize, random: &mut Random) {
        let (id, nodes) = (NodeId(node as u64 + 1), self.machines.len() as u64);
        for at in (0..self.machines.len()).filter(|at| *at != node) {
            let Some(process) = &mut self.machines[at].process else { continue };
            let hello = process.worker.node_ref().hello(id, Purpose::Data);
            let known = hello.known;
            let double = Hello {
                cluster: ClusterId(0),
                from: id,
                to: NodeId(at as u64 + 1),
                incarnation: Incarnation(random.next().max(1)),
                starts: 1,
                process: random.next(),
                known: Incarnation(0),
                ..hello
            };
            let stranger = Hello { from: NodeId(nodes + 1), ..double };
            let believed = (known.0 != 0 && process.worker.node().admit(&double).is_ok())
                || process.worker.node().admit(&stranger).is_ok();
            if believed {
                let detail = format!("node {} takes a stranger for a member", at + 1);
                return self.fail("identity", detail);
            }
        }
    }
}
