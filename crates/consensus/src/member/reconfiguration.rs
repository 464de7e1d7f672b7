//! Changes of membership: into a joint configuration, out of it, and out of office.

use super::{Member, Rules, State};
use crate::contract::{Position, Refused};
use crate::membership;
use crate::message::Body;
use bytes::Bytes;
use synod_types::{EntryKind, Membership};

impl<R: Rules> Member<R> {
    pub(crate) fn begin_change(&mut self, mut target: Membership) -> Result<Position, Refused> {
        let leader = self.reign()?;
        if leader.transfer.is_some() {
            return Err(Refused::Transferring);
        }
        if self.commit < leader.first {
            return Err(Refused::NotReady);
        }
        let joint = !self.membership().outgoing.is_empty();
        if joint || self.memberships.index() > self.commit {
            return Err(Refused::ChangePending);
        }
        for list in [&mut target.voters, &mut target.learners] {
            list.sort_unstable();
            list.dedup();
        }
        target.engine = target.engine.or(self.membership().engine);
        let next = membership::enter(self.membership(), target.clone());
        if !target.outgoing.is_empty()
            || !membership::is_legal(&target)
            || !membership::is_legal(&next)
        {
            return Err(Refused::Illegal);
        }
        self.leave_sleep();
        Ok(self.append_membership(&next))
    }

    fn append_membership(&mut self, membership: &Membership) -> crate::Position {
        let mut payload = Vec::new();
        membership.encode(&mut payload);
        self.append(EntryKind::Membership, Bytes::from(payload))
    }

    /// The membership in force is committed: a joint one is left, and a leader that is not a voter of it any
    /// more makes room.
    pub(crate) fn settle_membership(&mut self) {
        let State::Leader(leader) = &self.state else { return };
        if self.memberships.index() > self.commit || leader.transfer.is_some() {
            return;
        }
        if !self.membership().outgoing.is_empty() {
            let next = membership::leave(self.membership());
            self.append_membership(&next);
        } else if !self.is_voter() {
            self.make_room();
        }
    }

    /// Steps down, and asks the voter with the longest log to take over at once.
    fn make_room(&mut self) {
        let State::Leader(leader) = &self.state else { return };
        let membership = self.membership();
        let heir = leader
            .peers
            .iter()
            .filter(|(node, _)| membership.is_voter(*node))
            .max_by_key(|(_, peer)| peer.matched)
            .map(|(node, _)| *node);
        if let Some(heir) = heir {
            self.send(heir, Body::TimeoutNow);
        }
        self.become_follower(self.hard.term, None);
    }
}
