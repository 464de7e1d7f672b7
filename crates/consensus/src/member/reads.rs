//! Linearizable reads: one round of heartbeats for all reads that wait, or the leader's lease.
//!
//! A lease begins when a round of heartbeats that a quorum answered was *sent*. Whoever answered will not
//! help to elect another leader for `election_ticks` of its own clock; the leader relies on three quarters of
//! that, less two ticks for the grain of both clocks. So a lease is safe while no clock runs more than 25 %
//! faster than another (4/5 would do; the rest is margin). A pause is a slow clock: the driver must deliver
//! the ticks that it missed before anything else. A member that starts anew gives no vote for
//! `election_ticks`, since an earlier life of it may have answered; a transfer voids the lease for the whole term.

use super::{Member, Rules, State};
use crate::contract::{Effect, Refused};
use crate::membership;
use crate::quorum;
use synod_types::plant::planted;
use synod_types::{Index, NodeId};

impl<R: Rules> Member<R> {
    pub(crate) fn ask_read(&mut self, id: u64) -> Result<(), Refused> {
        if self.commit < self.reign()?.first {
            return Err(Refused::NotReady);
        }
        self.leave_sleep();
        let alone = membership::is_only_voter(self.membership(), self.config.id);
        if alone || self.has_lease() || planted("read-unconfirmed") {
            self.effects.push(Effect::ReadReady { id, index: self.commit });
        } else if let State::Leader(leader) = &mut self.state {
            leader.barrier.ask(id);
            leader.idle = 0;
        }
        Ok(())
    }

    fn has_lease(&self) -> bool {
        let State::Leader(leader) = &self.state else { return false };
        let mut lease_ticks = u64::from(self.config.election_ticks) * 3 / 4;
        if planted("lease-too-long") {
            lease_ticks *= 4;
        }
        self.config.lease_reads
            && !leader.lease_void
            && leader.lease_from.is_some_and(|from| self.now - from + 2 <= lease_ticks)
    }

    /// Begins a round for the reads that came since the last drain.
    pub(crate) fn begin_reads(&mut self) {
        if let State::Leader(leader) = &mut self.state
            && leader.barrier.wants_round()
        {
            leader.barrier.begin(self.commit, self.now);
            leader.heartbeat_due = true;
        }
    }

    /// A peer answered a heartbeat of `round`.
    pub(crate) fn take_heartbeat_reply(&mut self, from: NodeId, round: u64, commit: Index) {
        let (now, last) = (self.now, self.log.last());
        let State::Leader(leader) = &mut self.state else { return };
        let current = leader.barrier.current();
        let Some(peer) = leader.peer_mut(from) else { return };
        peer.heard = now;
        peer.commit = peer.commit.max(commit.min(last));
        peer.resume();
        if round <= current {
            peer.round = peer.round.max(round);
            self.confirm_reads();
        }
    }

    /// Answers the reads whose round a quorum of the membership in force has answered.
    /// A change of membership may make it smaller, so this is also asked with every beat.
    pub(crate) fn confirm_reads(&mut self) {
        let me = self.config.id;
        let State::Leader(leader) = &mut self.state else { return };
        let reached = quorum::reached(self.memberships.current(), |node| {
            if node == me { u64::MAX } else { leader.peer(node).map_or(0, |peer| peer.round) }
        });
        while let Some(round) = leader.barrier.confirm(reached) {
            leader.lease_from = leader.lease_from.max(Some(round.tick));
            let index = round.index;
            self.effects.extend(round.ids.into_iter().map(|id| Effect::ReadReady { id, index }));
        }
    }
}
