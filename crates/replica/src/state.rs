//! The machines of a group: of a partition, or of the metadata group.

use crate::absorption::Absorption;
use crate::cluster::ClusterMachine;
use crate::slots::{Claim, Claimed, Owned};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use synod_data::digest::mix;
use synod_data::{Context, Garbage, Keyspace, KeyspaceStats, Measures, Scratch};
use synod_machine::{Machine, MachineId, Operation};
use synod_ring::ClusterMap;
use synod_tree::{NamedTrees, Tree, taken_apart};
use synod_types::{
    DEFAULT_NAMESPACE, Epoch, Millis, PartitionId, ReplySink, Slot, key_slot, namespace_key,
    tree_lock,
};

const HELD: &str = "ERR a transaction holds a key of these slots";
const UNSETTLED: &str = "ERR others have to hear of a transaction that was decided here";
const NOT_HERE: &str = "ERR the content of these slots is not here";
const FOREIGN: &str = "ERR the group has no machine for this operation";

/// What a group agrees on: one log, one snapshot, and the machines behind them.
///
/// A fixed struct, so that an operation finds its machine by a comparison of its number. A machine that the group
/// does not have is `None`.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) keyspace: Option<Box<Keyspace>>,
    /// What there was to tell of the keyspace when it was lent to an operation that is run beside the turns.
    pub(crate) lent: Option<Measures>,
    pub(crate) cluster: Option<Box<ClusterMachine>>,
    /// Made by the first operation of a tree; most partitions have none.
    pub(crate) tree: Option<Box<Tree>>,
    /// The same for namespaces that have names.
    pub(crate) named: Option<Box<NamedTrees>>,
    /// Which slots the partition owns; `None` for the metadata group.
    pub(crate) owned: Option<Owned>,
    /// The locks of trees whose holders may have changed since this was asked last.
    pub(crate) changed_locks: BTreeSet<Vec<u8>>,
    /// What was split off by the entry being applied.
    pub(crate) offspring: Option<(PartitionId, Box<State>)>,
    pub(crate) absorption: Absorption,
}

impl State {
    /// The empty machines of a partition.
    #[must_use]
    pub fn data(slots: RangeInclusive<Slot>) -> Self {
        let keyspace = Keyspace::new(slots).with_engine(&synod_script::LUA);
        let owned = Owned::founded(keyspace.slots());
        Self { keyspace: Some(Box::new(keyspace)), owned: Some(owned), ..Self::default() }
    }

    /// A keyspace for transactions, with what the keyspaces of partitions have.
    #[must_use]
    pub fn scratch() -> Scratch {
        Scratch::default().with_engine(&synod_script::LUA)
    }

    /// The map of a cluster that is not founded yet.
    #[must_use]
    pub fn meta() -> Self {
        Self { cluster: Some(Box::default()), ..Self::default() }
    }

    /// Which slots the partition owns; `None` for the metadata group.
    #[must_use]
    #[inline]
    pub fn owned(&self) -> Option<&Owned> {
        self.owned.as_ref()
    }

    /// The epoch of the partition's slots; 0 for the metadata group.
    #[must_use]
    #[inline]
    pub fn epoch(&self) -> Epoch {
        self.owned.as_ref().map_or(Epoch(0), Owned::epoch)
    }

    /// Whether the partition owns no slot.
    #[must_use]
    #[inline]
    pub fn is_sealed(&self) -> bool {
        self.owned.as_ref().is_some_and(|owned| owned.slots().is_none())
    }

    /// Whether the partition has given its slots away.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.owned.as_ref().is_some_and(|owned| owned.given().is_some())
    }

    /// Whether keys were changed since the partition was sealed, which must never be.
    #[must_use]
    pub fn changed_while_sealed(&self) -> bool {
        match (&self.owned, &self.keyspace) {
            (Some(owned), Some(keyspace)) if owned.slots().is_none() => {
                keyspace.changes() != owned.changes()
            }
            _ => false,
        }
    }

    /// The keyspace, if the group has one and it is not lent.
    #[must_use]
    #[inline]
    pub fn keyspace(&self) -> Option<&Keyspace> {
        self.keyspace.as_deref()
    }

    /// What there is to tell of the keyspace, if the group has one, lent or not.
    #[must_use]
    pub fn measures(&self) -> Option<Measures> {
        self.lent.or_else(|| self.keyspace().map(Keyspace::measures))
    }

    /// How many bytes the keyspace's objects take, lent or not.
    #[must_use]
    pub fn object_bytes(&self) -> usize {
        let lent = self.lent.map(|lent| lent.object_bytes);
        lent.or_else(|| self.keyspace().map(Keyspace::object_bytes)).unwrap_or(0)
    }

    /// Lends the keyspace, until it is [returned](Self::take_back).
    pub(crate) fn lend(&mut self) -> Option<Box<Keyspace>> {
        let keyspace = self.keyspace.take()?;
        self.lent = Some(keyspace.measures());
        Some(keyspace)
    }

    /// Takes the keyspace back that was lent.
    pub(crate) fn take_back(&mut self, mut keyspace: Box<Keyspace>, stats: Option<KeyspaceStats>) {
        stats.into_iter().for_each(|stats| keyspace.set_stats(stats));
        self.lent = None;
        self.keyspace = Some(keyspace);
    }

    /// The keyspace, if the group has one and it is not lent, to be changed.
    pub fn keyspace_mut(&mut self) -> Option<&mut Keyspace> {
        self.keyspace.as_deref_mut()
    }

    /// The cluster map, if this is the metadata group.
    #[must_use]
    pub fn map(&self) -> Option<&ClusterMap> {
        self.cluster.as_deref().map(ClusterMachine::map)
    }

    /// The tree of this namespace, if the partition has it.
    #[must_use]
    pub fn tree(&self, namespace: &str) -> Option<&Tree> {
        match namespace {
            DEFAULT_NAMESPACE => self.tree.as_deref(),
            name => self.named.as_deref()?.get(name),
        }
    }

    /// All trees, by their namespaces.
    pub fn trees(&self) -> impl Iterator<Item = (&str, &Tree)> {
        let default = self.tree.as_deref().map(|tree| (DEFAULT_NAMESPACE, tree));
        default.into_iter().chain(self.named.iter().flat_map(|named| named.iter()))
    }

    /// The locks of trees whose holders may have changed since this was asked last, by name.
    pub(crate) fn take_changed_locks(&mut self) -> BTreeSet<Vec<u8>> {
        std::mem::take(&mut self.changed_locks)
    }

    /// Runs a committed operation. One whose machine this group does not have answers an error and changes nothing.
    #[inline]
    pub fn apply(&mut self, op: Operation<'_>, ctx: &Context, out: &mut dyn ReplySink) {
        match (op.machine, self) {
            (MachineId::KEYSPACE, Self { keyspace: Some(keyspace), .. }) => {
                keyspace.apply(op.body, ctx, out);
            }
            (MachineId::CLUSTER_MAP, Self { cluster: Some(cluster), .. }) => {
                cluster.apply(op.body, ctx, out);
            }
            (MachineId::TREE, Self { keyspace: Some(keyspace), tree, changed_locks, .. }) => {
                if tree.is_none() && !may_have(keyspace, DEFAULT_NAMESPACE) {
                    return out.error(FOREIGN);
                }
                let tree = tree.get_or_insert_default();
                tree.apply(op.body, ctx, out);
                changed_locks.extend(follow(keyspace, DEFAULT_NAMESPACE, tree));
            }
            (
                MachineId::NAMED_TREES,
                Self { keyspace: Some(keyspace), named, changed_locks, .. },
            ) => {
                if taken_apart(&op).is_some_and(|(name, _)| !may_have(keyspace, name)) {
                    return out.error(FOREIGN);
                }
                let named = named.get_or_insert_default();
                if let Some((namespace, tree)) = named.apply_to(op.body, ctx, out) {
                    changed_locks.extend(follow(keyspace, namespace, tree));
                }
            }
            (MachineId::SLOTS, state @ Self { keyspace: Some(_), owned: Some(_), .. }) => {
                state.claim(op.body, ctx, out);
            }
            _ => out.error(FOREIGN),
        }
    }

    /// Another epoch is to begin.
    fn claim(&mut self, body: &[u8], ctx: &Context, out: &mut dyn ReplySink) {
        let (Some(owned), Some(keyspace)) = (&mut self.owned, &self.keyspace) else { return };
        owned.note_changes(keyspace.changes());
        match owned.asked(body) {
            Ok(claim @ Claim { what: Claimed::Split { at, .. }, .. }) => {
                match self.split_off(at, claim, ctx) {
                    true => out.simple("OK"),
                    false => out.error(HELD),
                }
            }
            Ok(claim @ Claim { what: Claimed::Absorb { .. }, .. }) => {
                match self.absorb(claim, ctx) {
                    true => out.simple("OK"),
                    false => out.error(NOT_HERE),
                }
            }
            Ok(Claim { what: Claimed::Given { .. }, .. }) if !keyspace.has_settled() => {
                out.error(UNSETTLED);
            }
            _ => owned.apply(body, ctx, out),
        }
    }

    /// Splits the machines, unless an undecided transaction holds a key of the slots that would go.
    fn split_off(&mut self, at: Slot, claim: Claim, ctx: &Context) -> bool {
        let (Some(owned), Some(keyspace)) = (&mut self.owned, &mut self.keyspace) else {
            return false;
        };
        let Some(upper) = keyspace.split_off(at) else { return false };
        let Some((child, owns)) = owned.begin(claim, ctx.now) else { return false };
        let goes = |namespace: &str| key_slot(&namespace_key(namespace)) >= at;
        let tree = self.tree.take_if(|_| goes(DEFAULT_NAMESPACE));
        let named = self.named.as_mut().and_then(|named| named.split_off(goes));
        // No trees are none: a snapshot of them has nothing to say.
        self.named.take_if(|named| named.iter().next().is_none());
        let state = Self {
            keyspace: Some(Box::new(upper)),
            tree,
            named: named.map(Box::new),
            owned: Some(owns),
            ..Self::default()
        };
        self.offspring = Some((child, Box::new(state)));
        true
    }

    /// What was split off since this was asked last.
    pub(crate) fn take_offspring(&mut self) -> Option<(PartitionId, Box<State>)> {
        self.offspring.take()
    }

    /// Whether no transaction has to be seen to here, as far as can be told now.
    pub(crate) fn has_settled(&self) -> bool {
        self.keyspace().is_some_and(Keyspace::has_settled)
    }

    /// Whether an undecided transaction holds a key of this slot or of one behind it, as far as can be told now.
    pub(crate) fn may_be_held_from(&self, at: Slot) -> bool {
        self.keyspace().is_none_or(|keyspace| keyspace.is_held_from(at))
    }

    /// Runs a reading operation.
    #[inline]
    pub fn read(&self, op: Operation<'_>, ctx: &Context, out: &mut dyn ReplySink) {
        match (op.machine, self) {
            (MachineId::KEYSPACE, Self { keyspace: Some(keyspace), .. }) => {
                keyspace.read(op.body, ctx, out);
            }
            (MachineId::CLUSTER_MAP, Self { cluster: Some(cluster), .. }) => {
                cluster.read(op.body, ctx, out);
            }
            (MachineId::TREE, Self { tree: Some(tree), .. }) => tree.read(op.body, ctx, out),
            (MachineId::TREE, Self { keyspace: Some(_), .. }) => {
                Tree::default().read(op.body, ctx, out);
            }
            (MachineId::NAMED_TREES, Self { named: Some(named), .. }) => {
                named.read(op.body, ctx, out);
            }
            (MachineId::NAMED_TREES, Self { keyspace: Some(_), .. }) => {
                NamedTrees::default().read(op.body, ctx, out);
            }
            _ => out.error(FOREIGN),
        }
    }

    /// A hash of all machines, in which replicas agree. Costs a walk over the whole state.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.machines()
            .fold(0, |hash, machine| mix(mix(hash, u64::from(machine.id().0)), machine.digest()))
    }

    /// Gives the state up; what is to be freed where nobody waits.
    pub(crate) fn into_garbage(self) -> Option<Garbage> {
        self.keyspace.map(|keyspace| keyspace.into_garbage())
    }

    fn machines(&self) -> impl Iterator<Item = &dyn Machine> {
        let keyspace = self.keyspace.as_deref().map(|machine| machine as &dyn Machine);
        let cluster = self.cluster.as_deref().map(|machine| machine as &dyn Machine);
        let tree = self.tree.as_deref().map(|machine| machine as &dyn Machine);
        let named = self.named.as_deref().map(|machine| machine as &dyn Machine);
        // As it was founded it has nothing to tell, and had nothing in builds that knew no epochs.
        let owned = self.owned.as_ref().filter(|owned| owned.epoch() != Epoch(0));
        let owned = owned.map(|machine| machine as &dyn Machine);
        [cluster, keyspace, tree, named, owned].into_iter().flatten()
    }

    fn machines_mut(&mut self) -> impl Iterator<Item = &mut dyn Machine> {
        let keyspace = self.keyspace.as_deref_mut().map(|machine| machine as &mut dyn Machine);
        let cluster = self.cluster.as_deref_mut().map(|machine| machine as &mut dyn Machine);
        let tree = self.tree.as_deref_mut().map(|machine| machine as &mut dyn Machine);
        let named = self.named.as_deref_mut().map(|machine| machine as &mut dyn Machine);
        let owned = self.owned.as_mut().filter(|owned| owned.epoch() != Epoch(0));
        let owned = owned.map(|machine| machine as &mut dyn Machine);
        [cluster, keyspace, tree, named, owned].into_iter().flatten()
    }

    /// Begins a snapshot of every machine there is now, in the order in which they are written.
    pub(crate) fn snapshot_begin(&mut self) -> Vec<MachineId> {
        let begin = |machine: &mut dyn Machine| {
            machine.snapshot_begin();
            machine.id()
        };
        self.machines_mut().map(begin).collect()
    }

    /// The next chunk of this machine's section, its number behind its bytes; `None` at the end of the section.
    pub(crate) fn snapshot_next(
        &mut self,
        machine: MachineId,
        bytes_max: usize,
    ) -> Option<Vec<u8>> {
        let mut bytes =
            self.machines_mut().find(|m| m.id() == machine)?.snapshot_next(bytes_max)?;
        bytes.push(machine.0);
        Some(bytes)
    }

    /// Gives the snapshot up.
    pub(crate) fn snapshot_cancel(&mut self) {
        self.machines_mut().for_each(Machine::snapshot_cancel);
    }
}

/// Whether the tree of this namespace lies in the slots of the partition. What its leader proposes of its own accord may come when
/// the tree has gone to another one.
fn may_have(keyspace: &Keyspace, namespace: &str) -> bool {
    keyspace.slots().contains(&key_slot(&namespace_key(namespace)))
}

/// The keyspace learns who holds the locks of a tree that have changed hands: it checks the writes that they fence. Gives
/// their names.
pub(crate) fn follow<'a>(
    keyspace: &'a mut Keyspace,
    namespace: &'a str,
    tree: &'a mut Tree,
) -> impl Iterator<Item = Vec<u8>> + 'a {
    tree.take_changed_locks().map(move |path| {
        let name = tree_lock(namespace, &path);
        keyspace.follow_lock(&name, &tree.holders(&path));
        name
    })
}

/// The context of the `ordinal`-th operation of a batch: the batch's time, a seed of its own.
pub(crate) fn context(now: Millis, seed: u64, ordinal: u64) -> Context {
    Context { now, seed: seed.wrapping_add(ordinal.wrapping_mul(0x9e37_79b9_7f4a_7c15)) }
}
