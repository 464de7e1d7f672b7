//! Strings: setting them in place where possible, and editing them without copying large ones.

use super::{Keyspace, Spot};
use crate::error::{Failure, WRONG_TYPE};
use crate::number::parse_i64;
use crate::object::{Due, Form, Full, Object, Packed, Text};
use crate::value::{Kind, Value};
use synod_types::Millis;

/// An edited string longer than this stands alone, where it grows without being copied each time.
const PACKED_EDIT_LEN_MAX: usize = 1024;

/// What becomes of a key's expiry time when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It stays what it is.
    Keep,
    /// The key lives until it is deleted.
    Never,
    /// The key is gone from this time on.
    At(Millis),
}

impl Keyspace {
    /// Sets a key to a string, whatever it held.
    #[inline]
    pub fn set_text(&mut self, key: &[u8], text: &[u8], expiry: Expiry, now: Millis) {
        let spot = self.open(key, now);
        self.set_text_at(spot, key, text, expiry);
    }

    /// As [`Self::set_text`], of a key already opened.
    pub(crate) fn set_text_at(&mut self, spot: Spot, key: &[u8], text: &[u8], expiry: Expiry) {
        match parse_i64(text) {
            Some(n) => self.set_packed(spot, key, Form::Integer, &n.to_le_bytes(), expiry),
            None => self.set_packed(spot, key, Form::Text, text, expiry),
        }
    }

    /// Sets a key to an integer, spelled in decimal.
    pub(crate) fn set_integer_at(&mut self, spot: Spot, key: &[u8], n: i64, expiry: Expiry) {
        self.set_packed(spot, key, Form::Integer, &n.to_le_bytes(), expiry);
    }

    fn set_packed(&mut self, spot: Spot, key: &[u8], form: Form, value: &[u8], expiry: Expiry) {
        let expire = match expiry {
            Expiry::Keep => self.object(spot).and_then(Object::expire),
            Expiry::Never => None,
            Expiry::At(at) => Some(at),
        };
        if let Some(at) = spot.at
            && self.overwrite(spot, at, form, value, expire)
        {
            return;
        }
        self.put(spot, Object::Packed(Packed::new(form, key, value, 0, expire)));
    }

    /// Overwrites the value where it lies, when old and new have the same shape.
    fn overwrite(
        &mut self,
        spot: Spot,
        at: usize,
        form: Form,
        value: &[u8],
        expire: Option<Millis>,
    ) -> bool {
        let table = &mut self.slots[spot.slot];
        let Object::Packed(packed) = table.object_mut(at) else { return false };
        let before = packed.expire();
        if packed.value().len() != value.len() || before.is_some() != expire.is_some() {
            return false;
        }
        packed.value_mut().copy_from_slice(value);
        packed.set_form(form);
        self.changes += 1;
        self.changed.note(packed.key());
        packed.set_version(self.changes);
        if before != expire {
            packed.set_expire(expire);
            let due = |key| Due { key, field: None };
            table.expiry_changed(due(before), due(expire));
        }
        true
    }

    /// Sets a key to a computed string, whatever it held, without expiry.
    pub(crate) fn store_text(&mut self, key: &[u8], bytes: Vec<u8>, now: Millis) {
        let spot = self.open(key, now);
        self.put(spot, edited(key, bytes, None));
    }

    /// Changes the string at a key through `change`, beginning with an empty one when there is none;
    /// its expiry stays. `change` says besides its result whether it changed anything; where it did not, an
    /// absent key stays absent.
    ///
    /// # Errors
    /// `WRONG_TYPE` when the key holds something else; nothing is changed then.
    pub(crate) fn edit_text<R>(
        &mut self,
        key: &[u8],
        now: Millis,
        change: impl FnOnce(&mut Vec<u8>) -> (R, bool),
    ) -> Result<R, Failure> {
        let spot = self.open(key, now);
        let Some(at) = spot.at else {
            let mut bytes = Vec::new();
            let (result, changed) = change(&mut bytes);
            if changed {
                self.put(spot, edited(key, bytes, None));
            }
            return Ok(result);
        };
        if self.object(spot).is_some_and(|object| object.kind() != Kind::String) {
            return Err(WRONG_TYPE);
        }
        Ok(self.change(spot, at, |object| {
            if let Object::Full(full) = object
                && let Value::String(bytes) = &mut full.value
            {
                return change(bytes);
            }
            let mut bytes = object.text().map_or_else(|_| Vec::new(), Text::into_vec);
            let (result, changed) = change(&mut bytes);
            if changed {
                *object = edited(object.key(), bytes, object.expire());
            }
            (result, changed)
        }))
    }
}

/// A string for a key, kept as an integer where it spells one.
pub(crate) fn text_object(key: &[u8], text: &[u8]) -> Object {
    Object::Packed(match parse_i64(text) {
        Some(n) => Packed::new(Form::Integer, key, &n.to_le_bytes(), 0, None),
        None => Packed::new(Form::Text, key, text, 0, None),
    })
}

fn edited(key: &[u8], bytes: Vec<u8>, expire: Option<Millis>) -> Object {
    if bytes.len() <= PACKED_EDIT_LEN_MAX {
        return Object::Packed(Packed::new(Form::Edited, key, &bytes, 0, expire));
    }
    Object::Full(Box::new(Full {
        version: 0,
        expire,
        key: key.into(),
        value: Value::String(bytes),
    }))
}
