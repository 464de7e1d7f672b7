//! Sorted sets: packed, members and scores in turn in their order; full, a dense table of members
//! with their scores and beside it the order.
//!
//! The order is by score, then by the bytes of the member. A score is never NaN, so comparing with `<`
//! and `==` is total; as in Redis, -0 and 0 are equal.

mod order;
#[cfg(test)]
mod tests;
mod view;

use super::dense::{Dense, Keyed};
use super::packed::{self, ELEMENT_BYTES_MAX, ENTRIES_MAX, Encoded, HEADER, Item};
use super::{Collection, Kind, Stored, Value};
use crate::allocation::allocation;
use crate::digest;
use crate::number::I64Text;
use crate::value::View;
use crate::value::Whole;
use order::Order;
use synod_types::varint;

/// A member with its score.
#[derive(Clone, Debug)]
struct Member {
    text: Box<[u8]>,
    /// Not NaN.
    score: f64,
}

impl Keyed for Member {
    fn key(&self) -> &[u8] {
        &self.text
    }

    fn heap(&self) -> usize {
        allocation(self.text.len())
    }
}

/// A sorted set in its own structure.
#[derive(Clone, Debug)]
pub struct Zset {
    members: Dense<Member>,
    /// Every member's score and its place in `members`, in order.
    order: Order,
}

/// Whether the first of two scored members stands before the second.
#[inline]
fn is_before(a: (f64, &[u8]), b: (f64, &[u8])) -> bool {
    a.0 < b.0 || (a.0 == b.0 && a.1 < b.1)
}

impl Default for Zset {
    fn default() -> Self {
        Self { members: Dense::default(), order: Order::new() }
    }
}

impl Zset {
    /// The sorted set of these members (each once) in the form that fits it. The dense order of a large
    /// one is the order in which they come.
    pub(crate) fn collect<T: AsRef<[u8]>>(
        members: impl IntoIterator<Item = (T, f64)>,
    ) -> Whole<Self> {
        let mut table = Dense::<Member>::default();
        for (text, score) in members {
            let text = text.as_ref();
            table.insert_with(text, || Member { text: text.into(), score });
        }
        let zset = Self::with_members(table);
        let members = zset.members.entries();
        if members.len() > ENTRIES_MAX || members.iter().any(|m| m.text.len() > ELEMENT_BYTES_MAX) {
            return Whole::Full(zset);
        }
        let mut packed = Self::PACKED_EMPTY.to_vec();
        zset.order.each(0..zset.order.len(), |score, id| {
            Encoded::of(&members[id as usize].text).put(&mut packed);
            Encoded::score(score).put(&mut packed);
        });
        packed::set_count(&mut packed, members.len());
        Whole::Packed(packed)
    }

    fn with_members(members: Dense<Member>) -> Self {
        let mut ids: Vec<u32> = (0..members.len() as u32).collect();
        let key = |id: &u32| {
            let member = &members.entries()[*id as usize];
            (member.score, &member.text[..])
        };
        ids.sort_unstable_by(|a, b| {
            let ((a, a_text), (b, b_text)) = (key(a), key(b));
            // Scores are not NaN: those neither above nor below each other are equal.
            a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal).then(a_text.cmp(b_text))
        });
        let mut order = Order::new();
        ids.iter().enumerate().for_each(|(at, id)| order.insert(at, key(id).0, *id));
        Self { members, order }
    }

    pub(crate) fn from_packed(packed: &[u8]) -> Self {
        let mut members = Dense::with_capacity(packed::count(packed) + 1);
        each_packed(packed, |member, score| {
            let mut text = I64Text::new(0);
            let text = member.text(&mut text);
            members.insert_with(text, || Member { text: text.into(), score });
        });
        Self::with_members(members)
    }

    /// Where a member with this score stands, or would stand.
    fn rank_of(&self, score: f64, text: &[u8]) -> usize {
        let entries = self.members.entries();
        self.order
            .count_while(|s, id| s < score || (s == score && *entries[id as usize].text < *text))
    }

    /// Adds a member or changes its score.
    pub(crate) fn put(&mut self, text: &[u8], score: f64) {
        let (id, is_new) = self.members.insert_with(text, || Member { text: text.into(), score });
        if !is_new {
            let old = self.members.entries()[id].score;
            self.order.remove(self.rank_of(old, text));
            self.members.update(id, |member| member.score = score);
        }
        self.order.insert(self.rank_of(score, text), score, id as u32);
    }

    /// Removes the member at a position of the order.
    pub(crate) fn remove_at(&mut self, rank: usize) {
        let (_, id) = self.order.get(rank);
        self.order.remove(rank);
        // The table moves its last member into the gap: the order is told first, while every number in
        // it still has its member.
        if let Some(last) = self.members.entries().get(id as usize + 1..).and_then(<[_]>::last) {
            self.order.renumber(self.rank_of(last.score, &last.text), id);
        }
        self.members.swap_remove(id as usize);
    }
}

/// Hands each member and score of a packed sorted set to `f`, in order.
fn each_packed<'a>(packed: &'a [u8], mut f: impl FnMut(Item<'a>, f64)) {
    let mut items = packed::Items::of(packed);
    while let (Some(member), Some(score)) = (items.next(), items.next()) {
        f(member, score.score());
    }
}

fn digest_of(view: &View<'_, Zset>) -> u64 {
    let mut state = 3;
    view.each(0..view.len(), |member, score| {
        state = digest::bytes(state, member.text(&mut I64Text::new(0)));
        state = digest::mix(state, score.to_bits());
    });
    state
}

impl Stored for Zset {
    fn kind(&self) -> Kind {
        Kind::Zset
    }

    fn is_gone(&self) -> bool {
        self.members.is_empty()
    }

    fn encoding(&self) -> &'static str {
        "skiplist"
    }

    fn digest(&self) -> u64 {
        digest_of(&View::Full(self))
    }

    fn heap_bytes(&self) -> usize {
        self.members.heap_bytes() + self.order.heap_bytes()
    }

    /// The members in the table's order, each with its score.
    fn encode(&self, out: &mut Vec<u8>) {
        for member in self.members.entries() {
            varint::put_bytes(out, &member.text);
            out.extend_from_slice(&member.score.to_le_bytes());
        }
    }
}

impl Collection for Zset {
    const KIND: Kind = Kind::Zset;
    const PACKED_EMPTY: &'static [u8] = &[0; HEADER];

    fn of(value: &Value) -> Option<&Self> {
        match value {
            Value::Zset(zset) => Some(zset),
            _ => None,
        }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        match value {
            Value::Zset(zset) => Some(zset),
            _ => None,
        }
    }

    fn into_value(self) -> Value {
        Value::Zset(self)
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut members = Dense::<Member>::default();
        while !bytes.is_empty() {
            let text = varint::take_bytes(&mut bytes)?;
            let (score, rest) = bytes.split_first_chunk::<8>()?;
            bytes = rest;
            let score = f64::from_le_bytes(*score);
            let (_, is_new) = members.insert_with(text, || Member { text: text.into(), score });
            if !is_new || score.is_nan() {
                return None;
            }
        }
        (!members.is_empty()).then(|| Self::with_members(members))
    }

    fn packed_is_valid(packed: &[u8]) -> bool {
        let Some(mut rest) = packed.get(HEADER..) else { return false };
        if packed::count(packed) > ENTRIES_MAX {
            return false;
        }
        for _ in 0..packed::count(packed) {
            match packed::take_checked(&mut rest) {
                Some(Item::Bytes(text)) if text.len() <= ELEMENT_BYTES_MAX => {}
                Some(Item::Int(_)) => {}
                _ => return false,
            }
            match packed::take_checked(&mut rest) {
                Some(Item::Int(_) | Item::Score(_)) => {}
                _ => return false,
            }
        }
        rest.is_empty() && is_sorted(packed) && {
            let members = Self::from_packed(packed).members;
            members.len() == packed::count(packed)
        }
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

fn is_sorted(packed: &[u8]) -> bool {
    let mut last: Option<(f64, Vec<u8>)> = None;
    let mut sorted = true;
    each_packed(packed, |member, score| {
        let text = member.to_vec();
        sorted &= last.as_ref().is_none_or(|(s, t)| is_before((*s, t), (score, &text)));
        last = Some((score, text));
    });
    sorted
}
