//! Hashes: packed, fields and values in turn in the order they came; full, a dense table of pairs. One whose fields expire is
//! always full.

mod deadlines;
mod living;
mod pair;
#[cfg(test)]
mod tests;

use super::dense::Dense;
use super::packed::{self, HEADER, Item, Items};
use super::{Collection, Kind, Stored, Value};
use crate::allocation::allocation;
use crate::digest;
use crate::number::I64Text;
use crate::value::View;
use deadlines::Deadlines;
pub(crate) use living::Living;
use pair::Pair;
use synod_types::{Millis, varint};

/// The latest time at which a field may expire, as in Redis (`HFE_MAX_ABS_TIME_MSEC`), in milliseconds.
pub(crate) const FIELD_TIME_MS_MAX: u64 = ((1 << 48) - 2) >> 2;

/// The number, in snapshots, of a hash whose fields expire; below it are those of the kinds.
pub(crate) const EXPIRING_FORM: u8 = 6;

/// A hash in its own structure.
#[derive(Clone, Debug, Default)]
pub struct Hash {
    pairs: Dense<Pair>,
    /// When fields expire; none while no field does.
    deadlines: Option<Box<Deadlines>>,
}

impl Hash {
    pub(crate) fn from_packed(packed: &[u8]) -> Self {
        let mut hash =
            Self { pairs: Dense::with_capacity(packed::count(packed) + 1), deadlines: None };
        View::<Self>::Packed(packed).each(|field, value| {
            let (mut field_text, mut value_text) = (I64Text::new(0), I64Text::new(0));
            hash.set(field.text(&mut field_text), value.text(&mut value_text));
        });
        hash
    }

    /// Sets a field; whether it is new.
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let (at, is_new) = self.pairs.insert_with(field, || Pair::new(field, value));
        if !is_new {
            self.pairs.update(at, |pair| pair.set_value(value));
        }
        is_new
    }

    /// Removes what is at a place; the last one takes it.
    pub(crate) fn remove_at(&mut self, place: usize) {
        self.pairs.swap_remove(place);
        let last = self.pairs.len();
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.set(place, None);
            if place != last {
                deadlines.moved(last, place);
            }
        }
        self.forget_empty_deadlines();
    }

    /// Where a field is, if it is there.
    pub(crate) fn place_of(&self, field: &[u8]) -> Option<usize> {
        self.pairs.find(field)
    }

    /// Whether any field expires by itself.
    pub(crate) fn has_deadlines(&self) -> bool {
        self.deadlines.is_some()
    }

    pub(crate) fn set_deadline(&mut self, place: usize, time: Option<Millis>) {
        if time.is_some() || self.deadlines.is_some() {
            self.deadlines.get_or_insert_default().set(place, time);
            self.forget_empty_deadlines();
        }
    }

    fn forget_empty_deadlines(&mut self) {
        if self.deadlines.as_ref().is_some_and(|deadlines| deadlines.is_empty()) {
            self.deadlines = None;
        }
    }

    /// When the first field expires.
    pub(crate) fn first_deadline(&self) -> Option<Millis> {
        self.deadlines.as_ref()?.first().map(|(time, _)| time)
    }

    /// How many fields have expired at `now`.
    pub(crate) fn passed(&self, now: Millis) -> usize {
        self.deadlines.as_ref().map_or(0, |deadlines| deadlines.passed(now))
    }

    /// Whether all fields have expired at `now`.
    pub(crate) fn has_passed(&self, now: Millis) -> bool {
        let all = |deadlines: &&Deadlines| deadlines.len() == self.pairs.len();
        let last = self.deadlines.as_deref().filter(all).and_then(Deadlines::last);
        last.is_some_and(|last| last <= now)
    }

    /// Removes up to `most` fields that have expired at `now`, those first that did so first; how many.
    pub(crate) fn drop_passed(&mut self, now: Millis, most: usize) -> usize {
        let mut dropped = 0;
        while dropped < most
            && let Some((time, place)) = self.deadlines.as_ref().and_then(|d| d.first())
            && time <= now
        {
            self.remove_at(place);
            dropped += 1;
        }
        dropped
    }

    /// Reads what [`Stored::encode`] wrote of a hash whose fields expire.
    pub(crate) fn decode_expiring(mut bytes: &[u8]) -> Option<Self> {
        let mut hash = Self::default();
        while !bytes.is_empty() {
            let time = varint::take(&mut bytes)?.checked_sub(1).map(Millis);
            let field = varint::take_bytes(&mut bytes)?;
            if !hash.set(field, varint::take_bytes(&mut bytes)?) {
                return None;
            }
            hash.set_deadline(hash.pairs.len() - 1, time);
        }
        hash.deadlines.is_some().then_some(hash)
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

    /// The time of a field that is there, if it has one.
    #[must_use]
    pub(crate) fn deadline(&self, field: &[u8]) -> Option<Option<Millis>> {
        match self {
            Self::Packed(packed) => packed::find(packed, field, 2).map(|_| None),
            Self::Full(hash) => hash.pairs.find(field).map(|place| self.deadline_at(place)),
        }
    }

    /// The time of the field at a position, if it has one.
    #[must_use]
    pub(crate) fn deadline_at(&self, place: usize) -> Option<Millis> {
        match self {
            Self::Packed(_) => None,
            Self::Full(hash) => hash.deadlines.as_ref()?.get(place),
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
    let (mut sum, mut place) = (0u64, 0);
    view.each(|field, value| {
        let field = digest::bytes(2, field.text(&mut I64Text::new(0)));
        let pair = digest::bytes(field, value.text(&mut I64Text::new(0)));
        let time = view.deadline_at(place);
        sum = sum.wrapping_add(time.map_or(pair, |time| digest::mix(pair, time.0)));
        place += 1;
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
        let deadlines = self.deadlines.as_ref().map_or(0, |d| allocation(d.heap_bytes()));
        self.pairs.heap_bytes() + deadlines
    }

    fn form(&self) -> u8 {
        if self.deadlines.is_some() { EXPIRING_FORM } else { Kind::Hash as u8 }
    }

    /// The fields and values in order; where fields expire, each behind its time and one, or 0.
    fn encode(&self, out: &mut Vec<u8>) {
        for (place, pair) in self.pairs.entries().iter().enumerate() {
            if let Some(deadlines) = &self.deadlines {
                varint::put(out, deadlines.get(place).map_or(0, |time| time.0.saturating_add(1)));
            }
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
