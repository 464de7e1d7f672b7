//! Changing a hash at a key, whichever form it has.

use super::Edit;
use crate::value::View;
use crate::value::Whole;
use crate::value::hash::Hash;
use crate::value::packed::{self, ELEMENT_BYTES_MAX, ENTRIES_MAX, Encoded};
use synod_types::Millis;

impl Edit<'_, Hash> {
    /// Sets a field, which does not expire from now on; whether it is new.
    pub(crate) fn put(&mut self, field: &[u8], value: &[u8]) -> bool {
        let is_new = self.put_keeping(field, value);
        let expires = matches!(self.view(), View::Full(hash) if hash.has_deadlines());
        if !is_new && expires {
            self.set_deadline(field, None);
        }
        is_new
    }

    /// Sets or clears the time at which a field expires; does nothing where there is no such field.
    pub(crate) fn set_deadline(&mut self, field: &[u8], time: Option<Millis>) {
        if self.view().deadline(field).is_none_or(|before| before == time) {
            return;
        }
        if let View::Packed(packed) = self.view() {
            let hash = Hash::from_packed(packed);
            self.set(Whole::Full(hash));
        }
        if let Some(hash) = self.full_mut()
            && let Some(place) = hash.place_of(field)
        {
            hash.set_deadline(place, time);
        }
    }

    /// Sets a field, whose time stays what it is; whether it is new.
    pub(crate) fn put_keeping(&mut self, field: &[u8], value: &[u8]) -> bool {
        if let Some(hash) = self.full_mut() {
            return hash.set(field, value);
        }
        let View::Packed(packed) = self.view() else { return false };
        let (len, count) = (packed.len(), packed::count(packed));
        let found = packed::find(packed, field, 2);
        let is_large = field.len().max(value.len()) > ELEMENT_BYTES_MAX;
        if is_large || (found.is_none() && count >= ENTRIES_MAX) {
            let mut hash = Hash::from_packed(packed);
            let is_new = hash.set(field, value);
            self.set(Whole::Full(hash));
            return is_new;
        }
        let mut spelled = [0; 2 * (ELEMENT_BYTES_MAX + 2)];
        let value = Encoded::of(value);
        match found {
            Some((at, _)) => {
                let at = at + packed::size_at(&packed[at..]);
                let old = packed::size_at(&packed[at..]);
                value.write(&mut spelled);
                self.splice(at..at + old, &spelled[..value.size()]);
            }
            None => {
                let field = Encoded::of(field);
                field.write(&mut spelled);
                value.write(&mut spelled[field.size()..]);
                self.splice(len..len, &spelled[..field.size() + value.size()]);
                self.count(count + 1);
            }
        }
        found.is_none()
    }

    /// Removes a field; whether it was there.
    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        match self.view() {
            View::Full(hash) => {
                let Some(at) = hash.place_of(field) else { return false };
                if let Some(hash) = self.full_mut() {
                    hash.remove_at(at);
                }
                true
            }
            View::Packed(packed) => {
                let Some((at, _)) = packed::find(packed, field, 2) else { return false };
                let value = at + packed::size_at(&packed[at..]);
                let end = value + packed::size_at(&packed[value..]);
                let count = packed::count(packed);
                self.splice(at..end, &[]);
                self.count(count - 1);
                true
            }
        }
    }

    fn count(&mut self, count: usize) {
        if let Some(packed) = self.packed_mut() {
            packed::set_count(packed, count);
        }
    }
}
