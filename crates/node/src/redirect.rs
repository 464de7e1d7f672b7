//! Requests that were on their way to a partition when slots of its went to another one.
//!
//! A request is sent to the partition that has its keys by the map of that moment. When it comes back without having been
//! executed, or has waited for a leader, the map may be another one:
//!
//! | its keys | it |
//! |---|---|
//! | are where they were, or it has none and speaks of this partition alone | goes there again |
//! | are all in one other partition | goes to that one |
//! | were in one that has become part of another one, or it speaks of that one alone | goes to that |
//! | are in several, or it speaks of all keys, or it is a step of a transaction | is refused: nothing was done, try again |
//!
//! So that the requests of a connection keep their order, nothing is sent to the new partition as long as something that
//! was sent to the old one before the map changed has not come back.

use crate::forward::Forward;
use crate::node::Node;
use std::sync::Arc;
use synod_data::op::Op;
use synod_data::{Keyspace, lookup};
use synod_machine::{MachineId, Operation};
use synod_replica::{Access, Origin};
use synod_ring::ClusterMap;
use synod_tree::taken_apart;
use synod_txn::Step;
use synod_types::{PartitionId, RequestId, Slot, key_slot, namespace_key};

/// What a request is told that cannot be sent anywhere.
pub(crate) const MOVED: &str =
    "TRYAGAIN the slots of its keys have moved to another partition meanwhile; nothing was done";

/// Where a request is to go that was for some partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Where it was to go.
    Same,
    /// Its keys are there now.
    Other(PartitionId),
    /// Nowhere.
    Torn,
}

/// What a request speaks of.
enum Speaks {
    /// Of these slots.
    Of(Vec<Slot>),
    /// Of the partition that it was sent to, whatever that has.
    OfPartition,
    /// Of all keys, or of what all partitions have.
    OfAll,
}

impl Node {
    /// Where a request that was for this partition is to go by the map of now.
    pub(crate) fn way_of(&self, partition: PartitionId, op: &[u8]) -> Way {
        let map = self.groups.map();
        match partition == PartitionId::META || !(map.was_split() || map.was_merged()) {
            true => Way::Same,
            false => way(self.groups.map(), partition, op),
        }
    }

    /// Sends a request that came back without having been executed to where its keys are.
    pub(crate) fn route_again(
        &mut self,
        partition: PartitionId,
        origin: Origin,
        op: Vec<u8>,
        access: Access,
    ) {
        match self.way_of(partition, &op) {
            Way::Same => self.route(partition, origin, op, access),
            Way::Other(partition) => self.route(partition, origin, op, access),
            Way::Torn => self.refuse(partition, origin, MOVED),
        }
    }

    /// Has a request that waits go where its keys are; `None` when it is refused.
    pub(crate) fn towards_its_keys(&mut self, mut forward: Forward) -> Option<Forward> {
        match self.way_of(forward.partition, &forward.op) {
            Way::Same => return Some(forward),
            Way::Other(partition) => forward.partition = partition,
            Way::Torn => {
                self.refuse(forward.partition, forward.origin, MOVED);
                return None;
            }
        }
        if let (Origin::Client { client, .. }, true) = (forward.origin, forward.wait.is_some())
            && let Some(blocked) = self.clients.session(client).and_then(|s| s.blocked_mut())
        {
            blocked.wait_at(forward.partition);
        }
        Some(forward)
    }

    /// A map is known by which slots of some partitions went to others: what waits for the old ones is sorted, and the others
    /// wait for what is out.
    pub(crate) fn follow_slots(&mut self, old: &Arc<ClusterMap>) {
        let map = Arc::clone(self.groups.map());
        let is_new = |child: &PartitionId| old.partition(*child).is_none();
        let new = map.partitions().keys().copied().filter(is_new);
        let split = new.filter_map(|child| Some((child, map.parent_of(child)?)));
        let merged = old.partitions().keys();
        let merged = merged.filter_map(|upper| Some((map.heir_of(*upper)?, *upper)));
        for (heir, before) in split.chain(merged) {
            let waiting: Vec<(RequestId, Forward)> =
                self.under_way.unrouted_mut().take(before).into_iter().collect();
            self.under_way.begin_heir(heir, before, map.epoch_of(before));
            for (id, forward) in waiting {
                self.park(id, forward);
            }
        }
    }
}

fn way(map: &ClusterMap, partition: PartitionId, op: &[u8]) -> Way {
    let Some(op) = Operation::take(&mut &*op) else { return Way::Same };
    let is_step = op.machine == MachineId::KEYSPACE && synod_data::op::is_step(op.body);
    let of_partition = match map.heir_of(partition) {
        // The heir may keep a part of its own of the transaction, and would speak of that.
        Some(_) if is_inquiry(&op) => Way::Torn,
        heir => heir.map_or(Way::Same, Way::Other),
    };
    let slots = match speaks(&op) {
        Speaks::Of(slots) => slots,
        Speaks::OfPartition => return of_partition,
        Speaks::OfAll => return Way::Torn,
    };
    let mut owners = slots.into_iter().map(|slot| map.partition_of(slot));
    let Some(first) = owners.next() else { return of_partition };
    match first {
        _ if owners.any(|owner| owner != first) => Way::Torn,
        Some(owner) if owner == partition => Way::Same,
        Some(owner) if !is_step => Way::Other(owner),
        _ => Way::Torn,
    }
}

/// Whether it asks whether a partition keeps its part of a transaction.
fn is_inquiry(op: &Operation<'_>) -> bool {
    op.machine == MachineId::KEYSPACE
        && matches!(Op::decode(op.body), Some(Op::Step(Step::Inquire { .. })))
}

fn speaks(op: &Operation<'_>) -> Speaks {
    if let Some((namespace, _)) = taken_apart(op) {
        return Speaks::Of(vec![key_slot(&namespace_key(namespace))]);
    }
    let of = |keys: &[&[u8]]| Speaks::Of(keys.iter().map(|key| key_slot(key)).collect());
    let Some(op) = Op::decode(op.body).filter(|_| op.machine == MachineId::KEYSPACE) else {
        return Speaks::OfPartition;
    };
    match op.plain() {
        Op::Command(args) | Op::Wait { args, .. } => match keys_of(args) {
            keys if keys.is_empty() => Speaks::OfAll,
            keys => of(&keys),
        },
        Op::Transaction { watched, commands } => {
            let mut keys: Vec<&[u8]> = watched.iter().map(|(key, _)| *key).collect();
            commands.iter().for_each(|args| keys.extend(keys_of(args)));
            of(&keys)
        }
        Op::Versions(keys) => of(keys),
        Op::DebugObject(key) => of(&[*key]),
        Op::Scan { count: u64::MAX, .. } => Speaks::OfAll,
        Op::Scan { cursor, .. } => Speaks::Of(
            Keyspace::cursor_slot(*cursor).filter(|_| *cursor != 0).into_iter().collect(),
        ),
        Op::SlotCount(slot) | Op::SlotKeys { slot, .. } => Speaks::Of(vec![*slot]),
        Op::Step(step) => of(&step.keys()),
        Op::RandomKey | Op::PassScript(_) | Op::Expire(_) | Op::Evict(_) => Speaks::OfPartition,
        _ => Speaks::OfAll,
    }
}

fn keys_of<'a>(args: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let command = args.first().and_then(|name| lookup(name));
    command
        .map_or_else(Vec::new, |command| command.key_positions(args).map(|at| args[at]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_ring::{MetaCommand, NodeInfo, Reshape};
    use synod_txn::{Detail, Locking, TxnId};
    use synod_types::{ClusterId, Epoch, Millis, NodeId};

    const OLD: PartitionId = PartitionId(1);

    /// One partition, of which the slots from 8192 on have become another.
    fn map() -> ClusterMap {
        let mut map = ClusterMap::default();
        let nodes = [(NodeId(1), NodeInfo::default())].into();
        let (cluster, engine) = (ClusterId(7), None);
        let (partition, child) = (OLD, PartitionId(2));
        for command in [
            MetaCommand::Found { cluster, partitions: 1, replicas: 1, nodes, engine },
            MetaCommand::Reshape(Reshape::Split { partition, at: Slot(8_192) }),
            MetaCommand::Reshape(Reshape::Halved { partition, child, epoch: Epoch(1) }),
        ] {
            map.apply(command).expect("one after the other");
        }
        map
    }

    #[test]
    fn a_request_goes_where_its_keys_are_or_nowhere() {
        let map = map();
        let other = Way::Other(PartitionId(2));
        // foo lies in slot 12182, bar in 5061.
        let command = |words: &[&'static str]| {
            Op::Command(words.iter().map(|word| word.as_bytes()).collect())
        };
        let scan = |cursor, count| Op::Scan { cursor, count, pattern: None, kind: None };
        let (txn, detail, locking) = (TxnId::default(), Detail::Strings, Locking::None);
        let fetch = |key: &'static str| {
            let (locks, sources) = (Vec::new(), Vec::new());
            Op::Step(Step::Fetch {
                txn,
                locking,
                detail,
                keys: vec![key.as_bytes()],
                locks,
                sources,
            })
        };
        for (op, expected) in [
            (command(&["GET", "bar"]), Way::Same),
            (command(&["SET", "foo", "1"]), other),
            (command(&["MSET", "foo", "1", "bar", "2"]), Way::Torn),
            (command(&["MSET", "{foo}1", "1", "foo", "2"]), other),
            (
                Op::Transaction {
                    watched: vec![(b"bar", 2)],
                    commands: vec![["SET", "foo", "1"].iter().map(|w| w.as_bytes()).collect()],
                },
                Way::Torn,
            ),
            (Op::Stats, Way::Torn),
            (Op::Clear, Way::Torn),
            (Op::RandomKey, Way::Same),
            (scan(0, 10), Way::Same),
            (scan(0, u64::MAX), Way::Torn),
            (scan(Keyspace::cursor_from(Slot(8_191)), 10), Way::Same),
            (scan(Keyspace::cursor_from(Slot(8_192)), 10), other),
            (Op::SlotCount(Slot(9_000)), other),
            (fetch("bar"), Way::Same),
            (fetch("foo"), Way::Torn),
            (Op::Step(Step::Finish { txn, commit: true }), Way::Same),
        ] {
            let mut bytes = Vec::new();
            op.encode(&mut bytes);
            assert_eq!(way(&map, OLD, &bytes), expected, "{op:?}");
        }
    }

    #[test]
    fn what_a_partition_was_asked_that_is_part_of_another_one_goes_there_but_no_inquiry() {
        let mut map = map();
        let upper = PartitionId(2);
        for command in [
            Reshape::Merge { upper },
            Reshape::Seal { upper },
            Reshape::Merged { upper, sealed: Epoch(2), epoch: Epoch(2) },
        ] {
            map.apply(MetaCommand::Reshape(command)).expect("one after the other");
        }
        let (txn, until, deadline) = (TxnId::default(), Millis(9), Millis(9));
        for (op, expected) in [
            (Op::RandomKey, Way::Other(OLD)),
            (Op::Step(Step::Resolve { txn, deadline }), Way::Other(OLD)),
            (Op::Step(Step::Finish { txn, commit: true }), Way::Other(OLD)),
            // The other one may keep a part of its own.
            (Op::Step(Step::Inquire { txn, until }), Way::Torn),
        ] {
            let mut bytes = Vec::new();
            op.encode(&mut bytes);
            assert_eq!(way(&map, upper, &bytes), expected, "{op:?}");
        }
    }
}
