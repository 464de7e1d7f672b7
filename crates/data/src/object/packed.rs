//! The packed object: key, header and value in one allocation.
//!
//! ```text
//! | tag 1 | version 8 | expire 8, if tag says so | key length varint | key | value |
//! ```
//!
//! Little-endian. The tag's low nibble is the [`Form`] of the value, its top bit says that an expiry
//! time is there. The version and expiry are at fixed places, so touching a key rewrites 8 bytes.

use crate::value::Kind;
use synod_types::{Millis, varint};

const EXPIRE_BIT: u8 = 0x80;
const FORM_MASK: u8 = 0x0f;
const VERSION_AT: usize = 1;
const EXPIRE_AT: usize = 9;

/// How the value bytes are to be read. The numbers are part of the snapshot format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Form {
    /// A packed collection of this kind; its number is the kind's (1 to 5).
    List = 1,
    Set = 2,
    Hash = 3,
    Zset = 4,
    Stream = 5,
    /// A string as it was set.
    Text = 8,
    /// A string that spells an integer, kept as 8 bytes.
    Integer = 9,
    /// A string that was edited (APPEND, SETRANGE); OBJECT ENCODING tells it apart.
    Edited = 10,
}

impl Form {
    pub(crate) const fn from_u8(n: u8) -> Option<Self> {
        Some(match n {
            1 => Self::List,
            2 => Self::Set,
            3 => Self::Hash,
            4 => Self::Zset,
            5 => Self::Stream,
            8 => Self::Text,
            9 => Self::Integer,
            10 => Self::Edited,
            _ => return None,
        })
    }

    pub(crate) const fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::String => Self::Text,
            Kind::List => Self::List,
            Kind::Set => Self::Set,
            Kind::Hash => Self::Hash,
            Kind::Zset => Self::Zset,
            Kind::Stream => Self::Stream,
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::List => Kind::List,
            Self::Set => Kind::Set,
            Self::Hash => Kind::Hash,
            Self::Zset => Kind::Zset,
            Self::Stream => Kind::Stream,
            Self::Text | Self::Integer | Self::Edited => Kind::String,
        }
    }
}

/// A packed object.
///
/// Invariant: the bytes were written by [`Packed::new`] or passed [`Packed::from_untrusted`], so every
/// read below finds its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Packed(Box<[u8]>);

impl Packed {
    /// One allocation of the exact size.
    pub(crate) fn new(
        form: Form,
        key: &[u8],
        value: &[u8],
        version: u64,
        expire: Option<Millis>,
    ) -> Self {
        let header = if expire.is_some() { EXPIRE_AT + 8 } else { EXPIRE_AT };
        let len = header + varint_len(key.len()) + key.len() + value.len();
        let mut bytes = Vec::with_capacity(len);
        bytes.push(form as u8 | if expire.is_some() { EXPIRE_BIT } else { 0 });
        bytes.extend_from_slice(&version.to_le_bytes());
        if let Some(at) = expire {
            bytes.extend_from_slice(&at.0.to_le_bytes());
        }
        varint::put_bytes(&mut bytes, key);
        bytes.extend_from_slice(value);
        Self(bytes.into_boxed_slice())
    }

    /// Takes bytes from a snapshot; `None` when the header or a string's value is malformed. A
    /// collection's value is for its own validator.
    pub(crate) fn from_untrusted(bytes: &[u8]) -> Option<Self> {
        let tag = *bytes.first()?;
        let form = Form::from_u8(tag & FORM_MASK)?;
        if tag & !(EXPIRE_BIT | FORM_MASK) != 0 {
            return None;
        }
        let mut rest = bytes.get(header_len(tag)..)?;
        let before = rest.len();
        let key_len = varint::take_bytes(&mut rest)?.len();
        let canonical = before - rest.len() == varint_len(key_len) + key_len;
        let value_fits = form != Form::Integer || rest.len() == 8;
        (canonical && value_fits).then(|| Self(bytes.into()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn form(&self) -> Form {
        Form::from_u8(self.0[0] & FORM_MASK).unwrap_or(Form::Text)
    }

    pub(crate) fn set_form(&mut self, form: Form) {
        self.0[0] = self.0[0] & !FORM_MASK | form as u8;
    }

    pub(crate) fn version(&self) -> u64 {
        u64_at(&self.0, VERSION_AT)
    }

    pub(crate) fn set_version(&mut self, version: u64) {
        self.0[VERSION_AT..VERSION_AT + 8].copy_from_slice(&version.to_le_bytes());
    }

    pub(crate) fn expire(&self) -> Option<Millis> {
        (self.0[0] & EXPIRE_BIT != 0).then(|| Millis(u64_at(&self.0, EXPIRE_AT)))
    }

    /// Sets the expiry time in place when there is room for it; otherwise moves to a new allocation.
    pub(crate) fn set_expire(&mut self, expire: Option<Millis>) {
        match (expire, self.expire()) {
            (None, None) => {}
            (Some(at), Some(_)) => {
                self.0[EXPIRE_AT..EXPIRE_AT + 8].copy_from_slice(&at.0.to_le_bytes());
            }
            _ => *self = Self::new(self.form(), self.key(), self.value(), self.version(), expire),
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        self.split().0
    }

    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        self.split().1
    }

    #[inline]
    pub(crate) fn value_mut(&mut self) -> &mut [u8] {
        let at = self.value_at();
        &mut self.0[at..]
    }

    /// Replaces a range of the value. The allocation grows or shrinks to the exact size.
    pub(crate) fn splice(&mut self, range: std::ops::Range<usize>, with: &[u8]) {
        let at = self.value_at();
        let (start, end) = (at + range.start, at + range.end);
        if with.len() == range.len() {
            self.0[start..end].copy_from_slice(with);
            return;
        }
        let mut bytes = std::mem::take(&mut self.0).into_vec();
        let len = bytes.len();
        let len_after = len - range.len() + with.len();
        if len_after > len {
            bytes.reserve_exact(len_after - len);
            bytes.resize(len_after, 0);
        }
        bytes.copy_within(end..len, start + with.len());
        bytes.truncate(len_after);
        bytes[start..start + with.len()].copy_from_slice(with);
        self.0 = bytes.into_boxed_slice();
    }

    fn value_at(&self) -> usize {
        self.0.len() - self.split().1.len()
    }

    #[inline]
    fn split(&self) -> (&[u8], &[u8]) {
        let rest = &self.0[header_len(self.0[0])..];
        // A key below 128 bytes has a length of one byte: nearly every key.
        let (key_len, rest) = match rest[0] {
            n @ 0..=0x7f => (usize::from(n), &rest[1..]),
            _ => {
                let mut rest = rest;
                let n = varint::take(&mut rest).unwrap_or(0);
                (n as usize, rest)
            }
        };
        rest.split_at(key_len)
    }
}

const fn header_len(tag: u8) -> usize {
    if tag & EXPIRE_BIT != 0 { EXPIRE_AT + 8 } else { EXPIRE_AT }
}

/// The bytes that `varint::put` takes for a length.
const fn varint_len(n: usize) -> usize {
    (64 - (n as u64 | 1).leading_zeros() as usize).div_ceil(7)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
