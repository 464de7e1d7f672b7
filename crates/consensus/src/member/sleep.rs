//! Groups in which nothing happens sleep: no heartbeats, no election timers.
//!
//! ```text
//!   leader:   all members hold all of the log and know it committed, nothing waits,
//!             for an election time-out  --> a last heartbeat, "sleep"  --> asleep
//!   follower: that heartbeat names its own last entry, all is committed and durable --> asleep
//!   any:      any other message, a request, wake() --> awake, with fresh timers
//! ```
//!
//! A follower that missed the last heartbeat stands for election sooner or later, which wakes the others, and
//! the leader then tries again. A leader's lease ends when it falls asleep.

use super::{Member, Rules, State};
use crate::message::Body;
use synod_types::{Index, Term};

impl<R: Rules> Member<R> {
    /// A tick of a leader passed. Tells whether it should be silent: it sleeps, or waits to.
    pub(crate) fn count_idle(&mut self) -> bool {
        let idle = self.is_idle();
        let patience = self.config.election_ticks;
        let State::Leader(leader) = &mut self.state else { return false };
        leader.idle = if idle { leader.idle + 1 } else { 0 };
        if leader.idle < patience {
            return false;
        }
        if leader.idle > patience + patience / 2 {
            // Some answer does not come. Followers that hear nothing for longer would stand for election.
            leader.idle = 0;
            return false;
        }
        if self.is_answered() {
            self.fall_asleep();
        }
        true
    }

    fn fall_asleep(&mut self) {
        let State::Leader(leader) = &mut self.state else { return };
        leader.lease_from = None;
        leader.heartbeat_due = false;
        let (commit, end) = (self.commit, (self.log.last(), self.log.last_term()));
        let nodes: Vec<_> = leader.peers.iter().map(|(node, _)| *node).collect();
        for node in nodes {
            let sleep = Some(end);
            self.send(node, Body::Heartbeat { commit, shared: commit, round: 0, sleep });
        }
        self.asleep = true;
        self.log.shrink();
    }

    /// Whether everyone has and knows everything.
    fn is_idle(&self) -> bool {
        let State::Leader(leader) = &self.state else { return false };
        let last = self.log.last();
        self.commit == last
            && self.durability.durable() == last
            && leader.barrier.is_idle()
            && leader.transfer.is_none()
            && leader.peers.iter().all(|(_, peer)| peer.matched == last && peer.commit == last)
    }

    /// Whether everyone who lives answered the last heartbeat: an answer still on its way would end the sleep.
    fn is_answered(&self) -> bool {
        let State::Leader(leader) = &self.state else { return false };
        let round = leader.barrier.current();
        leader.peers.iter().all(|(_, peer)| peer.round == round || !self.is_active(peer))
    }

    /// The leader wants to sleep. Tells whether this follower agrees that there is nothing left to do.
    pub(crate) fn fall_asleep_at(&mut self, end: (Index, Term)) -> bool {
        let last = self.log.last();
        self.asleep = matches!(self.state, State::Follower)
            && end == (last, self.log.last_term())
            && self.commit == last
            && self.durability.durable() == last
            && self.durability.is_quiet()
            && self.fetching.is_none();
        if self.asleep {
            self.log.shrink();
        }
        self.asleep
    }

    /// There is something to do.
    pub(crate) fn leave_sleep(&mut self) {
        if !std::mem::take(&mut self.asleep) {
            return;
        }
        match &mut self.state {
            State::Leader(leader) => {
                leader.idle = 0;
                leader.heartbeat_elapsed = 0;
                leader.heartbeat_due = true;
                // Nobody was asked while all slept, so nobody is late.
                leader.peers.iter_mut().for_each(|(_, peer)| peer.heard = self.now);
            }
            _ => self.restart_timer(),
        }
    }
}
