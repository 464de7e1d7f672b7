//! Typed changing of collections: one closure between finding a value and accounting for its change.

use super::{Keyspace, Spot};
use crate::edit::{Edit, build};
use crate::error::Failure;
use crate::value::Collection;
use crate::value::Whole;
use synod_types::Millis;

impl Keyspace {
    /// Changes the collection at a key through `change`; `None` when there is none. A collection left
    /// empty is deleted with its key.
    ///
    /// # Errors
    /// `WRONG_TYPE` when the key holds something else, and whatever `change` returns; what `change` did
    /// before it failed stays done.
    pub fn edit<K: Collection, R>(
        &mut self,
        key: &[u8],
        now: Millis,
        change: impl FnOnce(&mut Edit<'_, K>) -> Result<R, Failure>,
    ) -> Result<Option<R>, Failure> {
        let spot = self.open(key, now);
        match spot.at {
            Some(at) => self.edit_at(spot, at, change).map(Some),
            None => Ok(None),
        }
    }

    fn edit_at<K: Collection, R>(
        &mut self,
        spot: Spot,
        at: usize,
        change: impl FnOnce(&mut Edit<'_, K>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let mut gone = false;
        let result = self.change(spot, at, |object| match Edit::<K>::new(object) {
            Ok(mut edit) => {
                let result = change(&mut edit);
                gone = edit.is_changed() && edit.is_gone();
                (result, edit.is_changed())
            }
            Err(wrong_type) => (Err(wrong_type), false),
        });
        if gone {
            self.remove(spot);
        }
        result
    }

    /// As [`Self::edit`], beginning with an empty collection when there is none.
    ///
    /// # Errors
    /// As [`Self::edit`]; a collection that would be new is not created then.
    pub fn edit_or_create<K: Collection, R>(
        &mut self,
        key: &[u8],
        now: Millis,
        change: impl FnOnce(&mut Edit<'_, K>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let spot = self.open(key, now);
        if let Some(at) = spot.at {
            return self.edit_at(spot, at, change);
        }
        let mut object = build::<K>(Whole::Packed(K::PACKED_EMPTY.to_vec()), key, 0, None);
        let mut edit = Edit::<K>::new(&mut object)?;
        let result = change(&mut edit)?;
        let keep = edit.is_changed() && !edit.is_gone();
        if keep {
            self.put(spot, object);
        }
        Ok(result)
    }

    /// Puts a whole collection at a key, whatever was there, without expiry; an empty one only deletes.
    pub fn store<K: Collection>(&mut self, key: &[u8], now: Millis, whole: Whole<K>) {
        let spot = self.open(key, now);
        let gone = match &whole {
            Whole::Packed(packed) => K::packed_is_gone(packed),
            Whole::Full(full) => full.is_gone(),
        };
        if gone {
            self.delete_at(spot);
        } else {
            self.put(spot, build(whole, key, 0, None));
        }
    }

    /// Deletes a key; whether it was there.
    pub fn delete(&mut self, key: &[u8], now: Millis) -> bool {
        let spot = self.open(key, now);
        self.delete_at(spot)
    }
}

impl Keyspace {
    /// Deletes what is at a spot; whether anything was there.
    pub(super) fn delete_at(&mut self, spot: Spot) -> bool {
        let object = self.remove(spot);
        let found = object.is_some();
        object.into_iter().for_each(|object| self.discard(object));
        found
    }
}
