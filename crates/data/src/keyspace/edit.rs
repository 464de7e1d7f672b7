//! Typed changing of collections: one closure between finding a value and accounting for its change.

use super::{Keyspace, Spot};
use crate::error::{Failure, WRONG_TYPE};
use crate::object::{Form, Full, Object, Packed, View};
use crate::value::Collection;
use std::marker::PhantomData;
use std::ops::Range;
use synod_types::Millis;

/// A whole collection, as a command that computes one hands it over.
#[derive(Debug)]
pub enum Whole<K> {
    /// In the packed layout of `K`.
    Packed(Vec<u8>),
    /// As its own structure.
    Full(K),
}

impl<K> Whole<K> {
    /// The collection as it stands.
    #[must_use]
    pub fn view(&self) -> View<'_, K> {
        match self {
            Self::Packed(packed) => View::Packed(packed),
            Self::Full(full) => View::Full(full),
        }
    }
}

/// A collection open for change. Whatever changes it marks the key as changed; merely looking does not.
pub struct Edit<'a, K> {
    /// Invariant: holds a `K`, packed or full.
    object: &'a mut Object,
    changed: bool,
    kind: PhantomData<K>,
}

impl<'a, K: Collection> Edit<'a, K> {
    fn new(object: &'a mut Object) -> Result<Self, Failure> {
        if object.kind() != K::KIND {
            return Err(WRONG_TYPE);
        }
        Ok(Self { object, changed: false, kind: PhantomData })
    }

    /// The collection as it stands.
    #[must_use]
    pub fn view(&self) -> View<'_, K> {
        self.object.view().unwrap_or(View::Packed(K::PACKED_EMPTY))
    }

    /// The packed bytes for a change that keeps their number; `None` when full.
    pub fn packed_mut(&mut self) -> Option<&mut [u8]> {
        match &mut *self.object {
            Object::Packed(packed) => {
                self.changed = true;
                Some(packed.value_mut())
            }
            Object::Full(_) => None,
        }
    }

    /// Replaces a range of the packed bytes; the allocation takes the exact new size. Does nothing
    /// when full, or when the range is not inside the packed bytes.
    pub fn splice(&mut self, range: Range<usize>, with: &[u8]) {
        if let Object::Packed(packed) = &mut *self.object
            && range.start <= range.end
            && range.end <= packed.value().len()
        {
            self.changed = true;
            packed.splice(range, with);
        }
    }

    /// The structure, for a change; `None` when packed.
    pub fn full_mut(&mut self) -> Option<&mut K> {
        match &mut *self.object {
            Object::Packed(_) => None,
            Object::Full(full) => {
                self.changed = true;
                K::of_mut(&mut full.value)
            }
        }
    }

    /// As [`Self::full_mut`], for a change that may turn out to be none, which `change` says.
    pub fn full_if<R>(&mut self, change: impl FnOnce(&mut K) -> (R, bool)) -> Option<R> {
        let Object::Full(full) = &mut *self.object else { return None };
        let (result, changed) = change(K::of_mut(&mut full.value)?);
        self.changed |= changed;
        Some(result)
    }

    /// Marks the key as changed though nothing was, where Redis does so.
    pub fn touch(&mut self) {
        self.changed = true;
    }

    /// Replaces the collection whole, by either form.
    pub fn set(&mut self, whole: Whole<K>) {
        self.changed = true;
        *self.object = build(whole, self.object.key(), self.object.version(), self.object.expire());
    }

    fn is_gone(&self) -> bool {
        match self.view() {
            View::Packed(packed) => K::packed_is_gone(packed),
            View::Full(full) => full.is_gone(),
        }
    }
}

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
                gone = edit.changed && edit.is_gone();
                (result, edit.changed)
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
        let keep = edit.changed && !edit.is_gone();
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

/// A collection that `fill` makes, for a key, in whichever form fits it; `None` when `fill` fails, or leaves it empty.
pub(crate) fn assemble<K: Collection>(
    key: &[u8],
    fill: impl FnOnce(&mut Edit<'_, K>) -> Option<()>,
) -> Option<Object> {
    let mut object = build::<K>(Whole::Packed(K::PACKED_EMPTY.to_vec()), key, 0, None);
    let mut edit = Edit::<K>::new(&mut object).ok()?;
    fill(&mut edit)?;
    let gone = edit.is_gone();
    (!gone).then_some(object)
}

fn build<K: Collection>(
    whole: Whole<K>,
    key: &[u8],
    version: u64,
    expire: Option<Millis>,
) -> Object {
    match whole {
        Whole::Packed(value) => {
            Object::Packed(Packed::new(Form::of_kind(K::KIND), key, &value, version, expire))
        }
        Whole::Full(value) => Object::Full(Box::new(Full {
            version,
            expire,
            key: key.into(),
            value: value.into_value(),
        })),
    }
}
