//! Typed reading. A key whose time has passed is absent; nothing is ever changed.

use super::Keyspace;
use crate::error::Failure;
use crate::object::{Text, View};
use crate::value::{Collection, Kind};
use synod_types::Millis;

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

    /// Whether a key is there.
    #[must_use]
    pub fn exists(&self, key: &[u8], now: Millis) -> bool {
        self.get(key, now).is_some()
    }

    /// The kind of value at a key.
    #[must_use]
    pub fn kind(&self, key: &[u8], now: Millis) -> Option<Kind> {
        self.get(key, now).map(|object| object.kind())
    }
}
