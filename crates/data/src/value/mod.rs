//! The values that a key can hold, and what each collection must provide.
//!
//! A small collection is *packed*: a run of bytes in a layout of its own, stored in the same
//! allocation as the key. A large one is *full*: its own data structure, here as [`Value`]. Each
//! collection implements [`Collection`] and is entered in three places of this file: the enum,
//! [`Value::as_stored`] and [`Packing::of_kind`].

mod dense;
pub mod hash;
mod kind;
pub mod list;
pub(crate) mod packed;
pub(crate) mod sample;
pub mod set;
pub mod stream;
mod view;
pub mod zset;

pub(crate) use dense::scan_step;
pub use kind::Kind;
pub use packed::{ELEMENT_BYTES_MAX, ENTRIES_MAX};
pub use view::{View, Whole};

/// A value too large, or too often edited, to be packed.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string that grows in place (APPEND, SETRANGE).
    String(Vec<u8>),
    /// A list.
    List(list::List),
    /// A set.
    Set(set::Set),
    /// A hash.
    Hash(hash::Hash),
    /// A sorted set.
    Zset(zset::Zset),
    /// A stream.
    Stream(stream::Stream),
}

/// What is asked of any full value, whatever its kind.
pub trait Stored {
    /// The kind.
    fn kind(&self) -> Kind;
    /// Whether the key must go: true for an empty collection (a stream may be empty and stay).
    fn is_gone(&self) -> bool;
    /// What OBJECT ENCODING answers.
    fn encoding(&self) -> &'static str;
    /// A hash of the logical content: equal to the packed form's for equal content.
    fn digest(&self) -> u64;
    /// An estimate of the bytes on the heap; must be cheap, as it is asked around every write.
    fn heap_bytes(&self) -> usize;
    /// The number of its form in snapshots.
    fn form(&self) -> u8 {
        self.kind() as u8
    }
    /// Appends a self-contained encoding for snapshots. The order of elements that a later random or
    /// ordered choice depends on is part of it.
    fn encode(&self, out: &mut Vec<u8>);
}

/// A collection: how it looks packed, and how it is found inside [`Value`].
pub trait Collection: Stored + Sized {
    /// The kind.
    const KIND: Kind;
    /// The packed form of an empty collection, with which a new key starts.
    const PACKED_EMPTY: &'static [u8];
    /// This collection inside a value, if it is one.
    fn of(value: &Value) -> Option<&Self>;
    /// This collection inside a value, if it is one.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    /// Wraps it.
    fn into_value(self) -> Value;
    /// Reads what [`Stored::encode`] wrote, all of it; `None` for anything else. Bytes from a peer or a
    /// disk: no panic, no allocation beyond a small multiple of `bytes.len()`.
    fn decode(bytes: &[u8]) -> Option<Self>;
    /// Whether these bytes are a well-formed packed collection. Asked once, when a snapshot is read;
    /// everything else may then trust the layout.
    fn packed_is_valid(packed: &[u8]) -> bool;
    /// As [`Stored::is_gone`], of the packed form.
    fn packed_is_gone(packed: &[u8]) -> bool;
    /// As [`Stored::encoding`], of the packed form.
    fn packed_encoding(packed: &[u8]) -> &'static str;
    /// As [`Stored::digest`], of the packed form.
    fn packed_digest(packed: &[u8]) -> u64;
}

/// The functions of one kind's packed form, for code that meets the kind at run time only.
pub(crate) struct Packing {
    pub is_valid: fn(&[u8]) -> bool,
    pub is_gone: fn(&[u8]) -> bool,
    pub encoding: fn(&[u8]) -> &'static str,
    pub digest: fn(&[u8]) -> u64,
    /// Decodes the full form.
    pub decode: fn(&[u8]) -> Option<Value>,
}

impl Packing {
    const fn of<K: Collection>() -> Self {
        Self {
            is_valid: K::packed_is_valid,
            is_gone: K::packed_is_gone,
            encoding: K::packed_encoding,
            digest: K::packed_digest,
            decode: |bytes| K::decode(bytes).map(K::into_value),
        }
    }

    /// The functions of a kind; `None` for strings, which need none.
    pub(crate) const fn of_kind(kind: Kind) -> Option<&'static Self> {
        match kind {
            Kind::String => None,
            Kind::List => Some(const { &Self::of::<list::List>() }),
            Kind::Set => Some(const { &Self::of::<set::Set>() }),
            Kind::Hash => Some(const { &Self::of::<hash::Hash>() }),
            Kind::Zset => Some(const { &Self::of::<zset::Zset>() }),
            Kind::Stream => Some(const { &Self::of::<stream::Stream>() }),
        }
    }
}

impl Value {
    /// The value as whatever it is.
    #[must_use]
    pub fn as_stored(&self) -> &dyn Stored {
        match self {
            Self::String(s) => s,
            Self::List(list) => list,
            Self::Set(set) => set,
            Self::Hash(hash) => hash,
            Self::Zset(zset) => zset,
            Self::Stream(stream) => stream,
        }
    }

    /// Decodes a full value of this form; `None` when the bytes are anything else.
    pub(crate) fn decode(form: u8, bytes: &[u8]) -> Option<Self> {
        if form == hash::EXPIRING_FORM {
            return hash::Hash::decode_expiring(bytes).map(Self::Hash);
        }
        match Packing::of_kind(Kind::from_u8(form)?) {
            Some(packing) => (packing.decode)(bytes),
            None => Some(Self::String(bytes.to_vec())),
        }
    }
}

impl Stored for Vec<u8> {
    fn kind(&self) -> Kind {
        Kind::String
    }

    fn is_gone(&self) -> bool {
        false
    }

    fn encoding(&self) -> &'static str {
        "raw"
    }

    fn digest(&self) -> u64 {
        crate::digest::bytes(0, self)
    }

    fn heap_bytes(&self) -> usize {
        crate::allocation::allocation(self.capacity())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}
