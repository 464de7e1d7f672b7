//! One engine takes over from another while the group runs ([decision
//! 15](../../../../docs/decisions/0015-moving-to-another-engine.md)).
//!
//! ```text
//!   a membership that names the new engine is committed
//!     leader:    leads on in its term; the next election is held by the new rules
//!     follower:  follows on
//!     elector:   gives its election up, keeps its promise, and begins anew by the new rules
//! ```
//!
//! Nothing else changes: term, promise and log mean the same to all engines (decision 7). So members under different
//! rules are safe beside each other, and they understand all of each other's messages but those about elections. A
//! member that hears one which is not in its engine's words answers how far its log is committed; whoever knows less has
//! that entry and learns, or is sent what it lacks, the change of engine among it. Anybody may say so: what is committed is
//! the same in every log.

use super::{Member, Rules, State};
use crate::Protocol;
use crate::message::{Body, Message};
use synod_types::plant::planted;
use synod_types::{Entry, Index, NodeId, SnapshotMeta, Term};

impl<R: Rules> Member<R> {
    /// The engine that this member should run and does not.
    pub(crate) fn successor(&self) -> Option<Protocol> {
        let membership = match planted("engine-change-before-commit") {
            true => self.memberships.current(),
            false => self.memberships.settled(),
        };
        membership.engine.filter(|engine| *engine != R::PROTOCOL)
    }

    /// This member under the rules of `S`.
    pub(crate) fn under<S: Rules>(mut self) -> Member<S> {
        let leads = matches!(&self.state, State::Leader(leader) if leader.established);
        if !leads && !matches!(self.state, State::Follower) {
            self.become_follower(self.hard.term, None);
        }
        if planted("engine-change-cuts-tail") && !leads && self.commit < self.log.last() {
            self.truncate(self.commit.next());
        }
        let state = match self.state {
            State::Leader(mut leader) => {
                leader.accede(S::greeting().is_some());
                State::Leader(leader)
            }
            State::Follower | State::Electing(_) => State::Follower,
        };
        Member {
            config: self.config,
            random: self.random,
            hard: self.hard,
            hard_issued: self.hard_issued,
            mark_unwritten: self.mark_unwritten,
            log: self.log,
            memberships: self.memberships,
            durability: self.durability,
            commit: self.commit,
            handed: self.handed,
            applied: self.applied,
            shared: self.shared,
            snapshot: self.snapshot,
            snapshot_wanted: self.snapshot_wanted,
            fetching: self.fetching,
            state,
            leader: self.leader,
            announced: self.announced,
            asleep: self.asleep,
            round: self.round,
            now: self.now,
            elapsed: self.elapsed,
            timeout: self.timeout,
            mute_until: self.mute_until,
            effects: self.effects,
        }
    }

    /// Somebody asked about an election in another engine's words: one of the two has missed a change of engine.
    pub(crate) fn answer_foreign(&mut self, from: NodeId) {
        self.leave_sleep();
        if !planted("engine-change-untold") {
            self.tell_commit(from);
        }
    }

    fn tell_commit(&mut self, to: NodeId) {
        let (commit, commit_term) = (self.commit, self.log.term_at(self.commit));
        if let Some(commit_term) = commit_term {
            self.say_untimely(to, Body::Known { commit, commit_term });
        }
    }

    /// Sends what does not depend on the term.
    fn say_untimely(&mut self, to: NodeId, body: Body) {
        self.send_of(self.hard.term.max(Term(1)), to, body);
    }

    /// A member with another engine knows this much to be committed. Whoever is behind has the entry and only did not
    /// know, or asks for what it lacks.
    fn take_known(&mut self, from: NodeId, (theirs, their_term): (Index, Term)) {
        if theirs < self.commit {
            self.tell_commit(from);
        } else if self.may_learn(theirs) {
            if self.log.term_at(theirs) == Some(their_term) {
                return self.advance_commit(theirs);
            }
            self.say_untimely(from, Body::Lacking { commit: self.commit });
        }
    }

    fn take_lacking(&mut self, from: NodeId, theirs: Index) {
        if theirs >= self.commit {
            return;
        }
        if let Some(prev_term) = self.log.term_at(theirs) {
            let (mut entries, _) = self.log.batch(theirs.next(), self.config.append_bytes_max);
            entries.truncate((self.commit.0 - theirs.0) as usize);
            self.say_untimely(from, Body::Decided { prev: theirs, prev_term, entries });
        } else if let Some(meta) = self.offer() {
            self.say_untimely(from, Body::DecidedSnapshot(meta));
        }
    }

    /// Entries that are committed, whoever says so. A leader has them, or is none any more and will hear it.
    fn take_decided(
        &mut self,
        from: NodeId,
        (prev, prev_term): (Index, Term),
        entries: Vec<Entry>,
    ) {
        let Some(last) = entries.last().map(|entry| (entry.index, entry.term)) else { return };
        if !self.may_learn(last.0) || self.log.term_at(prev) != Some(prev_term) {
            return;
        }
        self.abandon_election(last.1);
        self.merge_after((prev, prev_term), entries);
        if self.log.term_at(last.0) == Some(last.1) {
            self.advance_commit(last.0);
            self.say_untimely(from, Body::Lacking { commit: self.commit });
        }
    }

    /// A snapshot of what is committed.
    fn take_decided_snapshot(&mut self, from: NodeId, meta: SnapshotMeta) {
        if !self.may_learn(meta.index) {
            return;
        }
        self.abandon_election(meta.term);
        if self.log.term_at(meta.index) == Some(meta.term) {
            return self.advance_commit(meta.index);
        }
        self.fetch(from, meta);
    }

    fn may_learn(&self, index: Index) -> bool {
        !matches!(self.state, State::Leader(_)) && self.fetching.is_none() && index > self.commit
    }

    /// The log is about to change, which an election of this member's was held with.
    fn abandon_election(&mut self, seen: Term) {
        if seen > self.hard.term || matches!(self.state, State::Electing(_)) {
            self.become_follower(self.hard.term.max(seen), None);
        }
    }

    /// What is said without regard to terms. Gives back what is not of this kind.
    pub(crate) fn hear_of_past(&mut self, from: NodeId, message: Message) -> Option<Message> {
        match message.body {
            Body::Known { commit, commit_term } => self.take_known(from, (commit, commit_term)),
            Body::Lacking { commit } => self.take_lacking(from, commit),
            Body::Decided { prev, prev_term, entries } => {
                self.take_decided(from, (prev, prev_term), entries);
            }
            Body::DecidedSnapshot(meta) => self.take_decided_snapshot(from, meta),
            _ => return Some(message),
        }
        None
    }
}
