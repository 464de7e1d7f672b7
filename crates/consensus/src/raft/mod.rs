//! Raft: what tells it from the other engines.
//!
//! * **Election**: terms and votes. A vote goes to one candidate per term, and only to one whose log is at least as new as the
//!   voter's; a round of pre-votes first asks whether an election could be won, so that nobody is disturbed in vain.
//! * **Recovery of the log**: none. Whoever is elected has everything that was committed, and makes its followers' logs like
//!   its own.
//! * **Commit**: what a majority holds durably, once an entry of the leader's own term is among it.
//!
//! Sources: Ongaro and Ousterhout, "In search of an understandable consensus algorithm" (2014); Ongaro's
//! dissertation (2014) for pre-vote (9.6), read rounds and leases (6.4), transfer (3.10) and check-quorum (6.2).

mod election;

pub use crate::message::raft::Ask;
use election::Election;

use crate::Protocol;
use crate::contract::Role;
use crate::member::{Cause, Member, Rules, leader::Leader};
use crate::message::{Body, Message};
use synod_types::plant::planted;
use synod_types::{Index, NodeId};

/// The rules of Raft.
#[derive(Debug)]
pub(crate) struct Raft;

impl Rules for Raft {
    const PROTOCOL: Protocol = Protocol::Raft;
    type Election = Election;

    fn role(election: &Election) -> Role {
        election.role()
    }

    fn stand(member: &mut Member<Self>, cause: Cause) {
        match cause {
            Cause::Silence => member.become_pre_candidate(),
            Cause::Transfer => member.become_candidate(true),
        }
    }

    fn tick(_: &mut Member<Self>) {}

    fn receive(member: &mut Member<Self>, from: NodeId, message: Message) {
        if let Body::Raft(ask) = message.body {
            member.hear(from, message.term, ask);
        }
    }

    /// Older entries are only committed along with a newer one (Raft, section 5.4.2).
    fn may_commit(leader: &Leader, reached: Index) -> bool {
        reached >= leader.first || planted("count-older-term")
    }
}
