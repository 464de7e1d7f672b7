//! A collection open for change, in whichever form it lies, and what each kind of collection does to itself then.

mod hash;
mod list;
mod set;
mod stream;
mod zset;

use crate::error::{Failure, WRONG_TYPE};
use crate::object::{Form, Full, Object, Packed};
use crate::value::{Collection, View, Whole};
use std::marker::PhantomData;
use std::ops::Range;
use synod_types::Millis;

/// A collection open for change. Whatever changes it marks the key as changed; merely looking does not.
pub struct Edit<'a, K> {
    /// Invariant: holds a `K`, packed or full.
    object: &'a mut Object,
    changed: bool,
    kind: PhantomData<K>,
}

impl<'a, K: Collection> Edit<'a, K> {
    pub(crate) fn new(object: &'a mut Object) -> Result<Self, Failure> {
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

    /// Whether anything was changed, or is taken as changed.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Whether nothing is left.
    pub(crate) fn is_gone(&self) -> bool {
        match self.view() {
            View::Packed(packed) => K::packed_is_gone(packed),
            View::Full(full) => full.is_gone(),
        }
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

pub(crate) fn build<K: Collection>(
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
