//! A member of a group whatever its engine, and the moment in which another engine takes over.
//!
//! Which engine a group runs is part of its membership ([`Membership::engine`](synod_types::Membership::engine)), so it is
//! changed as a membership is: by an entry. When that entry is committed each member goes on under the rules of the new
//! engine, with the term, the promise and the log that it has; see `member/succession.rs`.

use crate::Message;
use crate::contract::{Config, Effect, Engine, Position, Recovered, Refused, Role, Status, Token};
use crate::member::{Member, Rules};
use crate::{paxos, raft, zab};
use bytes::Bytes;
use std::fmt::Debug;
use synod_types::{Entry, HardState, Index, Membership, NodeId, Protocol, SnapshotMeta, Term};

/// A member that remembers `recovered`, of a group that was founded with `founding`. It runs the engine that the group
/// is known to have moved to last, and moves on by itself.
///
/// # Panics
/// When the entries have a gap: to go on would be to forget what was acknowledged.
#[must_use]
pub fn start(founding: Protocol, config: Config, recovered: Recovered) -> Box<dyn Engine + Send> {
    let seat: Box<dyn Seat> = match founding {
        Protocol::Raft => Box::new(Member::<raft::Raft>::new(config, recovered)),
        Protocol::Paxos => Box::new(Member::<paxos::Paxos>::new(config, recovered)),
        Protocol::Zab => Box::new(Member::<zab::Zab>::new(config, recovered)),
    };
    let mut seated = Seated(Some(seat));
    seated.move_on();
    Box::new(seated)
}

/// A member under some engine's rules.
trait Seat: Engine + Debug + Send {
    /// The engine that a committed membership names, if it is another than this.
    fn successor(&self) -> Option<Protocol>;
    /// The same member under the rules of `to`.
    fn succeed(self: Box<Self>, to: Protocol) -> Box<dyn Seat>;
}

impl<R: Rules> Seat for Member<R> {
    fn successor(&self) -> Option<Protocol> {
        Self::successor(self)
    }

    fn succeed(self: Box<Self>, to: Protocol) -> Box<dyn Seat> {
        match to {
            Protocol::Raft => Box::new(self.under::<raft::Raft>()),
            Protocol::Paxos => Box::new(self.under::<paxos::Paxos>()),
            Protocol::Zab => Box::new(self.under::<zab::Zab>()),
        }
    }
}

/// A member whose engine may change; empty only while it does.
#[derive(Debug)]
struct Seated(Option<Box<dyn Seat>>);

const OCCUPIED: &str = "a member is taken out only to be put back under other rules at once";

impl Seated {
    fn seat(&mut self) -> &mut dyn Seat {
        self.0.as_deref_mut().expect(OCCUPIED)
    }

    fn move_on(&mut self) {
        if let Some(to) = self.seat().successor() {
            self.0 = self.0.take().map(|seat| seat.succeed(to));
        }
    }
}

impl Engine for Seated {
    fn tick(&mut self) {
        self.seat().tick();
    }

    fn campaign(&mut self) {
        self.seat().campaign();
    }

    fn step(&mut self, from: NodeId, message: Message) {
        self.seat().step(from, message);
    }

    fn hears(&mut self, from: NodeId) {
        self.seat().hears(from);
    }

    fn propose(&mut self, payload: Bytes) -> Result<Position, Refused> {
        self.seat().propose(payload)
    }

    fn change_membership(&mut self, target: Membership) -> Result<Position, Refused> {
        self.seat().change_membership(target)
    }

    fn read(&mut self, id: u64) -> Result<(), Refused> {
        self.seat().read(id)
    }

    fn transfer_leadership(&mut self, to: NodeId) -> Result<(), Refused> {
        self.seat().transfer_leadership(to)
    }

    fn persisted(&mut self, token: Token) {
        self.seat().persisted(token);
    }

    fn applied(&mut self, index: Index) {
        self.seat().applied(index);
    }

    fn snapshot_taken(&mut self, meta: SnapshotMeta) {
        self.seat().snapshot_taken(meta);
    }

    fn forget(&mut self, index: Index) {
        self.seat().forget(index);
    }

    fn snapshot_installed(&mut self, meta: SnapshotMeta) {
        self.seat().snapshot_installed(meta);
    }

    fn snapshot_failed(&mut self) {
        self.seat().snapshot_failed();
    }

    fn wake(&mut self) {
        self.seat().wake();
    }

    fn effects(&mut self) -> &mut Vec<Effect> {
        self.move_on();
        self.seat().effects()
    }

    fn about_to_commit(&self, nth: u64) -> Option<&Entry> {
        self.0.as_deref().expect(OCCUPIED).about_to_commit(nth)
    }

    fn status(&self) -> Status {
        self.0.as_deref().expect(OCCUPIED).status()
    }

    fn protocol(&self) -> Protocol {
        self.0.as_deref().expect(OCCUPIED).protocol()
    }

    fn given_up(&self) -> HardState {
        self.0.as_deref().expect(OCCUPIED).given_up()
    }

    fn role(&self) -> (Role, Term, Option<NodeId>) {
        self.0.as_deref().expect(OCCUPIED).role()
    }
}
