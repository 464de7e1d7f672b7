//! What a message may do to the term, and who handles it.

use super::{Cause, Member, Rules, State};
use crate::message::{Body, Message};
use std::cmp::Ordering;
use synod_types::NodeId;

impl<R: Rules> Member<R> {
    /// A message that passed [`Message::is_sane`] and came from another member.
    pub(crate) fn receive(&mut self, from: NodeId, message: Message) {
        if !matches!(message.body, Body::Heartbeat { sleep: Some(_), .. }) {
            self.leave_sleep();
        }
        if message.body.is_of_engine() {
            return R::receive(self, from, message);
        }
        let Some(Message { term, body, .. }) = self.hear_of_past(from, message) else { return };
        match term.cmp(&self.hard.term) {
            Ordering::Less => self.answer_the_past(from, &body),
            Ordering::Equal => self.dispatch(from, body),
            Ordering::Greater => {
                self.become_follower(term, body.is_of_leader().then_some(from));
                self.dispatch(from, body);
            }
        }
    }

    /// A leader of an older term learns that it was replaced, or that this member cannot follow it any more.
    fn answer_the_past(&mut self, from: NodeId, body: &Body) {
        if let Body::Append { .. } | Body::Heartbeat { .. } | Body::SnapshotOffer(_) = body {
            self.refuse_past(from);
        }
    }

    /// A message of this term.
    fn dispatch(&mut self, from: NodeId, body: Body) {
        match body {
            Body::AppendReply { matched, commit } => self.take_reply(from, matched, commit),
            Body::AppendReject { prev, hint, hint_term } => {
                self.take_reject(from, prev, hint, hint_term);
            }
            Body::HeartbeatReply { round, commit } => {
                self.take_heartbeat_reply(from, round, commit);
            }
            body if body.is_of_leader() => self.obey(from, body),
            _ => {}
        }
    }

    /// A message that only the leader of this term sends.
    fn obey(&mut self, from: NodeId, body: Body) {
        // There is one leader per term; a second one is an impostor.
        if matches!(self.state, State::Leader(_))
            || self.leader.is_some_and(|leader| leader != from)
        {
            return;
        }
        if self.leader.is_none() || !matches!(self.state, State::Follower) {
            self.become_follower(self.hard.term, Some(from));
        }
        self.elapsed = 0;
        match body {
            Body::Append { prev, prev_term, commit, shared, entries } => {
                self.take_append(from, (prev, prev_term), (commit, shared), entries);
            }
            Body::Heartbeat { commit, shared, round, sleep } => {
                self.take_heartbeat(from, (commit, shared), round, sleep);
            }
            Body::SnapshotOffer(meta) => self.take_offer(from, meta),
            Body::TimeoutNow => R::stand(self, Cause::Transfer),
            _ => {}
        }
    }
}
