//! A group's machines read back from a snapshot.

use crate::cluster::ClusterRestorer;
use crate::slots::Owned;
use crate::state::{State, follow};
use synod_data::{Keyspace, Restorer};
use synod_machine::{MachineId, Restore};
use synod_tree::{NamedRestorer, NamedTrees};
use synod_types::{DEFAULT_NAMESPACE, Epoch, SLOT_COUNT, Slot};

/// The machines of a group being read back from a snapshot: each chunk ends with the number of its machine.
#[derive(Debug)]
pub struct Loader {
    keyspace: Option<Box<Restorer>>,
    cluster: Option<ClusterRestorer>,
    /// Begun by the first chunk of a tree.
    tree: Option<synod_tree::Restorer>,
    /// Begun by the first chunk of a tree with a name.
    named: Option<NamedRestorer>,
    /// As founded until a section says something else; `None` for the metadata group.
    owned: Option<Owned>,
}

impl Loader {
    /// A loader of a partition's machines. Its snapshot says which slots it has.
    #[must_use]
    pub fn data() -> Self {
        let any = Slot(0)..=Slot(SLOT_COUNT - 1);
        Self {
            owned: Some(Owned::founded(any.clone())),
            keyspace: Some(Box::new(Keyspace::restore(any))),
            cluster: None,
            tree: None,
            named: None,
        }
    }

    /// A loader of the cluster map.
    #[must_use]
    pub fn meta() -> Self {
        let cluster = Some(ClusterRestorer::default());
        Self { keyspace: None, cluster, tree: None, named: None, owned: None }
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// A chunk that no snapshot of this version holds, in words; the loader is of no more use.
    pub fn chunk(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Some((machine, bytes)) = bytes.split_last() else {
            return Err("an empty chunk".to_owned());
        };
        match (MachineId(*machine), self) {
            (MachineId::KEYSPACE, Self { keyspace: Some(keyspace), .. }) => {
                Restore::chunk(&mut **keyspace, bytes)
            }
            (MachineId::CLUSTER_MAP, Self { cluster: Some(cluster), .. }) => cluster.chunk(bytes),
            (MachineId::TREE, Self { keyspace: Some(_), tree, .. }) => {
                tree.get_or_insert_default().chunk(bytes)
            }
            (MachineId::NAMED_TREES, Self { keyspace: Some(_), named, .. }) => {
                named.get_or_insert_default().chunk(bytes)
            }
            (MachineId::SLOTS, Self { owned: Some(owned), .. }) => {
                *owned = Owned::restore(bytes)?;
                Ok(())
            }
            (
                MachineId::KEYSPACE
                | MachineId::CLUSTER_MAP
                | MachineId::TREE
                | MachineId::NAMED_TREES
                | MachineId::SLOTS,
                _,
            ) => Err(format!("a section of machine {machine}, which this group does not have")),
            _ => Err(format!(
                "a section of machine {machine}, which this version of Synod does not know"
            )),
        }
    }

    /// The state, after the last chunk.
    ///
    /// # Errors
    /// Chunks are missing or wrong, in words.
    pub fn finish(self) -> Result<State, String> {
        let keyspace = self.keyspace.map(|restorer| Restore::finish(*restorer)).transpose()?;
        let cluster = self.cluster.map(Restore::finish).transpose()?;
        let mut tree = self.tree.map(Restore::finish).transpose()?;
        let mut keyspace = keyspace.map(|keyspace| keyspace.with_engine(&synod_script::LUA));
        let mut named = self.named.map(Restore::finish).transpose()?;
        if let Some(keyspace) = &mut keyspace {
            if let Some(tree) = &mut tree {
                follow(keyspace, DEFAULT_NAMESPACE, tree).for_each(drop);
            }
            for (namespace, tree) in named.iter_mut().flat_map(NamedTrees::iter_mut) {
                follow(keyspace, namespace, tree).for_each(drop);
            }
        }
        let mut owned = self.owned;
        if let (Some(owned), Some(keyspace)) = (&mut owned, &keyspace) {
            let slots = keyspace.slots();
            if owned.epoch() != Epoch(0) && owned.slots().is_some_and(|owned| *owned != slots) {
                return Err(
                    "a partition that owns other slots than those of its content".to_owned()
                );
            }
            owned.has_content_of(slots);
        }
        Ok(State {
            keyspace: keyspace.map(Box::new),
            cluster: cluster.map(Box::new),
            tree: tree.map(Box::new),
            named: named.map(Box::new),
            owned,
            ..State::default()
        })
    }
}
