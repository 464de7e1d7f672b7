//! Changing a set at a key, whichever form it has.

use super::Edit;
use crate::number::parse_i64;
use crate::value::View;
use crate::value::Whole;
use crate::value::packed::{self, ELEMENT_BYTES_MAX, ENTRIES_MAX, Encoded, Item};
use crate::value::set::Set;
use crate::value::set::ints::{self, INTS_MAX};

impl Edit<'_, Set> {
    /// Adds a member; whether it is new.
    pub(crate) fn add(&mut self, member: &[u8]) -> bool {
        match self.view() {
            View::Full(set) if set.place_of(member).is_some() => false,
            View::Full(_) => self.full_mut().is_some_and(|set| set.add(member)),
            View::Packed(packed) if ints::is(packed) => self.add_to_ints(member),
            View::Packed(packed) => {
                let (len, count) = (packed.len(), packed::count(packed));
                if packed::find(packed, member, 1).is_some() {
                    return false;
                }
                if count >= ENTRIES_MAX || member.len() > ELEMENT_BYTES_MAX {
                    return self.unpack_and_add(member);
                }
                let mut spelled = Vec::with_capacity(ELEMENT_BYTES_MAX + 2);
                Encoded::of(member).put(&mut spelled);
                self.splice(len..len, &spelled);
                self.count(count + 1);
                true
            }
        }
    }

    fn add_to_ints(&mut self, member: &[u8]) -> bool {
        let View::Packed(packed) = self.view() else { return false };
        let count = ints::count(packed);
        let Some(n) = parse_i64(member) else { return self.leave_ints(member) };
        let Err(at) = ints::search(packed, n) else { return false };
        if count >= INTS_MAX {
            return self.unpack_and_add(member);
        }
        match ints::spell(packed, n) {
            Some((bytes, width)) => {
                let at = ints::place(packed, at).start;
                self.splice(at..at, &bytes[..width]);
                self.count(count + 1);
            }
            None => {
                let mut all: Vec<i64> = (0..count).map(|n| ints::get(packed, n)).collect();
                all.insert(at, n);
                self.set(Whole::Packed(ints::build(all.into_iter())));
            }
        }
        true
    }

    /// Adds the first member that is no integer.
    fn leave_ints(&mut self, member: &[u8]) -> bool {
        let View::Packed(old) = self.view() else { return false };
        if ints::count(old) >= ENTRIES_MAX || member.len() > ELEMENT_BYTES_MAX {
            return self.unpack_and_add(member);
        }
        let mut packed = packed::empty();
        self.view().each(|item| {
            if let Item::Int(n) = item {
                Encoded::of_int(n).put(&mut packed);
            }
        });
        Encoded::of(member).put(&mut packed);
        packed::set_count(&mut packed, ints::count(old) + 1);
        self.set(Whole::Packed(packed));
        true
    }

    fn unpack_and_add(&mut self, member: &[u8]) -> bool {
        let mut set = Set::from_view(&self.view());
        let added = set.add(member);
        self.set(Whole::Full(set));
        added
    }

    /// Removes a member; whether it was there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        let index = match self.view() {
            View::Full(set) => set.place_of(member),
            View::Packed(packed) if ints::is(packed) => {
                parse_i64(member).and_then(|n| ints::search(packed, n).ok())
            }
            View::Packed(packed) => packed::find(packed, member, 1).map(|(_, n)| n),
        };
        index.map(|index| self.remove_at(index)).is_some()
    }

    /// Removes the member at a position of the set's order; `index` is below the length. Positions
    /// below `index` keep their members.
    pub(crate) fn remove_at(&mut self, index: usize) {
        let (range, count) = match self.view() {
            View::Full(_) => {
                if let Some(set) = self.full_mut() {
                    set.remove_at(index);
                }
                return;
            }
            View::Packed(packed) if ints::is(packed) => {
                (ints::place(packed, index), ints::count(packed))
            }
            View::Packed(packed) => {
                let at = packed::offset_of(packed, index, 1);
                (at..at + packed::size_at(&packed[at..]), packed::count(packed))
            }
        };
        self.splice(range, &[]);
        self.count(count - 1);
    }

    fn count(&mut self, count: usize) {
        if let Some(packed) = self.packed_mut() {
            if ints::is(packed) {
                ints::set_count(packed, count);
            } else {
                packed::set_count(packed, count);
            }
        }
    }
}
