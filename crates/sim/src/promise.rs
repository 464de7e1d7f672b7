//! What a machine has promised, and whether a restart remembers it.
//!
//! Once a flush is reported, term, vote and log of a group count on that machine: others may build on them. A node
//! that starts with less is worse than one that does not start. Source: the persistent state of Raft (Ongaro,
//! "Consensus: Bridging Theory and Practice", figure 3.1), looked at from outside the engine.

use std::collections::BTreeMap;
use synod_node::RecoveredGroup;
use synod_types::{Entry, HardState, Index, NodeId, PartitionId, SnapshotMeta, Term};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Promise {
    term: Term,
    vote: NodeId,
    /// What a log that was given up ended with.
    floor: (Term, Index),
    /// The last entry; logs are compared by it, the term first.
    last: (Term, Index),
    /// Whether the log before was given up: of what it held nothing counts.
    removed: bool,
}

/// What was made durable for each group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promises(BTreeMap<PartitionId, Promise>);

impl Promises {
    /// Notes what a flush will make durable.
    pub fn append(&mut self, group: PartitionId, state: Option<&HardState>, entries: &[Entry]) {
        let promise = self.0.entry(group).or_default();
        if let Some(state) = state {
            (promise.term, promise.vote, promise.floor) = (state.term, state.vote, state.floor);
        }
        if let Some(last) = entries.last() {
            promise.last = (last.term, last.index);
        }
    }

    /// Notes a snapshot mark. What stood behind it may be gone, so no more than it is promised.
    pub fn snapshot(&mut self, group: PartitionId, meta: &SnapshotMeta) {
        self.0.entry(group).or_default().last = (meta.term, meta.index);
    }

    /// Notes that a group's log is given up, and what stays promised.
    pub fn remove(&mut self, group: PartitionId, state: &HardState) {
        let HardState { term, vote, floor, .. } = *state;
        self.0.insert(group, Promise { term, vote, floor, removed: true, ..Promise::default() });
    }

    /// A flush begins: of a log that it gives up nothing is promised any more, whether or not it comes to its end.
    pub fn give_up(&mut self, flush: &Self) {
        for (group, _) in flush.0.iter().filter(|(_, new)| new.removed) {
            self.0.entry(*group).or_default().last = Default::default();
        }
    }

    /// A flush was reported: what it brought replaces what stood before.
    pub fn keep(&mut self, flushed: Self) {
        for (group, new) in flushed.0 {
            let old = self.0.entry(group).or_default();
            if new.term > Term(0) {
                (old.term, old.vote, old.floor) = (new.term, new.vote, new.floor);
            }
            if new.last.1 > Index(0) || new.removed {
                old.last = new.last;
            }
        }
    }

    /// What a recovered node has forgotten, if anything.
    pub fn forgotten(&self, recovered: &[RecoveredGroup]) -> Option<String> {
        self.0.iter().find_map(|(group, promise)| {
            let Some(found) = recovered.iter().find(|found| found.group == *group) else {
                return Some(format!("group {group} is gone"));
            };
            let HardState { term, vote, floor, .. } = found.hard_state;
            let last = found.entries.last().map_or(
                (found.snapshot.term, found.snapshot.index),
                |entry| (entry.term, entry.index),
            );
            let voted = term > promise.term
                || (term == promise.term && (vote == promise.vote || promise.vote == NodeId(0)));
            (!voted || floor < promise.floor || last < promise.last).then(|| {
                format!(
                    "group {group}: promised {promise:?}, found term {term}, vote {vote}, floor {floor:?}, last {last:?}"
                )
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_types::EntryKind;

    const GROUP: PartitionId = PartitionId(3);

    fn entry(term: u64, index: u64) -> Entry {
        let payload = bytes::Bytes::new();
        Entry { term: Term(term), index: Index(index), kind: EntryKind::Noop, payload }
    }

    fn found(term: u64, vote: u64, entries: &[Entry]) -> RecoveredGroup {
        RecoveredGroup {
            group: GROUP,
            hard_state: HardState { term: Term(term), vote: NodeId(vote), ..HardState::default() },
            snapshot: SnapshotMeta::default(),
            entries: entries.to_vec(),
            state: None,
        }
    }

    #[test]
    fn less_than_promised_is_noticed_and_more_is_not() {
        let state = HardState { term: Term(2), vote: NodeId(1), ..HardState::default() };
        let mut flushed = Promises::default();
        flushed.append(GROUP, Some(&state), &[entry(1, 1), entry(2, 2)]);
        let mut promises = Promises::default();
        promises.keep(flushed);
        let mut later = Promises::default();
        later.append(GROUP, None, &[entry(2, 3)]);
        promises.keep(later);
        let whole = [entry(1, 1), entry(2, 2), entry(2, 3)];
        let forgets = |group| promises.forgotten(&[group]).is_some();
        assert!(!forgets(found(2, 1, &whole)));
        assert!(!forgets(found(3, 0, &whole)), "a later term");
        assert!(!forgets(found(3, 2, &[entry(1, 1), entry(3, 2)])), "a tail that was replaced");
        assert!(forgets(found(2, 1, &whole[..2])), "an entry is lost");
        assert!(forgets(found(2, 0, &whole)), "the vote is lost");
        assert!(forgets(found(1, 1, &whole)), "the term is lost");
        assert!(promises.forgotten(&[]).is_some(), "the group is lost");
        let mut dropped = Promises::default();
        dropped.remove(GROUP, &state);
        promises.give_up(&dropped);
        for entries in [&whole[..], &[]] {
            assert!(promises.forgotten(&[found(2, 1, entries)]).is_none(), "it may be gone or not");
        }
        assert!(promises.forgotten(&[found(2, 0, &[])]).is_some(), "the vote stays promised");
        let floor = (Term(2), Index(3));
        let mut dropped = Promises::default();
        dropped.remove(GROUP, &HardState { floor, ..state });
        promises.keep(dropped);
        assert!(promises.forgotten(&[found(2, 1, &[])]).is_some(), "where its log ended is lost");
    }
}
