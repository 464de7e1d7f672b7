//! Who founds the cluster: the members of the initial list, each with the one data directory that it had then.
//!
//! ```text
//!                     has met all                 each of them says it knows the same
//!   alone ---> meeting ----------> complete ------------------------------------------> agreed: may found
//!                                       \         or one that has founded says so                    ^
//!                                        \----------------------------------------------------------/
//! ```
//!
//! A member remembers durably the first incarnation that it meets of each other member, and no second one. It founds
//! only when every member has said that it remembers the very same incarnations. So two members cannot found with
//! different ones unless all directories were lost: whoever reported the first list would have to report the second one
//! too. A member whose directory is new to the others never gets their agreement, and so cannot make itself a voter of
//! a group that its former directory may have made promises to.
//!
//! ```text
//! Introduction body:  founded u8 | count u32 | (node u64 | incarnation u64)*
//! ```

use crate::config::NodeConfig;
use crate::forward;
use crate::node::Node;
use std::collections::{BTreeMap, BTreeSet};
use synod_types::limits::NODES_MAX;
use synod_types::plant::planted;
use synod_types::{Incarnation, NodeId, PartitionId};
use synod_wire::peer::FrameKind;

/// The members as this one met them.
#[derive(Debug)]
pub(crate) struct Roster {
    own: NodeId,
    /// Everyone who is to found, this node included.
    expected: BTreeSet<NodeId>,
    /// The first incarnation met of each; a part of `expected`.
    known: BTreeMap<NodeId, Incarnation>,
    /// Who was heard to know the same as this node does now.
    agreed: BTreeSet<NodeId>,
    /// Whether one that has founded did so with another directory of this node's.
    succeeds: bool,
}

/// What another member says.
#[derive(Debug, PartialEq, Eq)]
struct Introduction {
    founded: bool,
    known: BTreeMap<NodeId, Incarnation>,
}

impl Roster {
    pub fn new(config: &NodeConfig) -> Self {
        let mut known = config.roster.clone();
        known.insert(config.id, config.info.incarnation);
        let expected = config.initial_cluster.keys().copied().collect();
        Self { own: config.id, expected, known, agreed: BTreeSet::new(), succeeds: false }
    }

    /// The incarnation met of a member; 0 if none.
    pub fn incarnation(&self, node: NodeId) -> Incarnation {
        self.known.get(&node).copied().unwrap_or_default()
    }

    /// Whether this node is to found together with that one.
    pub fn expects(&self, node: NodeId) -> bool {
        self.expected.contains(&node)
    }

    /// Everyone that was met, this node included.
    pub fn known(&self) -> &BTreeMap<NodeId, Incarnation> {
        &self.known
    }

    /// Remembers a member that was met for the first time. Whether it is new.
    pub fn meet(&mut self, node: NodeId, incarnation: Incarnation) -> bool {
        if self.known.contains_key(&node) || !self.expects(node) {
            return false;
        }
        self.known.insert(node, incarnation);
        self.agreed.clear();
        true
    }

    /// Whether all members are known to know the same. Who has met others than it is to found with founds nothing: it was
    /// to join them.
    pub fn is_agreed(&self) -> bool {
        let agreed = |node: &NodeId| *node == self.own || self.agreed.contains(node);
        planted("wiped-voter-votes")
            || self.expected.iter().all(agreed)
                && self.known.keys().all(|node| self.expected.contains(node))
    }

    /// Whether the cluster was founded with another directory of this node's, so that this one can only join.
    pub fn is_successor(&self) -> bool {
        self.succeeds || planted("wiped-voter-votes")
    }

    /// What another member says of whom it met. One that has founded had heard the same from everyone, this node
    /// included.
    fn hear(&mut self, from: NodeId, said: &Introduction) {
        let met = said.known.get(&self.own);
        self.succeeds |= said.founded && met.is_some_and(|met| *met != self.incarnation(self.own));
        if self.known != said.known || !said.known.keys().eq(self.expected.iter()) {
            return;
        }
        if said.founded {
            self.agreed = self.expected.clone();
        }
        self.agreed.insert(from);
    }
}

impl Introduction {
    fn encode(founded: bool, known: &BTreeMap<NodeId, Incarnation>, out: &mut Vec<u8>) {
        out.push(founded.into());
        out.extend_from_slice(&(known.len() as u32).to_le_bytes());
        for (node, incarnation) in known {
            out.extend_from_slice(&node.0.to_le_bytes());
            out.extend_from_slice(&incarnation.0.to_le_bytes());
        }
    }

    fn decode(body: &[u8]) -> Option<Self> {
        let (founded, rest) = body.split_first()?;
        let (count, mut rest) = rest.split_first_chunk::<4>()?;
        let mut known = BTreeMap::new();
        if u32::from_le_bytes(*count) as usize > NODES_MAX {
            return None;
        }
        for _ in 0..u32::from_le_bytes(*count) {
            let (node, tail) = rest.split_first_chunk::<8>()?;
            let (incarnation, tail) = tail.split_first_chunk::<8>()?;
            rest = tail;
            let incarnation = Incarnation(u64::from_le_bytes(*incarnation));
            known.insert(NodeId(u64::from_le_bytes(*node)), incarnation);
        }
        (rest.is_empty() && *founded <= 1).then_some(Self { founded: *founded == 1, known })
    }
}

impl Node {
    /// Until the metadata group is here: tells the other founding members whom this node has met.
    pub(crate) fn introduce(&mut self) {
        let joins = self.local.config().joins;
        if self.local.config().worker != 0 || joins || self.replica(PartitionId::META).is_some() {
            return;
        }
        let own = self.local.id();
        let others: Vec<_> =
            self.others.roster().expected.iter().copied().filter(|n| *n != own).collect();
        others.into_iter().for_each(|to| self.send_introduction(to));
    }

    fn send_introduction(&mut self, to: NodeId) {
        let founded = self.replica(PartitionId::META).is_some();
        let frames = forward::queue(&mut self.output, self.local.id(), to, 0);
        forward::put_frame(frames, FrameKind::Introduction, PartitionId::META, |body| {
            Introduction::encode(founded, self.others.roster().known(), body);
        });
    }

    /// The founding members that did not say yet that they met the same as this node, while the cluster is not founded.
    #[must_use]
    pub fn founding_waits_for(&self) -> Vec<NodeId> {
        let has_meta = self.groups.replica(PartitionId::META).is_some();
        if self.local.config().worker != 0
            || self.local.config().joins
            || has_meta
            || self.groups.map().is_founded()
        {
            return Vec::new();
        }
        let roster = &self.others.roster();
        let missing = |node: &&NodeId| **node != roster.own && !roster.agreed.contains(node);
        roster.expected.iter().filter(missing).copied().collect()
    }

    /// Another member told whom it has met.
    pub(crate) fn introduced(&mut self, from: NodeId, body: &[u8]) {
        let Some(said) = Introduction::decode(body) else { return };
        if self.local.config().worker != 0 || !self.others.roster().expects(from) {
            return;
        }
        if self.replica(PartitionId::META).is_some() {
            // It asks because it has not founded yet.
            if !said.founded {
                self.send_introduction(from);
            }
            return;
        }
        self.others.roster_mut().hear(from, &said);
        self.found_if_agreed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(own: u64, incarnation: u64) -> Roster {
        let (own, expected) = (NodeId(own), (1..=3).map(NodeId).collect());
        let known = [(own, Incarnation(incarnation))].into();
        Roster { own, expected, known, agreed: BTreeSet::new(), succeeds: false }
    }

    fn known(incarnations: [u64; 3]) -> BTreeMap<NodeId, Incarnation> {
        (1..).map(NodeId).zip(incarnations.map(Incarnation)).collect()
    }

    fn says(founded: bool, incarnations: [u64; 3]) -> Introduction {
        Introduction { founded, known: known(incarnations) }
    }

    #[test]
    fn it_takes_the_word_of_all_and_the_first_meeting_counts() {
        let mut first = roster(1, 10);
        assert!(first.meet(NodeId(2), Incarnation(20)) && first.meet(NodeId(3), Incarnation(30)));
        assert!(!first.meet(NodeId(2), Incarnation(21)), "another directory of a known member");
        assert!(!first.meet(NodeId(4), Incarnation(40)), "a stranger");
        first.hear(NodeId(2), &says(false, [10, 20, 30]));
        assert!(!first.is_agreed());
        first.hear(NodeId(3), &says(false, [10, 20, 31]));
        assert!(!first.is_agreed(), "it knows another");
        first.hear(NodeId(3), &says(false, [10, 20, 30]));
        assert!(first.is_agreed());
    }

    /// Whom the cluster was founded with does not join it like a successor, whatever it hears first.
    #[test]
    fn only_another_directory_than_the_founding_one_joins() {
        for (founded, own, joins) in
            [(true, 21, true), (true, 20, false), (false, 21, false), (false, 20, false)]
        {
            let mut late = roster(2, own);
            late.hear(NodeId(1), &says(founded, [10, 20, 30]));
            assert_eq!(late.is_successor(), joins, "{founded} {own}");
            late.hear(NodeId(3), &says(false, [10, 99, 30]));
            assert_eq!(late.is_successor(), joins, "who has not founded may have met anyone");
        }
    }

    #[test]
    fn who_comes_late_believes_founders_that_know_it() {
        for (own, third, may) in [(20, 30, true), (21, 30, false), (20, 31, false)] {
            let mut late = roster(2, own);
            late.meet(NodeId(1), Incarnation(10));
            late.meet(NodeId(3), Incarnation(third));
            late.hear(NodeId(1), &says(true, [10, 20, 30]));
            assert_eq!(late.is_agreed(), may, "{own} {third}");
        }
    }

    #[test]
    fn introductions_round_trip_and_cut_ones_are_refused() {
        for (founded, known) in [(false, BTreeMap::new()), (true, known([10, 20, 30]))] {
            let mut body = Vec::new();
            Introduction::encode(founded, &known, &mut body);
            for cut in 0..body.len() {
                assert_eq!(Introduction::decode(&body[..cut]), None);
            }
            assert_eq!(Introduction::decode(&body), Some(Introduction { founded, known }));
        }
    }
}
