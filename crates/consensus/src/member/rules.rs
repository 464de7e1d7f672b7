//! What an engine decides on its own: how a leader is elected, how it recovers the log, when an entry is committed.
//!
//! Everything else a [`Member`] does is the same in all of them. An engine's folder holds one implementation of
//! [`Rules`] and nothing that another engine could use.

use super::Member;
use super::leader::Leader;
use crate::Protocol;
use crate::contract::Role;
use crate::message::{Body, Message};
use std::fmt::Debug;
use synod_types::{Index, NodeId};

/// Why a member stands for election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No leader was heard for long, or the driver asked for it.
    Silence,
    /// The leader itself hands over, so its being alive is no reason to refuse.
    Transfer,
}

/// An engine's own part. The associated functions are handed the member, whose state they share.
pub(crate) trait Rules: Debug + Sized + Send + 'static {
    /// Its name.
    const PROTOCOL: Protocol;
    /// What a member has gathered while nobody leads, itself included.
    type Election: Debug + Send;

    /// What such a member is to the outside.
    fn role(election: &Self::Election) -> Role;
    /// Stands for election.
    fn stand(member: &mut Member<Self>, cause: Cause);
    /// A tick passed in an election; its time-out is looked after elsewhere.
    fn tick(member: &mut Member<Self>);
    /// A message in the engine's own words, from another member or, once what it promises is durable, from itself.
    fn receive(member: &mut Member<Self>, from: NodeId, message: Message);
    /// What a leader tells a peer with every heartbeat until that has joined its reign, for engines in which a peer has to.
    fn greeting() -> Option<Body> {
        None
    }
    /// Whether a leader may commit what a quorum holds up to `reached`.
    fn may_commit(leader: &Leader, reached: Index) -> bool;
}
