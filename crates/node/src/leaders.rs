//! Who leads each group, as far as is known here.

use std::collections::BTreeSet;
use synod_types::{NodeId, PartitionId, Term, limits};

/// Who leads each group, as far as is known here. Indexed by group number.
#[derive(Debug, Default)]
pub(crate) struct Leaders {
    known: Vec<(Term, Option<NodeId>)>,
    /// Whether who leads some data partition is another one, or known no longer, since this was asked last.
    changed: bool,
}

impl Leaders {
    /// The leader of a group.
    #[inline]
    pub fn get(&self, group: PartitionId) -> Option<NodeId> {
        self.known.get(group.0 as usize)?.1
    }

    /// Someone said who leads in a term; news of an older term is passed over. Whether anything changed.
    ///
    /// A term has one leader: whoever else is known in it was only guessed, from a hint or a late answer.
    pub fn learn(&mut self, group: PartitionId, term: Term, leader: Option<NodeId>) -> bool {
        let at = group.0 as usize;
        if at >= self.known.len() {
            if group.0 > limits::PARTITIONS_MAX {
                return false;
            }
            self.known.resize(at + 1, (Term(0), None));
        }
        let (known_term, known) = &mut self.known[at];
        let news =
            term > *known_term || (term == *known_term && leader.is_some() && *known != leader);
        if news {
            (*known_term, *known) = (term, leader);
            self.changed |= group != PartitionId::META;
        }
        news
    }

    /// A node answered as only the leader does.
    pub fn found(&mut self, group: PartitionId, leader: NodeId) {
        if let Some((_, known)) = self.known.get_mut(group.0 as usize) {
            known.get_or_insert(leader);
        }
    }

    /// A hint without a term: taken only where nothing better is known.
    pub(crate) fn hint(&mut self, group: PartitionId, wrong: NodeId, leader: Option<NodeId>) {
        if let Some((_, known)) = self.known.get_mut(group.0 as usize)
            && known.is_none_or(|k| k == wrong)
        {
            *known = leader.filter(|l| *l != wrong);
            self.changed = true;
        }
    }

    /// A node told all that it leads among these groups: whatever else it was known to lead there has no known leader.
    pub fn forget_others(
        &mut self,
        node: NodeId,
        led: &BTreeSet<PartitionId>,
        among: impl Fn(PartitionId) -> bool,
    ) {
        for (at, (_, known)) in self.known.iter_mut().enumerate() {
            let group = PartitionId(at as u32);
            if *known == Some(node) && among(group) && !led.contains(&group) {
                *known = None;
                self.changed = true;
            }
        }
    }

    /// Whether any of that has changed since this was asked last.
    pub fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The replica here hears no leader of this term: nor does this node know of one, until somebody says that it leads.
    pub fn unheard(&mut self, group: PartitionId, term: Term) {
        if let Some((known_term, known)) = self.known.get_mut(group.0 as usize)
            && *known_term <= term
        {
            self.changed |= known.is_some();
            *known = None;
        }
    }

    /// The node does not lead the group any more, in the same term.
    pub fn stepped_down(&mut self, group: PartitionId, node: NodeId) {
        if let Some((_, known)) = self.known.get_mut(group.0 as usize) {
            self.changed |= *known == Some(node);
            *known = known.filter(|leader| *leader != node);
        }
    }

    /// The node is gone; what it led has no known leader.
    pub fn forget(&mut self, node: NodeId) -> Vec<PartitionId> {
        let led = |(_, (_, known)): &(usize, &mut (Term, Option<NodeId>))| *known == Some(node);
        let mut groups = Vec::new();
        for (at, (_, known)) in self.known.iter_mut().enumerate().filter(led) {
            *known = None;
            self.changed = true;
            groups.push(PartitionId(at as u32));
        }
        groups
    }
}
