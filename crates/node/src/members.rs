//! The members of a group: what is in force here, and how to ask for others.

use crate::node::Node;
use synod_consensus::{Position, Refused, Role};
use synod_types::{Membership, PartitionId, Term};

impl Node {
    /// Asks the replica here, which must lead, to move its group to these voters and learners. The change is under
    /// way when this returns; it is done when [`Node::membership`] says so on a majority.
    ///
    /// # Errors
    /// As [`synod_consensus::Engine::change_membership`]; nothing was changed. A group without a replica here has
    /// no leader here.
    pub fn change_membership(
        &mut self,
        group: PartitionId,
        target: Membership,
    ) -> Result<Position, Refused> {
        let replica = self.replica(group).ok_or(Refused::NotLeader(None))?;
        let taken = replica.engine().change_membership(target);
        self.touch(group);
        taken
    }

    /// The membership in force at the replica here, committed or not; `None` without a replica.
    #[must_use]
    pub fn membership(&self, group: PartitionId) -> Option<Membership> {
        let replica = self.groups.replica(group)?;
        Some(replica.status().membership)
    }

    /// Role and term of the replica here.
    #[must_use]
    pub fn role(&self, group: PartitionId) -> Option<(Role, Term)> {
        let replica = self.groups.replica(group)?;
        let (role, term, _) = replica.role();
        Some((role, term))
    }
}
