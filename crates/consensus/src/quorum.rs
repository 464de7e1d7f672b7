//! Majority and joint arithmetic: what enough members agree on.
//!
//! Every engine decides by majorities of a [`Membership`]; in a joint configuration both halves must
//! agree. A configuration without voters never agrees on anything. Groups are small, so counting beats
//! sorting and nothing is allocated.

use synod_types::{Membership, NodeId};

/// How a vote stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Enough said yes.
    Won,
    /// Enough said no that yes cannot win any more.
    Lost,
    /// Open.
    Pending,
}

/// How many of `voters` are a majority.
#[must_use]
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// The largest number that a quorum has reached, 0 if none. With matched indexes this is the index that
/// is safely replicated; with answered rounds, the round that is confirmed.
#[must_use]
pub fn reached(membership: &Membership, value: impl Fn(NodeId) -> u64) -> u64 {
    let incoming = reached_by_majority(&membership.voters, &value);
    if membership.outgoing.is_empty() {
        incoming
    } else {
        incoming.min(reached_by_majority(&membership.outgoing, &value))
    }
}

fn reached_by_majority(voters: &[NodeId], value: &impl Fn(NodeId) -> u64) -> u64 {
    let mut best = 0;
    for candidate in voters.iter().map(|node| value(*node)) {
        let count = voters.iter().filter(|node| value(**node) >= candidate).count();
        if candidate > best && count >= majority(voters.len()) {
            best = candidate;
        }
    }
    best
}

/// Whether a quorum satisfies `test`.
#[must_use]
pub fn holds(membership: &Membership, test: impl Fn(NodeId) -> bool) -> bool {
    tally(membership, |node| Some(test(node))) == Tally::Won
}

/// How a vote stands, where `vote` tells what a member said, if it said anything.
#[must_use]
pub fn tally(membership: &Membership, vote: impl Fn(NodeId) -> Option<bool>) -> Tally {
    let incoming = tally_majority(&membership.voters, &vote);
    if membership.outgoing.is_empty() {
        return incoming;
    }
    match (incoming, tally_majority(&membership.outgoing, &vote)) {
        (Tally::Lost, _) | (_, Tally::Lost) => Tally::Lost,
        (Tally::Won, Tally::Won) => Tally::Won,
        _ => Tally::Pending,
    }
}

fn tally_majority(voters: &[NodeId], vote: &impl Fn(NodeId) -> Option<bool>) -> Tally {
    let (mut yes, mut open) = (0, 0);
    for node in voters {
        match vote(*node) {
            Some(true) => yes += 1,
            Some(false) => {}
            None => open += 1,
        }
    }
    if yes >= majority(voters.len()) {
        Tally::Won
    } else if yes + open >= majority(voters.len()) {
        Tally::Pending
    } else {
        Tally::Lost
    }
}
