//! Which membership is in force, and how one becomes another.
//!
//! A membership is in force from the moment its entry is in the log, committed or not, so cutting the
//! log off may bring an older one back. Voters change through a joint configuration.
//! Source: Ongaro and Ousterhout, "In search of an understandable consensus algorithm", section 6.

use synod_types::{Index, Membership, NodeId, limits};

/// The membership in force and the earlier ones that may return.
#[derive(Clone, Debug)]
pub struct Memberships {
    /// Ascending by index; never empty. The first is committed, the others are not.
    history: Vec<(Index, Membership)>,
}

impl Memberships {
    /// The membership of a snapshot.
    #[must_use]
    pub fn new(index: Index, membership: Membership) -> Self {
        Self { history: vec![(index, membership)] }
    }

    fn newest(&self) -> &(Index, Membership) {
        self.history.last().expect("the history starts with one and never loses its first")
    }

    /// The membership in force.
    #[must_use]
    pub fn current(&self) -> &Membership {
        &self.newest().1
    }

    /// The newest membership that is known to be committed.
    #[must_use]
    pub fn settled(&self) -> &Membership {
        &self.history.first().expect("the history starts with one and never loses its first").1
    }

    /// Where the membership in force stands in the log.
    #[must_use]
    pub fn index(&self) -> Index {
        self.newest().0
    }

    /// Whether `node` votes in the membership in force, or did in one that may return. The latter still has to
    /// stand for election: it may be the only one whose log can win, until its removal is committed
    /// (dissertation, section 4.2.2).
    #[must_use]
    pub fn may_stand(&self, node: NodeId) -> bool {
        self.history.iter().any(|(_, membership)| membership.is_voter(node))
    }

    /// A membership was appended at `index`.
    pub fn push(&mut self, index: Index, membership: Membership) {
        self.history.push((index, membership));
    }

    /// The log was cut off at `index`. Tells whether another membership is in force now.
    pub fn truncate(&mut self, index: Index) -> bool {
        let before = self.history.len();
        while self.history.len() > 1 && self.index() >= index {
            self.history.pop();
        }
        self.history.len() < before
    }

    /// Everything up to `index` is committed: what it replaced will not return.
    pub fn commit(&mut self, index: Index) {
        let settled = self.history.iter().filter(|(at, _)| *at <= index).count();
        self.history.drain(..settled.saturating_sub(1));
    }
}

/// Whether members could have agreed on this: sorted lists without doubles, at least one voter, no incoming
/// voter that only learns, and not more nodes than a cluster has.
#[must_use]
pub fn is_legal(membership: &Membership) -> bool {
    let lists = [&membership.voters, &membership.outgoing, &membership.learners];
    let sorted = |list: &&Vec<NodeId>| {
        list.is_sorted_by(|a, b| a < b) && list.first().is_none_or(|id| *id > NodeId(0))
    };
    !membership.voters.is_empty()
        && lists.iter().all(sorted)
        && lists.iter().map(|list| list.len()).sum::<usize>() <= limits::NODES_MAX
        && !membership.learners.iter().any(|node| membership.voters.contains(node))
}

/// The next step from `current` (not joint) to `target`: joint when the voters differ, else `target` itself.
#[must_use]
pub fn enter(current: &Membership, target: Membership) -> Membership {
    if target.voters == current.voters {
        target
    } else {
        Membership { outgoing: current.voters.clone(), ..target }
    }
}

/// The membership that a joint one leads to.
#[must_use]
pub fn leave(joint: &Membership) -> Membership {
    Membership { outgoing: Vec::new(), ..joint.clone() }
}

/// Whether `node` is the only member.
#[must_use]
pub fn is_alone(membership: &Membership, node: NodeId) -> bool {
    is_only_voter(membership, node) && membership.learners.is_empty()
}

/// Whether `node` is the only one that votes.
#[must_use]
pub fn is_only_voter(membership: &Membership, node: NodeId) -> bool {
    membership.voters == [node] && membership.outgoing.is_empty()
}
