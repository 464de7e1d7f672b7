//! When the fields of a hash expire, by their places in its table.
//!
//! Most hashes have no such field, so this stands beside the table and not in it. What has expired is found from the
//! front, in order of time.

use std::collections::{BTreeMap, BTreeSet};
use synod_types::Millis;

/// What a place takes in both trees together, about, with the slack of their nodes.
const PLACE_BYTES: usize = 48;

/// See the module. Invariant: both trees hold the same pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    by_place: BTreeMap<u32, Millis>,
    by_time: BTreeSet<(Millis, u32)>,
}

impl Deadlines {
    pub(super) fn len(&self) -> usize {
        self.by_place.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }

    pub(super) fn get(&self, place: usize) -> Option<Millis> {
        self.by_place.get(&(place as u32)).copied()
    }

    /// Sets or clears the time of a place.
    pub(super) fn set(&mut self, place: usize, time: Option<Millis>) {
        let place = place as u32;
        let before = match time {
            Some(time) => self.by_place.insert(place, time),
            None => self.by_place.remove(&place),
        };
        before.into_iter().for_each(|before| _ = self.by_time.remove(&(before, place)));
        time.into_iter().for_each(|time| _ = self.by_time.insert((time, place)));
    }

    /// What was at one place is at another one now, where nothing is any more.
    pub(super) fn moved(&mut self, from: usize, to: usize) {
        let time = self.get(from);
        self.set(from, None);
        self.set(to, time);
    }

    /// The first time, and its place.
    pub(super) fn first(&self) -> Option<(Millis, usize)> {
        self.by_time.first().map(|(time, place)| (*time, *place as usize))
    }

    pub(super) fn last(&self) -> Option<Millis> {
        self.by_time.last().map(|(time, _)| *time)
    }

    /// How many times have passed at `now`.
    pub(super) fn passed(&self, now: Millis) -> usize {
        self.by_time.range(..=(now, u32::MAX)).count()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.len() * PLACE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_order_of_time_wherever_they_move() {
        let mut deadlines = Deadlines::default();
        for (place, time) in [(0, 30), (1, 10), (2, 20), (1, 40)] {
            deadlines.set(place, Some(Millis(time)));
        }
        assert_eq!(deadlines.first(), Some((Millis(20), 2)));
        assert_eq!((deadlines.last(), deadlines.passed(Millis(30))), (Some(Millis(40)), 2));
        deadlines.set(0, None);
        deadlines.moved(2, 0);
        assert_eq!((deadlines.get(0), deadlines.get(2)), (Some(Millis(20)), None));
        deadlines.moved(7, 1);
        assert_eq!((deadlines.len(), deadlines.first()), (1, Some((Millis(20), 0))));
        deadlines.set(0, None);
        assert!(deadlines.is_empty() && deadlines.by_time.is_empty());
    }
}
