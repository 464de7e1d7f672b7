//! Locks whose line is that of a ZooKeeper recipe: their contenders are znodes, and who holds them is known from the tree.
//!
//! The tree lies in the same partition and is changed by the same log. After each change of it the partition tells here who
//! holds the locks now, so that a write is checked in the step that writes, as with every other lock. Nothing of it is
//! stored: it follows from the znodes.

use crate::check::Fenced;
use std::collections::BTreeMap;
use synod_types::plant::planted;

/// What the name of a lock begins with whose line is in the tree of the default namespace: its path follows. The braces are
/// a hash tag, so the name lies in the slot of that tree.
pub const TREE_TAG: &[u8] = b"{zookeeper}";

/// The path of a lock of the tree; `None` for the name of another lock.
#[must_use]
pub fn tree_path(name: &[u8]) -> Option<&[u8]> {
    name.strip_prefix(TREE_TAG).filter(|path| path.first() == Some(&b'/'))
}

/// The holders of the locks of the tree, by path: their tokens. A lock that nobody holds is not here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Followed(BTreeMap<Box<[u8]>, Box<[u64]>>);

impl Followed {
    /// These are the holders from now on.
    pub fn set(&mut self, path: &[u8], holders: &[u64]) {
        let before = match holders.is_empty() {
            true => self.0.remove(path),
            false => self.0.insert(path.into(), holders.into()),
        };
        if planted("tree-token-outlives")
            && let Some(before) = before
        {
            self.0.insert(path.into(), [&*before, holders].concat().into());
        }
    }

    /// Whether the holder of this token may write.
    pub fn check(&self, path: &[u8], token: u64) -> Result<(), Fenced> {
        match self.0.get(path) {
            Some(holders) if holders.contains(&token) => Ok(()),
            Some(_) => Err(Fenced::NoHolder),
            None => Err(Fenced::NoLock),
        }
    }

    /// The names of the locks that somebody holds.
    pub fn names(&self) -> impl ExactSizeIterator<Item = Vec<u8>> {
        self.0.keys().map(|path| [TREE_TAG, path].concat())
    }

    pub fn memory(&self) -> usize {
        let entry = |(path, holders): (&Box<[u8]>, &Box<[u64]>)| {
            2 * size_of::<(Box<[u8]>, Box<[u64]>)>() + path.len() + size_of_val(&**holders)
        };
        self.0.iter().map(entry).sum()
    }
}
