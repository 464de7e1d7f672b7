//! How a member that lost its data comes back as a new one.
//!
//! Its new directory has an incarnation that nobody knows, so nobody lets it in: it can only knock. Any member that
//! hears it knock for a while, with the former incarnation gone, asks the metadata group to replace it. The map then
//! keeps account (`synod_ring::Replacement`), and the leader of each group does what is due:
//!
//! | the map says | the leader of a group |
//! |---|---|
//! | leaving | moves to a membership without the node; once that is committed, reports `Left` |
//! | joining | takes the node in as a learner; once it has caught up, as a voter where it was one; then reports `Joined` |
//!
//! A new directory at another address may be anybody's, so it only knocks: it takes the seat when an operator says so
//! (`CLUSTER REPLACE`, which `synod node replace` sends).
//!
//! In between the map takes the new incarnation over, and with that the members let it in. It then creates an empty
//! replica of each of its groups, without members: what it is to vote in, if anything, it learns from the log.

use crate::node::Node;
use std::collections::BTreeMap;
use synod_ring::MetaCommand;
use synod_types::{Incarnation, Membership, NodeId, PartitionId};
use synod_wire::peer::{Hello, address_hash};

/// A member counts as lost when it was silent and its successor knocked for so long.
const LOST_US: u64 = 3_000_000;
/// Who has not knocked for so long has gone.
const GONE_US: u64 = 5_000_000;
/// The most directories whose knocking is remembered.
const KNOCKS_MAX: usize = 64;

/// When a directory that nobody knows knocked first and last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knock {
    first_us: u64,
    last_us: u64,
    /// It is reached elsewhere than the member was.
    elsewhere: bool,
}

/// A new directory that wants a member's seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knocking {
    /// Whose.
    pub node: NodeId,
    /// The directory.
    pub incarnation: Incarnation,
    /// It is reached elsewhere than the member was, so it waits for an operator.
    pub elsewhere: bool,
}

/// By member and by the incarnation that wants its seat.
pub(crate) type Knocks = BTreeMap<(NodeId, Incarnation), Knock>;

impl Node {
    /// A directory that is not the member's said hello. It may take the seat if it is new: one that holds data has another
    /// past. Where it is not reached as the member was, it may be anybody's, and takes it only if it is told to.
    pub(crate) fn knocked(&mut self, hello: &Hello) {
        let Some(member) = self.groups.map().nodes.get(&hello.from) else { return };
        if hello.cluster.0 != 0 {
            return;
        }
        let elsewhere = hello.address != address_hash(&member.peer_addr);
        let now = self.local.now().mono_us;
        self.others.knocks_mut().retain(|_, knock| now.saturating_sub(knock.last_us) < GONE_US);
        let key = (hello.from, hello.incarnation);
        if self.others.knocks().len() < KNOCKS_MAX || self.others.knocks().contains_key(&key) {
            let new = Knock { first_us: now, last_us: now, elsewhere };
            let knock = self.others.knocks_mut().entry(key).or_insert(new);
            (knock.last_us, knock.elsewhere) = (now, elsewhere);
        }
    }

    /// The directories that knock at present.
    pub(crate) fn knocking(&self) -> impl Iterator<Item = Knocking> + '_ {
        let now = self.local.now().mono_us;
        let knocks = self.others.knocks().iter();
        let present = knocks.filter(move |(_, knock)| now.saturating_sub(knock.last_us) < GONE_US);
        present.map(|((node, incarnation), knock)| {
            let (node, incarnation, elsewhere) = (*node, *incarnation, knock.elsewhere);
            Knocking { node, incarnation, elsewhere }
        })
    }

    /// What gives the seat of a lost member to a directory, at an operator's word.
    ///
    /// # Errors
    /// Why that must not be.
    pub(crate) fn replacement_by(
        &self,
        node: NodeId,
        successor: Incarnation,
    ) -> Result<MetaCommand, String> {
        let Some(info) = self.groups.map().nodes.get(&node) else {
            return Err(format!("ERR node {node} is not a member of this cluster"));
        };
        let old = info.incarnation;
        if old == successor {
            return Err(format!("ERR that is the data directory node {node} is known with"));
        }
        if node == self.local.id() || self.others.peers().silent_for_us(node) < LOST_US {
            return Err(format!(
                "ERR node {node} is up with the data directory that the cluster knows: stop it before another takes its seat"
            ));
        }
        Ok(MetaCommand::Replace { node, old, successor })
    }

    /// Does what is due for members that lost their data.
    pub(crate) fn tend_replacements(&mut self) {
        self.ask_for_replacements();
        let due: Vec<_> = self.groups.map().replacements().map(|(n, r)| (n, r.clone())).collect();
        for (node, replacement) in due {
            let successor = replacement.successor;
            for group in replacement.leaving {
                if self.has_left(group, node) {
                    self.propose_meta(&MetaCommand::Left { node, group, successor });
                }
            }
            for group in replacement.joining {
                if self.has_joined(group, node) {
                    self.propose_meta(&MetaCommand::Joined { node, group, successor });
                }
            }
        }
    }

    fn ask_for_replacements(&mut self) {
        let now = self.local.now().mono_us;
        let lost =
            |(key, knock): (&(NodeId, Incarnation), &Knock)| {
                let (node, successor) = *key;
                let knocks = now.saturating_sub(knock.last_us) < GONE_US;
                let long = knock.last_us.saturating_sub(knock.first_us) >= LOST_US;
                let info = self.groups.map().nodes.get(&node)?;
                let begun = self.groups.map().replacements().find(|(of, _)| *of == node);
                let free = begun.is_none_or(|(_, begun)| {
                    begun.successor != successor
                        && !self.others.knocks().contains_key(&(node, begun.successor))
                });
                let gone = self.others.peers().silent_for_us(node) >= LOST_US
                    && info.incarnation != successor;
                let old = info.incarnation;
                (knocks && long && gone && free && !knock.elsewhere)
                    .then_some(MetaCommand::Replace { node, old, successor })
            };
        let commands: Vec<_> = self.others.knocks().iter().filter_map(lost).collect();
        commands.iter().for_each(|command| self.propose_meta(command));
    }

    /// Moves a group that is led here to a membership without the node. Whether that is committed.
    fn has_left(&mut self, group: PartitionId, node: NodeId) -> bool {
        let Some((in_force, committed)) = self.led_membership(group) else { return false };
        let has = |membership: &Membership| membership.all().contains(&node);
        if !has(&in_force) {
            return !has(&committed) && in_force.outgoing.is_empty();
        }
        let mut target = in_force;
        target.voters.retain(|member| *member != node);
        target.learners.retain(|member| *member != node);
        self.move_to(group, target);
        false
    }

    /// Takes the node into a group that is led here: as a learner, and once it has caught up as what it was. Whether
    /// that is committed.
    fn has_joined(&mut self, group: PartitionId, node: NodeId) -> bool {
        let Some((in_force, committed)) = self.led_membership(group) else { return false };
        let votes = self.is_to_vote(group, node);
        let mut target = in_force.clone();
        if in_force.voters.contains(&node) || (in_force.learners.contains(&node) && !votes) {
            return in_force == committed;
        } else if in_force.learners.contains(&node) {
            if !self.has_caught_up(group, node) {
                return false;
            }
            target.learners.retain(|member| *member != node);
            target.voters.push(node);
        } else {
            target.learners.push(node);
        }
        self.move_to(group, target);
        false
    }

    /// The membership of a group that is led here: the one in force, and the last one that was committed and applied.
    pub(crate) fn led_membership(
        &mut self,
        group: PartitionId,
    ) -> Option<(Membership, Membership)> {
        if !self.is_leader(group) {
            return None;
        }
        let replica = self.replica(group)?;
        let committed = replica.committed_membership().clone();
        Some((replica.status().membership, committed))
    }

    pub(crate) fn move_to(&mut self, group: PartitionId, target: Membership) {
        let settled = target.outgoing.is_empty() && !target.voters.is_empty();
        if settled && let Some(replica) = self.replica(group) {
            let _refused_while_another_is_under_way = replica.engine().change_membership(target);
            self.touch(group);
        }
    }

    /// Whether the node votes in the group when all is well.
    fn is_to_vote(&self, group: PartitionId, node: NodeId) -> bool {
        match group {
            PartitionId::META => self.meta_voters().contains(&node),
            _ => {
                let map = self.groups.map();
                map.partition(group).is_some_and(|info| info.replicas.contains(&node))
                    || map.absorbed(group).is_some_and(|of| of.replicas.contains(&node))
            }
        }
    }

    pub(crate) fn has_caught_up(&mut self, group: PartitionId, node: NodeId) -> bool {
        let Some(replica) = self.replica(group) else { return false };
        let status = replica.status();
        status.peers.iter().any(|p| p.node == node && p.active && p.matched >= status.commit)
    }
}
