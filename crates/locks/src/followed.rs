//! Locks whose line is that of a ZooKeeper recipe: their contenders are znodes, and who holds them is known from the tree.
//!
//! The tree lies in the same partition and is changed by the same log. After each change of it the partition tells here who
//! holds the locks now, so that a write is checked in the step that writes, as with every other lock. Nothing of it is
//! stored: it follows from the znodes.

use crate::check::Fenced;
use std::collections::BTreeMap;
use synod_types::plant::planted;

/// The holders of the locks of the tree, by name: their tokens. A lock that nobody holds is not here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Followed(BTreeMap<Box<[u8]>, Box<[u64]>>);

impl Followed {
    /// These are the holders from now on.
    pub fn set(&mut self, name: &[u8], holders: &[u64]) {
        let before = match holders.is_empty() {
            true => self.0.remove(name),
            false => self.0.insert(name.into(), holders.into()),
        };
        if planted("tree-token-outlives")
            && let Some(before) = before
        {
            self.0.insert(name.into(), [&*before, holders].concat().into());
        }
    }

    /// Whether the holder of this token may write.
    pub fn check(&self, name: &[u8], token: u64) -> Result<(), Fenced> {
        match self.0.get(name) {
            Some(holders) if holders.contains(&token) => Ok(()),
            Some(_) => Err(Fenced::NoHolder),
            None => Err(Fenced::NoLock),
        }
    }

    /// The greatest and the least token of those who hold the lock; zeros when nobody does.
    pub fn tokens(&self, name: &[u8]) -> (u64, u64) {
        let holders = self.0.get(name).map(|holders| &**holders).unwrap_or_default();
        let of = |token: Option<&u64>| token.copied().unwrap_or_default();
        (of(holders.iter().max()), of(holders.iter().min()))
    }

    /// Takes the locks out whose names `goes` picks.
    pub fn split_off(&mut self, goes: impl Fn(&[u8]) -> bool) -> Self {
        Self(self.0.extract_if(.., |name, _| goes(name)).collect())
    }

    /// Takes those of another partition in.
    pub fn absorb(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The names of the locks that somebody holds.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.keys().map(|name| &**name)
    }

    pub fn memory(&self) -> usize {
        let mut bytes = self.0.len() * 2 * size_of::<(Box<[u8]>, Box<[u64]>)>();
        for (name, holders) in &self.0 {
            bytes += name.len() + size_of_val(&**holders);
        }
        bytes
    }
}
