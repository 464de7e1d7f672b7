//! The follower's side of the log: take what the leader sends, mend what differs, acknowledge what is durable.

use super::{Member, Rules};
use crate::Protocol;
use crate::contract::Effect;
use crate::message::Body;
use synod_types::plant::planted;
use synod_types::{Entry, EntryKind, Index, Membership, NodeId, Term};

/// What came of a merge.
pub(crate) enum Merged {
    /// The logs are the same up to here.
    Upto(Index),
    /// There is nothing like `prev` here.
    Lacks,
    /// The other log lacks what is committed, so it is none.
    Contradicts,
}

impl<R: Rules> Member<R> {
    /// The leader's entries after `prev`, and its `(commit, shared)`.
    pub(crate) fn take_append(
        &mut self,
        from: NodeId,
        (prev, prev_term): (Index, Term),
        (commit, shared): (Index, Index),
        entries: Vec<Entry>,
    ) {
        // While a snapshot is fetched the log stands still: it is about to be replaced.
        if self.fetching.is_some() {
            return;
        }
        let matched = match self.merge_after((prev, prev_term), entries) {
            Merged::Upto(matched) => matched,
            Merged::Lacks => return self.reject(from, prev, prev_term),
            Merged::Contradicts => return,
        };
        self.advance_commit(commit.min(matched));
        self.shared = shared.min(self.commit);
        self.acknowledge(from, matched);
        self.compact();
    }

    /// Makes the log what another one is behind `prev`, as far as `entries` go. That other log has everything that is
    /// committed.
    pub(crate) fn merge_after(
        &mut self,
        (prev, prev_term): (Index, Term),
        mut entries: Vec<Entry>,
    ) -> Merged {
        let sent_to = Index(prev.0 + entries.len() as u64);
        // What is committed here is the same in every such log, so only the rest needs to be looked at.
        if prev >= self.commit {
            let here = self.log.term_at(prev);
            let untested = planted("zab-trunc-skipped") && R::PROTOCOL == Protocol::Zab;
            if here != Some(prev_term) && !(untested && here.is_some()) {
                return Merged::Lacks;
            }
        } else {
            let known = (self.commit.0 - prev.0).min(entries.len() as u64) as usize;
            if entries.get(known.wrapping_sub(1)).is_some_and(|entry| self.contradicts(entry)) {
                return Merged::Contradicts;
            }
            entries.drain(..known);
        }
        self.merge(entries);
        Merged::Upto(sent_to.max(self.commit))
    }

    /// Whether this differs from the last committed entry, which no leader's log can.
    fn contradicts(&self, entry: &Entry) -> bool {
        entry.index == self.commit && self.log.term_at(entry.index) != Some(entry.term)
    }

    /// Appends what is not in the log yet, cutting off what differs.
    fn merge(&mut self, entries: Vec<Entry>) {
        let held = entries
            .iter()
            .take_while(|entry| self.log.term_at(entry.index) == Some(entry.term))
            .take_while(|_| !planted("append-truncates"))
            .count();
        let mut fresh = entries.into_iter().skip(held).peekable();
        let Some(first) = fresh.peek().map(|entry| entry.index) else { return };
        if first <= self.log.last() {
            self.truncate(first);
        }
        for entry in fresh {
            self.push(entry);
        }
    }

    pub(crate) fn truncate(&mut self, index: Index) {
        assert!(index > self.commit, "what is committed stays");
        self.log.truncate(index);
        self.durability.truncate(index);
        if self.memberships.truncate(index) {
            self.membership_changed();
        }
    }

    /// Appends an entry to the log, whoever it came from; a membership is in force at once.
    pub(crate) fn push(&mut self, entry: Entry) {
        let membership = match entry.kind {
            EntryKind::Membership => Membership::decode(&entry.payload),
            EntryKind::Commands | EntryKind::Noop => None,
        };
        let index = entry.index;
        self.log.push(entry);
        if let Some(membership) = membership {
            self.memberships.push(index, membership);
            self.membership_changed();
        }
    }

    pub(crate) fn membership_changed(&mut self) {
        self.effects.push(Effect::MembershipChanged(self.membership().clone()));
    }

    /// Says where the logs may agree: not behind what is here, and not in a term newer than the leader's there
    /// (dissertation, end of section 3.5, both ways).
    fn reject(&mut self, from: NodeId, prev: Index, prev_term: Term) {
        let hint = self.log.last_not_above(prev, prev_term).max(self.commit).min(prev);
        let hint_term = self.log.term_at(hint).unwrap_or(Term(0));
        self.send(from, Body::AppendReject { prev, hint, hint_term });
    }

    /// Acknowledges everything up to `matched`, once it is durable.
    pub(crate) fn acknowledge(&mut self, to: NodeId, matched: Index) {
        let term = self.hard.term;
        let mut body = Body::AppendReply { matched, commit: self.commit };
        // Appends taken between two drains are answered once.
        if let Some((addressee, held)) = self.durability.last_held()
            && *addressee == to
            && held.term == term
            && let Body::AppendReply { matched: earlier, .. } = held.body
        {
            body = Body::AppendReply { matched: matched.max(earlier), commit: self.commit };
            held.body = body;
            return;
        }
        let newleader = |entry: &Entry| entry.kind == EntryKind::Noop && entry.term == term;
        let acks_newleader = self.log.get(matched).is_some_and(newleader);
        if planted("zab-newleader-acked-early") && R::PROTOCOL == Protocol::Zab && acks_newleader {
            return self.send(to, body);
        }
        if planted("follower-acks-early") {
            return self.send(to, body);
        }
        self.send_durably(to, body);
    }

    /// The leader lives. `commit` is not beyond what this member acknowledged in this term.
    pub(crate) fn take_heartbeat(
        &mut self,
        from: NodeId,
        (commit, shared): (Index, Index),
        round: u64,
        sleep: Option<(Index, Term)>,
    ) {
        if self.fetching.is_none() && commit <= self.log.last() {
            self.advance_commit(commit);
            self.shared = shared.min(self.commit);
            self.compact();
        }
        if let Some(end) = sleep
            && self.fall_asleep_at(end)
        {
            return;
        }
        self.leave_sleep();
        self.send(from, Body::HeartbeatReply { round, commit: self.commit });
    }
}
