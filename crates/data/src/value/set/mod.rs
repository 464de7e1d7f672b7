//! Sets: packed, sorted integers or elements in the order they came; full, a dense table of members.

pub(crate) mod ints;
#[cfg(test)]
mod tests;

use super::dense::Dense;
use super::packed::{self, ELEMENT_BYTES_MAX, ENTRIES_MAX, Item, Items};
use super::{Collection, Kind, Stored, Value};
use crate::digest;
use crate::number::{I64Text, parse_i64};
use crate::value::View;
use crate::value::Whole;
use ints::INTS_MAX;
use synod_types::varint;

/// A set in its own structure.
#[derive(Clone, Debug, Default)]
pub struct Set {
    members: Dense<Box<[u8]>>,
}

impl Set {
    /// In the smallest form that may hold it.
    #[must_use]
    pub(crate) fn pack(self) -> Whole<Self> {
        let members = self.members.entries();
        let numbers: Option<Vec<i64>> = match members.len() {
            0..=INTS_MAX => members.iter().map(|m| parse_i64(m)).collect(),
            _ => None,
        };
        if let Some(mut numbers) = numbers {
            numbers.sort_unstable();
            return Whole::Packed(ints::build(numbers.into_iter()));
        }
        if members.len() > ENTRIES_MAX || members.iter().any(|m| m.len() > ELEMENT_BYTES_MAX) {
            return Whole::Full(self);
        }
        let mut packed = packed::empty();
        members.iter().for_each(|m| packed::Encoded::of(m).put(&mut packed));
        packed::set_count(&mut packed, members.len());
        Whole::Packed(packed)
    }

    pub(crate) fn from_view(view: &View<'_, Self>) -> Self {
        let mut set = Self { members: Dense::with_capacity(view.len() + 1) };
        view.each(|item| {
            set.add(item.text(&mut I64Text::new(0)));
        });
        set
    }

    /// Adds a member if it is new.
    pub(crate) fn insert(&mut self, member: &[u8]) {
        self.add(member);
    }

    /// Where a member is, if it is there.
    pub(crate) fn place_of(&self, member: &[u8]) -> Option<usize> {
        self.members.find(member)
    }

    /// Removes the member at a place, which the last one takes.
    pub(crate) fn remove_at(&mut self, place: usize) {
        self.members.swap_remove(place);
    }

    pub(crate) fn add(&mut self, member: &[u8]) -> bool {
        self.members.insert_with(member, || member.into()).1
    }
}

impl<'a> View<'a, Set> {
    /// The number of members.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Packed(packed) if ints::is(packed) => ints::count(packed),
            Self::Packed(packed) => packed::count(packed),
            Self::Full(set) => set.members.len(),
        }
    }

    /// Whether `member` is one.
    #[must_use]
    pub(crate) fn contains(&self, member: &[u8]) -> bool {
        match self {
            Self::Packed(packed) if ints::is(packed) => {
                parse_i64(member).is_some_and(|n| ints::search(packed, n).is_ok())
            }
            Self::Packed(packed) => packed::find(packed, member, 1).is_some(),
            Self::Full(set) => set.members.find(member).is_some(),
        }
    }

    /// The member at a position of the set's order; `index` is below the length.
    #[must_use]
    pub(crate) fn get(&self, index: usize) -> Item<'a> {
        match self {
            Self::Packed(packed) if ints::is(packed) => Item::Int(ints::get(packed, index)),
            Self::Packed(packed) => packed::item_at(&packed[packed::offset_of(packed, index, 1)..]),
            Self::Full(set) => Item::Bytes(&set.members.entries()[index]),
        }
    }

    /// Hands each member to `f`, in order.
    pub(crate) fn each(&self, f: impl FnMut(Item<'a>)) {
        match self {
            Self::Packed(packed) if ints::is(packed) => {
                (0..ints::count(packed)).map(|n| Item::Int(ints::get(packed, n))).for_each(f);
            }
            Self::Packed(packed) => Items::of(packed).for_each(f),
            Self::Full(set) => set.members.entries().iter().map(|m| Item::Bytes(m)).for_each(f),
        }
    }

    /// Whether a scan goes through it step by step; a packed one is answered at once.
    #[must_use]
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

fn digest_of(view: &View<'_, Set>) -> u64 {
    let mut sum = 0u64;
    view.each(|item| {
        sum = sum.wrapping_add(digest::bytes(1, item.text(&mut I64Text::new(0))));
    });
    sum
}

impl Stored for Set {
    fn kind(&self) -> Kind {
        Kind::Set
    }

    fn is_gone(&self) -> bool {
        self.members.is_empty()
    }

    fn encoding(&self) -> &'static str {
        "hashtable"
    }

    fn digest(&self) -> u64 {
        digest_of(&View::Full(self))
    }

    fn heap_bytes(&self) -> usize {
        self.members.heap_bytes()
    }

    /// The members in order.
    fn encode(&self, out: &mut Vec<u8>) {
        self.members.entries().iter().for_each(|member| varint::put_bytes(out, member));
    }
}

impl Collection for Set {
    const KIND: Kind = Kind::Set;
    const PACKED_EMPTY: &'static [u8] = ints::EMPTY;

    fn of(value: &Value) -> Option<&Self> {
        match value {
            Value::Set(set) => Some(set),
            _ => None,
        }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        match value {
            Value::Set(set) => Some(set),
            _ => None,
        }
    }

    fn into_value(self) -> Value {
        Value::Set(self)
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut set = Self::default();
        while !bytes.is_empty() {
            if !set.add(varint::take_bytes(&mut bytes)?) {
                return None;
            }
        }
        (!set.is_gone()).then_some(set)
    }

    fn packed_is_valid(packed: &[u8]) -> bool {
        if ints::is_valid(packed) {
            return true;
        }
        let mut seen = Self::default();
        packed::check(packed, 1)
            && Items::of(packed).all(|item| seen.add(item.text(&mut I64Text::new(0))))
    }

    fn packed_is_gone(packed: &[u8]) -> bool {
        View::<Self>::Packed(packed).len() == 0
    }

    fn packed_encoding(packed: &[u8]) -> &'static str {
        if ints::is(packed) { "intset" } else { "listpack" }
    }

    fn packed_digest(packed: &[u8]) -> u64 {
        digest_of(&View::Packed(packed))
    }
}
