//! One key with its value: 16 bytes here, everything else behind one pointer.

mod packed;

pub(crate) use packed::{Form, Packed};

use crate::allocation::allocation;
use crate::error::{Failure, WRONG_TYPE};
use crate::number::I64Text;
use crate::value::hash::Hash;
use crate::value::{Collection, Kind, Packing, Value, View};
use synod_types::Millis;

/// The longest string that OBJECT ENCODING calls `embstr`, as in Redis.
const EMBSTR_LEN_MAX: usize = 44;

/// What a processor fetches at once.
const CACHE_LINE_BYTES: usize = 64;

/// What the slot's index takes per key: four bytes and a control byte, two thirds full.
const INDEX_BYTES: usize = 8;

/// A key with its value, version and expiry.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    /// All in one allocation.
    Packed(Packed),
    /// With a value that stands alone.
    Full(Box<Full>),
}

/// An object whose value is not packed.
#[derive(Clone, Debug)]
pub(crate) struct Full {
    pub version: u64,
    pub expire: Option<Millis>,
    pub key: Box<[u8]>,
    pub value: Value,
}

/// When what an object holds expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// The key with all it holds.
    pub key: Option<Millis>,
    /// The first of the fields of a hash that expire by themselves.
    pub field: Option<Millis>,
}

impl Due {
    /// The earlier of both.
    pub(crate) fn first(self) -> Option<Millis> {
        match (self.key, self.field) {
            (Some(key), Some(field)) => Some(key.min(field)),
            (key, field) => key.or(field),
        }
    }
}

/// A string as it is found.
#[derive(Clone, Copy, Debug)]
pub enum Text<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// The decimal spelling of this number.
    Integer(i64),
}

impl Text<'_> {
    /// Hands the bytes of the string to `f`, without allocating.
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Bytes(bytes) => f(bytes),
            Self::Integer(n) => f(I64Text::new(n).as_bytes()),
        }
    }

    /// The length of the string.
    #[must_use]
    pub fn len(self) -> usize {
        self.with(<[u8]>::len)
    }

    /// Whether the string is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// A copy of the string.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }
}

impl Object {
    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Packed(p) => p.key(),
            Self::Full(f) => &f.key,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Packed(p) => p.form().kind(),
            Self::Full(f) => f.value.as_stored().kind(),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        match self {
            Self::Packed(p) => p.version(),
            Self::Full(f) => f.version,
        }
    }

    pub(crate) fn set_version(&mut self, version: u64) {
        match self {
            Self::Packed(p) => p.set_version(version),
            Self::Full(f) => f.version = version,
        }
    }

    #[inline]
    pub(crate) fn expire(&self) -> Option<Millis> {
        match self {
            Self::Packed(p) => p.expire(),
            Self::Full(f) => f.expire,
        }
    }

    /// Looks at the memory where a small object lies, for the effect on the cache alone.
    #[inline]
    pub(crate) fn touch(&self) {
        let Self::Packed(packed) = self else { return };
        let bytes = packed.as_bytes();
        let last = bytes.len() - 1;
        for at in [0, CACHE_LINE_BYTES, 2 * CACHE_LINE_BYTES] {
            std::hint::black_box(bytes[at.min(last)]);
        }
    }

    pub(crate) fn set_expire(&mut self, expire: Option<Millis>) {
        match self {
            Self::Packed(p) => p.set_expire(expire),
            Self::Full(f) => f.expire = expire,
        }
    }

    /// Whether its time has passed, or that of all its fields.
    #[inline]
    pub(crate) fn is_expired(&self, now: Millis) -> bool {
        self.expire().is_some_and(|at| at <= now)
            || self.hash().is_some_and(|hash| hash.has_passed(now))
    }

    /// When something of it expires.
    #[inline]
    pub(crate) fn due(&self) -> Due {
        Due { key: self.expire(), field: self.hash().and_then(Hash::first_deadline) }
    }

    /// How many fields have expired at `now` and are not removed.
    pub(crate) fn passed_fields(&self, now: Millis) -> usize {
        self.hash().map_or(0, |hash| hash.passed(now))
    }

    /// Removes up to `most` fields that have expired; how many.
    pub(crate) fn drop_passed_fields(&mut self, now: Millis, most: usize) -> usize {
        match self {
            Self::Full(full) => match &mut full.value {
                Value::Hash(hash) => hash.drop_passed(now, most),
                _ => 0,
            },
            Self::Packed(_) => 0,
        }
    }

    /// The hash it holds, if that is not packed: only such a one has fields that expire.
    #[inline]
    fn hash(&self) -> Option<&Hash> {
        match self {
            Self::Full(full) => match &full.value {
                Value::Hash(hash) => Some(hash),
                _ => None,
            },
            Self::Packed(_) => None,
        }
    }

    /// The string it holds, or `WRONG_TYPE`.
    #[inline]
    pub(crate) fn text(&self) -> Result<Text<'_>, Failure> {
        match self {
            Self::Packed(p) => match p.form() {
                Form::Text | Form::Edited => Ok(Text::Bytes(p.value())),
                Form::Integer => Ok(Text::Integer(integer_of(p.value()))),
                _ => Err(WRONG_TYPE),
            },
            Self::Full(f) => match &f.value {
                Value::String(s) => Ok(Text::Bytes(s)),
                #[allow(unreachable_patterns)]
                _ => Err(WRONG_TYPE),
            },
        }
    }

    /// The collection it holds, or `WRONG_TYPE`.
    pub(crate) fn view<K: Collection>(&self) -> Result<View<'_, K>, Failure> {
        match self {
            Self::Packed(p) if p.form() == Form::of_kind(K::KIND) => Ok(View::Packed(p.value())),
            Self::Packed(_) => Err(WRONG_TYPE),
            Self::Full(f) => K::of(&f.value).map(View::Full).ok_or(WRONG_TYPE),
        }
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Self::Packed(p) => match (p.form(), Packing::of_kind(p.form().kind())) {
                (_, Some(packing)) => (packing.encoding)(p.value()),
                (Form::Integer, None) => "int",
                (Form::Text, None) if p.value().len() <= EMBSTR_LEN_MAX => "embstr",
                _ => "raw",
            },
            Self::Full(f) => f.value.as_stored().encoding(),
        }
    }

    /// A hash of key, content, expiry and version, whatever the layout.
    pub(crate) fn digest(&self) -> u64 {
        let value = match self {
            Self::Packed(p) => match Packing::of_kind(p.form().kind()) {
                Some(packing) => (packing.digest)(p.value()),
                None => self.text().map_or(0, |t| t.with(|bytes| crate::digest::bytes(0, bytes))),
            },
            Self::Full(f) => f.value.as_stored().digest(),
        };
        [self.kind() as u64, value, self.expire().map_or(0, |at| at.0), self.version()]
            .iter()
            .fold(crate::digest::bytes(0, self.key()), |state, word| {
                crate::digest::mix(state, *word)
            })
    }

    /// The same value under another key.
    pub(crate) fn renamed(self, key: &[u8]) -> Self {
        match self {
            Self::Packed(p) => {
                Self::Packed(Packed::new(p.form(), key, p.value(), p.version(), p.expire()))
            }
            Self::Full(mut f) => {
                f.key = key.into();
                Self::Full(f)
            }
        }
    }

    /// An estimate of all the bytes it takes, its place in the slot's table included.
    pub(crate) fn memory(&self) -> usize {
        self.heap_bytes() + size_of::<Self>() + INDEX_BYTES
    }

    /// An estimate of the bytes on the heap, with the allocator's rounding.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(p) => allocation(p.as_bytes().len()),
            Self::Full(f) => {
                allocation(size_of::<Full>())
                    + allocation(f.key.len())
                    + f.value.as_stored().heap_bytes()
            }
        }
    }
}

/// The integer in the value bytes of [`Form::Integer`].
pub(crate) fn integer_of(value: &[u8]) -> i64 {
    value.try_into().map_or(0, i64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_takes_two_words() {
        assert_eq!(size_of::<Object>(), 16);
    }
}
