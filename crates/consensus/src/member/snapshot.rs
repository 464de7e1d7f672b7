//! Snapshots: what a leader offers, what a follower fetches. The bytes travel outside the engine.

use super::{Member, Rules, State};
use crate::contract::Effect;
use crate::log_view::LogView;
use crate::membership::Memberships;
use synod_types::{NodeId, SnapshotMeta};

impl<R: Rules> Member<R> {
    /// A durable snapshot exists here.
    ///
    /// # Panics
    /// When it covers what was never handed out.
    pub(crate) fn take_snapshot_in(&mut self, meta: SnapshotMeta) {
        assert!(meta.index <= self.handed, "only what was handed out can be in a snapshot");
        if self.snapshot.as_ref().is_none_or(|known| known.index < meta.index) {
            self.snapshot = Some(meta);
        }
        self.snapshot_wanted = false;
        if let State::Leader(leader) = &mut self.state {
            leader.offer_again();
        }
    }

    /// The leader says that this member needs its snapshot.
    pub(crate) fn take_offer(&mut self, from: NodeId, meta: SnapshotMeta) {
        // One fetch per reign: the leader repeats its offer until it is answered.
        if self.fetching.as_ref().is_some_and(|(term, _)| *term == self.hard.term) {
            return;
        }
        if self.fetching.is_none() {
            if meta.index <= self.commit {
                return self.acknowledge(from, self.commit);
            }
            if self.log.term_at(meta.index) == Some(meta.term) {
                // The log holds it all, and the offer says that it is committed.
                self.advance_commit(meta.index);
                return self.acknowledge(from, meta.index);
            }
        }
        self.fetch(from, meta);
    }

    /// The log stands still until this snapshot is here.
    pub(crate) fn fetch(&mut self, from: NodeId, meta: SnapshotMeta) {
        self.fetching = Some((self.hard.term, meta.clone()));
        self.effects.push(Effect::FetchSnapshot { from, meta });
    }

    /// Asks the driver for a snapshot that the window continues, once until it has one.
    pub(crate) fn want_snapshot(&mut self) {
        if !std::mem::replace(&mut self.snapshot_wanted, true) {
            self.effects.push(Effect::SnapshotWanted { at_least: self.log.base() });
        }
    }

    /// A snapshot that the window continues; the driver is asked for one if there is none.
    pub(crate) fn offer(&mut self) -> Option<SnapshotMeta> {
        let offer = self.snapshot.clone().filter(|meta| meta.index >= self.log.base());
        if offer.is_none() {
            self.want_snapshot();
        }
        offer
    }

    /// The state machine is what `meta` says. That it is stands on the disk with the next effect: whatever is
    /// acknowledged on the strength of it waits for that.
    pub(crate) fn install(&mut self, meta: SnapshotMeta) {
        if self.fetching.as_ref().is_some_and(|(_, wanted)| wanted.index <= meta.index) {
            self.fetching = None;
        }
        if meta.index <= self.commit {
            return;
        }
        if !matches!(self.state, State::Follower) {
            self.become_follower(self.hard.term, None);
        }
        self.log = LogView::new(meta.index, meta.term);
        self.durability.reset(meta.index);
        self.mark_unwritten = true;
        self.snapshot_wanted = false;
        self.memberships = Memberships::new(meta.index, meta.membership.clone());
        (self.commit, self.handed, self.applied) = (meta.index, meta.index, meta.index);
        self.membership_changed();
        self.snapshot = Some(meta);
        if let Some(leader) = self.leader {
            self.acknowledge(leader, self.commit);
        }
    }
}
