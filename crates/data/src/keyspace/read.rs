//! Typed reading. A key whose time has passed is absent; nothing is ever changed.

use super::Keyspace;
use crate::Args;
use crate::command::Command;
use crate::error::Failure;
use crate::object::Text;
use crate::value::View;
use crate::value::hash::{Hash, Living};
use crate::value::{Collection, Kind};
use synod_types::Millis;

/// What takes so little memory is looked at in no time worth counting.
const LARGE_BYTES: usize = 16 << 10;

impl Keyspace {
    /// The string at a key.
    ///
    /// # Errors
    /// `WRONG_TYPE` when the key holds something else.
    #[inline]
    pub fn text(&self, key: &[u8], now: Millis) -> Result<Option<Text<'_>>, Failure> {
        self.get(key, now).map(|object| object.text()).transpose()
    }

    /// The collection at a key.
    ///
    /// # Errors
    /// `WRONG_TYPE` when the key holds something else.
    #[inline]
    pub fn view<K: Collection>(
        &self,
        key: &[u8],
        now: Millis,
    ) -> Result<Option<View<'_, K>>, Failure> {
        self.get(key, now).map(|object| object.view()).transpose()
    }

    /// The hash at a key, without the fields whose time has passed.
    ///
    /// # Errors
    /// `WRONG_TYPE` when the key holds something else.
    #[inline]
    pub(crate) fn fields(&self, key: &[u8], now: Millis) -> Result<Option<Living<'_>>, Failure> {
        Ok(self.view::<Hash>(key, now)?.map(|hash| Living::new(hash, now)))
    }

    /// The collection at a key, whatever its time, without being counted as a look at it.
    pub(crate) fn glance<K: Collection>(&self, key: &[u8]) -> Option<View<'_, K>> {
        let (table, hash) = self.place(key)?;
        table.object(table.find(hash, key)?).view().ok()
    }

    /// Whether a key is there.
    #[must_use]
    pub fn exists(&self, key: &[u8], now: Millis) -> bool {
        self.get(key, now).is_some()
    }

    /// About how many bytes of values a command may have to look at: those of its keys, where they are large. Commands
    /// that take constant time do not look at all of them, so this says nothing of those.
    #[must_use]
    pub fn weight(&self, command: &Command, args: &Args<'_>) -> usize {
        let objects = command.key_positions(args).filter_map(|at| {
            let (table, hash) = self.place(args[at])?;
            table.find(hash, args[at]).map(|found| table.object(found))
        });
        objects.map(|object| object.heap_bytes()).filter(|bytes| *bytes >= LARGE_BYTES).sum()
    }

    /// The kind of value at a key.
    #[must_use]
    pub fn kind(&self, key: &[u8], now: Millis) -> Option<Kind> {
        self.get(key, now).map(|object| object.kind())
    }
}
