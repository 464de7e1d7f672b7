//! How far a group has come: how many of the entries ever added it has read, where that can be told.
//!
//! Deleted entries are not counted anywhere, so a position among them is only known at the ends of the stream or
//! where nothing was deleted behind it. The rules are Redis's.

use super::group::Group;
use super::{Stream, StreamId};

impl Stream {
    /// Whether an entry at or behind `start` may have been deleted by XDEL.
    pub(crate) fn has_gaps_from(&self, start: StreamId) -> bool {
        self.len > 0 && self.deleted_max != StreamId::MIN && start <= self.deleted_max
    }

    /// How many entries were added up to this id, if that can be told.
    pub(crate) fn position_of(&self, id: StreamId) -> Option<u64> {
        if self.added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last {
            return Some(self.added);
        }
        if id >= self.last {
            return (id == self.last).then_some(self.added);
        }
        let first = self.first();
        let before = self.added.checked_sub(self.len as u64)?;
        match (self.deleted_max == StreamId::MIN || self.deleted_max < first, id.cmp(&first)) {
            (true, std::cmp::Ordering::Less) => Some(before),
            (true, std::cmp::Ordering::Equal) => Some(before + 1),
            _ => None,
        }
    }

    /// How many entries a group has still to read, if that can be told.
    pub(crate) fn lag_of(&self, group: &Group) -> Option<i64> {
        let read = match group.read {
            _ if self.added == 0 => return Some(0),
            Some(read) if !self.has_gaps_from(group.last) => read,
            _ => self.position_of(group.last)?,
        };
        Some((self.added as i64).wrapping_sub(read as i64))
    }

    /// The count of entries that a group has read once it reads the one at `id`.
    pub(crate) fn read_after(&self, group: &Group, id: StreamId) -> Option<u64> {
        match group.read {
            Some(read) if !self.has_gaps_from(id) => Some(read + 1),
            read if self.added == 0 => read,
            _ => self.position_of(id),
        }
    }
}
