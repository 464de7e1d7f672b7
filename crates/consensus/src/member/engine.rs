//! A member behind the contract that all engines fill.

use super::{Cause, Member, Rules, State};
use crate::contract::{Effect, Engine, PeerStatus, Position, Refused, Role, Status, Token};
use crate::progress::Flow;
use crate::{Message, Protocol};
use bytes::Bytes;
use synod_types::plant::planted;
use synod_types::{Entry, EntryKind, HardState, Index, Membership, NodeId, SnapshotMeta, Term};

impl<R: Rules> Engine for Member<R> {
    fn tick(&mut self) {
        if self.asleep {
            return;
        }
        self.now += 1;
        if matches!(self.state, State::Leader(_)) {
            return self.tick_leader();
        }
        if planted("candidate-never-retries") && self.outward_role() == Role::Candidate {
            return;
        }
        self.elapsed = self.elapsed.saturating_add(1);
        if self.elapsed >= self.timeout {
            R::stand(self, Cause::Silence);
        } else if matches!(self.state, State::Electing(_)) {
            R::tick(self);
        }
    }

    fn campaign(&mut self) {
        self.leave_sleep();
        R::stand(self, Cause::Silence);
    }

    fn step(&mut self, from: NodeId, message: Message) {
        if !message.is_sane() || from == self.config.id || from == NodeId(0) {
            return;
        }
        if message.protocol != R::PROTOCOL && message.body.is_of_engine() {
            return self.answer_foreign(from);
        }
        self.receive(from, message);
    }

    fn hears(&mut self, from: NodeId) {
        let now = self.now;
        match &mut self.state {
            State::Leader(leader) => {
                if let Some(peer) = leader.peer_mut(from) {
                    peer.heard = now;
                }
            }
            State::Follower if self.leader == Some(from) => self.elapsed = 0,
            State::Follower | State::Electing(_) => {}
        }
    }

    fn propose(&mut self, payload: Bytes) -> Result<Position, Refused> {
        if self.reign()?.transfer.is_some() {
            return Err(Refused::Transferring);
        }
        self.leave_sleep();
        Ok(self.append(EntryKind::Commands, payload))
    }

    fn change_membership(&mut self, target: Membership) -> Result<Position, Refused> {
        self.begin_change(target)
    }

    fn read(&mut self, id: u64) -> Result<(), Refused> {
        self.ask_read(id)
    }

    fn transfer_leadership(&mut self, to: NodeId) -> Result<(), Refused> {
        self.begin_transfer(to)
    }

    fn persisted(&mut self, token: Token) {
        let held = self.durability.confirm(token);
        self.release(held);
        self.count_copies();
        self.compact();
    }

    fn applied(&mut self, index: Index) {
        assert!(index <= self.handed, "only what was handed out can be applied");
        self.applied = self.applied.max(index);
        self.compact();
    }

    fn snapshot_taken(&mut self, meta: SnapshotMeta) {
        self.take_snapshot_in(meta);
    }

    fn forget(&mut self, index: Index) {
        self.forget_entries(index);
    }

    fn snapshot_installed(&mut self, meta: SnapshotMeta) {
        self.leave_sleep();
        self.install(meta);
    }

    fn snapshot_failed(&mut self) {
        self.fetching = None;
    }

    fn wake(&mut self) {
        self.leave_sleep();
    }

    fn effects(&mut self) -> &mut Vec<Effect> {
        self.work_out();
        &mut self.effects
    }

    fn about_to_commit(&self, nth: u64) -> Option<&Entry> {
        let index = Index(self.handed.0 + 1 + nth);
        if index <= self.commit { self.log.get(index) } else { None }
    }

    fn status(&self) -> Status {
        let peers = match &self.state {
            State::Leader(leader) if leader.established => leader.peers.as_slice(),
            _ => &[],
        };
        let peers = peers.iter().map(|(node, peer)| PeerStatus {
            node: *node,
            matched: peer.matched,
            active: self.is_active(peer),
            snapshot: matches!(peer.flow, Flow::Snapshot { .. }),
        });
        Status {
            engine: R::PROTOCOL,
            role: self.outward_role(),
            term: self.hard.term,
            leader: self.leader,
            commit: self.commit,
            applied: self.applied,
            last: self.log.last(),
            asleep: self.asleep,
            membership: self.membership().clone(),
            peers: peers.collect(),
        }
    }

    fn protocol(&self) -> Protocol {
        R::PROTOCOL
    }

    fn role(&self) -> (Role, Term, Option<NodeId>) {
        (self.outward_role(), self.hard.term, self.leader)
    }

    fn given_up(&self) -> HardState {
        HardState { commit: Index(0), floor: self.owed_end(), ..self.hard }
    }
}
