//! Hashes: packed, fields and values in turn in the order they came; full, a dense table of pairs.

mod edit;
mod pair;
#[cfg(test)]
mod tests;

use super::dense::Dense;
use super::packed::{self, HEADER, Item, Items};
use super::{Collection, Kind, Stored, Value};
use crate::digest;
use crate::number::I64Text;
use crate::object::View;
use pair::Pair;
use synod_types::varint;

/// A hash in its own structure.
#[derive(Clone, Debug, Default)]
pub struct Hash {
    pairs: Dense<Pair>,
}

impl Hash {
    fn from_packed(packed: &[u8]) -> Self {
        let mut hash = Self { pairs: Dense::with_capacity(packed::count(packed) + 1) };
        View::<Self>::Packed(packed).each(|field, value| {
            let (mut field_text, mut value_text) = (I64Text::new(0), I64Text::new(0));
            hash.set(field.text(&mut field_text), value.text(&mut value_text));
        });
        hash
    }

    /// Sets a field; whether it is new.
    fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let (at, is_new) = self.pairs.insert_with(field, || Pair::new(field, value));
        if !is_new {
            self.pairs.update(at, |pair| pair.set_value(value));
        }
        is_new
    }
}

impl<'a> View<'a, Hash> {
    /// The number of fields.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed::count(packed),
            Self::Full(hash) => hash.pairs.len(),
        }
    }

    /// The value of a field.
    #[must_use]
    pub(crate) fn get(&self, field: &[u8]) -> Option<Item<'a>> {
        match self {
            Self::Packed(packed) => {
                let (at, _) = packed::find(packed, field, 2)?;
                let value = at + packed::size_at(&packed[at..]);
                Some(packed::item_at(&packed[value..]))
            }
            Self::Full(hash) => {
                let at = hash.pairs.find(field)?;
                Some(Item::Bytes(hash.pairs.entries()[at].value()))
            }
        }
    }

    /// The field and value at a position of the hash's order; `index` is below the length.
    #[must_use]
    pub(crate) fn pair_at(&self, index: usize) -> (Item<'a>, Item<'a>) {
        match self {
            Self::Packed(packed) => {
                let field = &packed[packed::offset_of(packed, index, 2)..];
                (packed::item_at(field), packed::item_at(&field[packed::size_at(field)..]))
            }
            Self::Full(hash) => {
                let pair = &hash.pairs.entries()[index];
                (Item::Bytes(pair.field()), Item::Bytes(pair.value()))
            }
        }
    }

    /// Hands each field and value to `f`, in order.
    pub(crate) fn each(&self, mut f: impl FnMut(Item<'a>, Item<'a>)) {
        match self {
            Self::Packed(packed) => {
                let mut items = Items::of(packed);
                while let (Some(field), Some(value)) = (items.next(), items.next()) {
                    f(field, value);
                }
            }
            Self::Full(hash) => {
                for pair in hash.pairs.entries() {
                    f(Item::Bytes(pair.field()), Item::Bytes(pair.value()));
                }
            }
        }
    }

    /// Whether a scan goes through it step by step; a packed one is answered at once.
    #[must_use]
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

fn digest_of(view: &View<'_, Hash>) -> u64 {
    let mut sum = 0u64;
    view.each(|field, value| {
        let field = digest::bytes(2, field.text(&mut I64Text::new(0)));
        sum = sum.wrapping_add(digest::bytes(field, value.text(&mut I64Text::new(0))));
    });
    sum
}

impl Stored for Hash {
    fn kind(&self) -> Kind {
        Kind::Hash
    }

    fn is_gone(&self) -> bool {
        self.pairs.is_empty()
    }

    fn encoding(&self) -> &'static str {
        "hashtable"
    }

    fn digest(&self) -> u64 {
        digest_of(&View::Full(self))
    }

    fn heap_bytes(&self) -> usize {
        self.pairs.heap_bytes()
    }

    /// The fields and values in order.
    fn encode(&self, out: &mut Vec<u8>) {
        for pair in self.pairs.entries() {
            varint::put_bytes(out, pair.field());
            varint::put_bytes(out, pair.value());
        }
    }
}

impl Collection for Hash {
    const KIND: Kind = Kind::Hash;
    const PACKED_EMPTY: &'static [u8] = &[0; HEADER];

    fn of(value: &Value) -> Option<&Self> {
        match value {
            Value::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        match value {
            Value::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    fn into_value(self) -> Value {
        Value::Hash(self)
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut hash = Self::default();
        while !bytes.is_empty() {
            let field = varint::take_bytes(&mut bytes)?;
            if !hash.set(field, varint::take_bytes(&mut bytes)?) {
                return None;
            }
        }
        (!hash.is_gone()).then_some(hash)
    }

    fn packed_is_valid(packed: &[u8]) -> bool {
        packed::check(packed, 2) && Self::from_packed(packed).pairs.len() == packed::count(packed)
    }

    fn packed_is_gone(packed: &[u8]) -> bool {
        packed::count(packed) == 0
    }

    fn packed_encoding(_: &[u8]) -> &'static str {
        "listpack"
    }

    fn packed_digest(packed: &[u8]) -> u64 {
        digest_of(&View::Packed(packed))
    }
}
