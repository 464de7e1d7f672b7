//! What must always hold, whatever happens. Names as in figure 3 of the Raft paper.

use crate::disk::Disk;
use std::collections::BTreeMap;
use synod_consensus::{Position, quorum};
use synod_types::{Entry, Index, Membership, NodeId, Term};

/// Everything that was ever decided or promised.
#[derive(Default)]
pub struct Oracle {
    leaders: BTreeMap<Term, NodeId>,
    /// `decided[i]` has index `i + 1`.
    decided: Vec<Entry>,
    /// The term of whoever decided it first.
    decided_in: Vec<Term>,
    proposed: BTreeMap<Position, Vec<u8>>,
    /// The highest commit of each member in this life.
    known: BTreeMap<NodeId, Index>,
    /// The reads under way, and what must be visible to each.
    reads: BTreeMap<u64, Index>,
    pub reads_done: u64,
    pub writes_done: u64,
}

impl Oracle {
    pub fn decided(&self) -> Index {
        Index(self.decided.len() as u64)
    }

    pub fn term_of(&self, index: Index) -> Term {
        self.entry(index).map_or(Term(0), |entry| entry.term)
    }

    fn entry(&self, index: Index) -> Option<&Entry> {
        self.decided.get(usize::try_from(index.0.checked_sub(1)?).ok()?)
    }

    /// The membership that was decided last at `index`, over the founding one.
    pub fn membership_at(&self, index: Index, founding: &Membership) -> Membership {
        let decided = &self.decided[..index.0 as usize];
        decided
            .iter()
            .rev()
            .find(|entry| entry.kind == synod_types::EntryKind::Membership)
            .map_or_else(|| founding.clone(), |entry| Membership::decode(&entry.payload).unwrap())
    }

    /// Election safety, and leader completeness: `holds` tells what the leader has.
    pub fn leader(&mut self, node: NodeId, term: Term, holds: impl Fn(Index, Term) -> bool) {
        let first = *self.leaders.entry(term).or_insert(node);
        assert_eq!(first, node, "two leaders in term {term}");
        // One elected late in an old term need not have what newer leaders decided meanwhile.
        let earlier = self.decided_in.partition_point(|decided_in| *decided_in < term);
        for entry in &self.decided[..earlier] {
            assert!(
                holds(entry.index, entry.term),
                "the leader {node} of term {term} lacks the decided entry {}",
                entry.index
            );
        }
    }

    pub fn proposed(&mut self, at: Position, payload: Vec<u8>) {
        let earlier = self.proposed.insert(at, payload);
        assert_eq!(earlier, None, "one position for two proposals");
    }

    /// State-machine safety; and when it is decided it is on the disks of a quorum.
    pub fn committed(
        &mut self,
        entry: &Entry,
        (term, by): (Term, &Membership),
        disks: &BTreeMap<NodeId, &Disk>,
    ) {
        if let Some(known) = self.entry(entry.index) {
            assert_eq!(known, entry, "two entries decided at {}", entry.index);
            return;
        }
        assert_eq!(entry.index, self.decided().next(), "decided out of order");
        assert!(entry.term >= self.term_of(entry.index.prev()), "terms fell");
        let at = Position { term: entry.term, index: entry.index };
        if let Some(payload) = self.proposed.get(&at) {
            assert_eq!(entry.payload[..], payload[..], "something else than what was proposed");
            self.writes_done += 1;
        }
        let durable =
            |node: NodeId| disks.get(&node).is_some_and(|disk| disk.holds(entry.index, entry.term));
        assert!(quorum::holds(by, durable), "entry {} decided without a quorum", entry.index);
        self.decided.push(entry.clone());
        assert!(self.decided_in.last().is_none_or(|last| *last <= term), "decided by the past");
        self.decided_in.push(term);
    }

    /// Committed log monotonic (ZooKeeper's TLA+ specification of ZAB): what one life of a member knows to be committed only
    /// grows.
    pub fn knows(&mut self, node: NodeId, commit: Index) {
        let known = self.known.entry(node).or_default();
        assert!(commit >= *known, "{node} took its commit back from {known} to {commit}");
        *known = commit;
    }

    /// A new life begins with what the disk has.
    pub fn forgot(&mut self, node: NodeId) {
        self.known.remove(&node);
    }

    pub fn read_asked(&mut self, id: u64) {
        self.reads.insert(id, self.decided());
    }

    /// A read sees everything that was decided before it was asked.
    pub fn read_ready(&mut self, id: u64, index: Index) {
        let floor = self.reads.remove(&id).expect("a read is answered once");
        assert!(index >= floor, "stale read: sees {index}, {floor} was decided before");
        self.reads_done += 1;
    }

    pub fn read_gone(&mut self, id: u64) {
        self.reads.remove(&id);
    }

    /// Log matching, on the disks.
    pub fn logs_match(&self, disks: &BTreeMap<NodeId, &Disk>) {
        let all: Vec<_> = disks.values().collect();
        for (n, a) in all.iter().enumerate() {
            for b in &all[n + 1..] {
                matching(&a.entries, &b.entries);
            }
        }
    }
}

/// Same index and term: the same entry, and the same before it.
fn matching(a: &[Entry], b: &[Entry]) {
    let from = match (a.first(), b.first()) {
        (Some(a), Some(b)) => a.index.max(b.index),
        _ => return,
    };
    let skip = |log: &[Entry]| log.iter().position(|entry| entry.index == from);
    let (Some(at), Some(bt)) = (skip(a), skip(b)) else { return };
    let mut agreed = false;
    for (x, y) in a[at..].iter().zip(&b[bt..]).rev() {
        agreed |= x.term == y.term;
        assert!(!agreed || x == y, "logs differ at {} below a common entry", x.index);
    }
}
