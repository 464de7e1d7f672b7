//! Which groups there are, and which segments they still need. The same bookkeeping runs when the log is
//! written and when it is read back, so that the two cannot disagree.

use crate::group::{GroupState, Misplaced, Restart};
use crate::record::Change;
use std::collections::{BTreeMap, VecDeque};
use synod_types::plant::planted;
use synod_types::{Index, PartitionId};

/// One segment and what of it is needed.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub number: u64,
    pub bytes: u64,
    /// For each group, the highest entry in this segment that was not overwritten since. The segment is
    /// needed by a group while its snapshot is before that.
    highest: BTreeMap<PartitionId, Index>,
}

/// What a record did, beyond its group's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// An entry is last now; what was at its index and behind it is gone.
    Entry(Index),
    /// A snapshot mark.
    Restart(Restart),
    /// The group is gone.
    Removed,
    /// The hard state changed.
    HardState,
}

/// All groups, and the segments from the oldest to the one being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub groups: BTreeMap<PartitionId, GroupState>,
    pub segments: VecDeque<Segment>,
}

impl Ledger {
    pub(crate) fn add_segment(&mut self, number: u64, bytes: u64) {
        self.segments.push_back(Segment { number, bytes, highest: BTreeMap::new() });
    }

    /// Takes one record of the newest segment into account.
    pub(crate) fn apply(
        &mut self,
        group: PartitionId,
        change: &Change,
    ) -> Result<Applied, Misplaced> {
        let applied = match change {
            Change::Entry(index, term) => {
                let state = self.groups.entry(group).or_default();
                let overwrites = *index <= state.last;
                state.put(*index, *term)?;
                self.note_entry(group, *index, overwrites);
                Applied::Entry(*index)
            }
            Change::HardState(hard_state) => {
                self.groups.entry(group).or_default().hard_state = *hard_state;
                Applied::HardState
            }
            Change::Snapshot(meta) => {
                let restart = self.groups.entry(group).or_default().restart(meta);
                if restart == Restart::Dropped {
                    self.forget_entries(group);
                }
                Applied::Restart(restart)
            }
            Change::Removed => {
                self.groups.remove(&group);
                self.forget_entries(group);
                Applied::Removed
            }
            Change::Checkpoint(_) => return Err(Misplaced::Checkpoint),
        };
        Ok(applied)
    }

    fn note_entry(&mut self, group: PartitionId, index: Index, overwrites: bool) {
        if overwrites {
            for segment in &mut self.segments {
                if let Some(highest) = segment.highest.get_mut(&group) {
                    *highest = index.prev().min(*highest);
                }
            }
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.highest.insert(group, index);
        }
    }

    fn forget_entries(&mut self, group: PartitionId) {
        for segment in &mut self.segments {
            segment.highest.remove(&group);
        }
    }

    /// The groups that have entries in the oldest segment which their snapshot does not contain. Empty as
    /// well when that segment is the one being written.
    pub(crate) fn oldest_pins(&self) -> Vec<PartitionId> {
        if self.segments.len() < 2 {
            return Vec::new();
        }
        let Some(oldest) = self.segments.front() else { return Vec::new() };
        let pins = oldest.highest.iter().filter(|(group, highest)| {
            self.groups.get(group).is_some_and(|state| state.snapshot.index < **highest)
        });
        pins.map(|(group, _)| *group).collect()
    }

    /// The oldest segment, if nothing in it is needed and it is not the one being written.
    pub(crate) fn releasable(&self) -> Option<&Segment> {
        let oldest = self.segments.front()?;
        let unneeded = self.oldest_pins().is_empty() || planted("released-too-early");
        (self.segments.len() > 1 && unneeded).then_some(oldest)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}
