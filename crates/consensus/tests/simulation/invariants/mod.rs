//! What must always hold, whatever happens: one invariant per file, each with its source. All of them are asked of every
//! engine, since every engine's specification has them under some name.
//!
//! | file | Raft | Paxos, Omni-Paxos | ZAB |
//! |---|---|---|---|
//! | election_safety.rs | election safety | one proposer per ballot (LE3) | one leader per epoch |
//! | leader_log_completeness.rs | leader completeness | P2c | leader log completeness |
//! | process_consistency.rs | state-machine safety | uniform agreement (SC2) | process consistency, prefix consistency |
//! | integrity.rs | | validity (SC1) | integrity |
//! | durable_quorum.rs | | | what is delivered is on a quorum of disks |
//! | committed_log_monotonic.rs | | integrity (SC3) | committed log monotonic |
//! | log_matching.rs | log matching | | total order |
//! | monotonic_read.rs | linearizable reads | | monotonic read |

mod committed_log_monotonic;
mod durable_quorum;
mod election_safety;
mod integrity;
mod leader_log_completeness;
mod log_matching;
mod monotonic_read;
mod process_consistency;

use crate::disk::Disk;
use committed_log_monotonic::Commits;
use election_safety::Leaders;
use integrity::Proposals;
use monotonic_read::Reads;
use process_consistency::Decided;
use std::collections::BTreeMap;
use synod_consensus::Position;
use synod_types::{Entry, Index, Membership, NodeId, Term};

/// Everything that was ever decided or promised.
#[derive(Default)]
pub struct Oracle {
    leaders: Leaders,
    decided: Decided,
    proposals: Proposals,
    commits: Commits,
    reads: Reads,
    pub reads_done: u64,
    pub writes_done: u64,
}

impl Oracle {
    pub fn decided(&self) -> Index {
        self.decided.last()
    }

    pub fn term_of(&self, index: Index) -> Term {
        self.decided.term_of(index)
    }

    /// The membership that was decided last at `index`, over the founding one.
    pub fn membership_at(&self, index: Index, founding: &Membership) -> Membership {
        self.decided.membership_at(index, founding)
    }

    /// Somebody leads; `holds` tells what it has.
    pub fn leader(&mut self, node: NodeId, term: Term, holds: impl Fn(Index, Term) -> bool) {
        self.leaders.elected(node, term);
        leader_log_completeness::check(&self.decided, node, term, holds);
    }

    pub fn proposed(&mut self, at: Position, payload: Vec<u8>) {
        self.proposals.proposed(at, payload);
    }

    /// A member of `term`, under membership `by`, hands an entry out.
    pub fn committed(
        &mut self,
        entry: &Entry,
        (term, by): (Term, &Membership),
        disks: &BTreeMap<NodeId, &Disk>,
    ) {
        if self.decided.agree(entry, term) {
            return;
        }
        self.writes_done += u64::from(self.proposals.was_proposed(entry));
        durable_quorum::check(entry, by, disks);
    }

    /// What a member knows to be committed.
    pub fn knows(&mut self, node: NodeId, commit: Index) {
        self.commits.knows(node, commit);
    }

    /// A new life begins with what the disk has.
    pub fn forgot(&mut self, node: NodeId) {
        self.commits.forgot(node);
    }

    pub fn read_asked(&mut self, id: u64) {
        self.reads.asked(id, self.decided.last());
    }

    pub fn read_ready(&mut self, id: u64, index: Index) {
        self.reads.ready(id, index);
        self.reads_done += 1;
    }

    pub fn read_gone(&mut self, id: u64) {
        self.reads.gone(id);
    }

    pub fn logs_match(&self, disks: &BTreeMap<NodeId, &Disk>) {
        log_matching::check(disks);
    }
}
