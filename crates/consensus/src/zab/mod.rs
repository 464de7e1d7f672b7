//! ZAB: what tells it from the other engines.
//!
//! ```text
//!              silence            a quorum wants me             a quorum follows me
//!   Follower ---------> Looking --------------------> Discovery ------------------+
//!      ^                   |  a quorum wants another     FOLLOWERINFO, NEWEPOCH,  |
//!      |                   +-------------------> Joining ACKEPOCH: all no newer   v
//!      +---- its NEWEPOCH, or an entry ------------+     than mine         Synchronisation
//!                                                                                 | NEWLEADER acknowledged
//!                                                                                 v by a quorum
//!                                                                             Broadcast
//! ```
//!
//! * **Election**: fast leader election (election.rs). Everyone proposes whoever has the newest history it has heard of, by
//!   epoch, last entry, and id, until a quorum agrees.
//! * **Recovery of the log**: the elected opens an epoch that a quorum accepts (discovery.rs), and checks that none of the
//!   quorum has a newer history than its own. What each follower then lacks or has too much is seen from the end it
//!   acknowledged: DIFF, TRUNC or SNAP, which are the shared pipeline started at the right place. The first entry of the
//!   epoch is NEWLEADER, in the log behind all of the history, so that history and epoch become durable in that order.
//! * **Commit**: as in all engines; but nobody is leader before a quorum has acknowledged NEWLEADER.
//!
//! `HardState::term` is the accepted epoch, `vote` the leader it was accepted from, the term of the last entry the current
//! epoch. An entry's index stands for the zxid's counter, which here does not begin anew with an epoch. Learners are
//! observers: they take no part in elections and are greeted by the leader.
//!
//! Sources: Junqueira, Reed and Serafini, "Zab: High-performance broadcast for primary-backup systems" (DSN 2011); Medeiros,
//! "ZooKeeper's atomic broadcast protocol: theory and practice" (2012), for fast leader election; the ZooKeeper TLA+
//! specifications, with the order of ZOOKEEPER-4823.

mod discovery;
mod election;

pub use crate::message::zab::Ask;

use crate::Protocol;
use crate::contract::Role;
use crate::member::{Cause, Member, Rules, leader::Leader};
use crate::message::{Body, Message};
use discovery::Discovery;
use election::Looking;
use synod_types::plant::planted;
use synod_types::{Index, NodeId};

/// The rules of ZAB.
#[derive(Debug)]
pub(crate) struct Zab;

/// A member without a leader that serves.
#[derive(Debug)]
pub(crate) enum Election {
    /// In fast leader election.
    Looking(Looking),
    /// Has agreed on another, and waits for its epoch.
    Joining(NodeId),
    /// Was elected, and opens its epoch.
    Discovery(Discovery),
}

impl Rules for Zab {
    const PROTOCOL: Protocol = Protocol::Zab;
    type Election = Election;

    fn role(election: &Election) -> Role {
        match election {
            Election::Looking(_) | Election::Joining(_) => Role::PreCandidate,
            Election::Discovery(_) => Role::Candidate,
        }
    }

    fn stand(member: &mut Member<Self>, cause: Cause) {
        match cause {
            Cause::Silence => member.look(),
            Cause::Transfer => member.inherit(),
        }
    }

    fn tick(member: &mut Member<Self>) {
        let beat = member.is_beat();
        match member.election() {
            Some(Election::Looking(_)) => member.tick_looking(beat),
            Some(Election::Joining(leader)) if beat => {
                let leader = *leader;
                member.follow(leader);
            }
            Some(Election::Discovery(_)) if beat => member.call_again(),
            _ => {}
        }
    }

    fn receive(member: &mut Member<Self>, from: NodeId, message: Message) {
        let Body::Zab(ask) = message.body else { return };
        let term = message.term;
        match ask {
            Ask::Notification { round, looking, leader, last, last_term } => {
                let vote = (last_term, last, leader);
                if looking {
                    member.hear_looking(from, round, vote);
                } else {
                    member.hear_settled(from, leader);
                }
            }
            Ask::FollowerInfo => member.take_follower(from, term),
            Ask::NewEpoch { transfer, leading } => {
                member.take_epoch(from, term, (transfer, leading));
            }
            Ask::AckEpoch { last, last_term } if term == member.term() => {
                member.take_ack(from, (last_term, last));
            }
            Ask::AckEpoch { .. } => {}
        }
    }

    fn greeting() -> Option<Body> {
        Some(Body::Zab(Ask::NewEpoch { transfer: false, leading: true }))
    }

    /// The first entry is NEWLEADER: whoever acknowledged it has the leader's whole history.
    fn may_commit(leader: &Leader, reached: Index) -> bool {
        reached >= leader.first || planted("zab-newleader-not-awaited")
    }
}
