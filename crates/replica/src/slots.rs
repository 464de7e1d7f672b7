//! Which slots a partition owns, and since which epoch: a machine of the partition, so that the log decides it.
//!
//! ```text
//!   founded, epoch 0 --Claim(none)--> sealed, epoch e > 0 --Claim(slots)--> open, epoch f > e
//!                  open --Claim(split)--> open without its upper slots, which are a partition of their own from here on
//!                  open --Claim(given)--> sealed for good; its slots are another one's from here on
//!                  open --Claim(absorb)-> open with the slots of the one right above, which has given them
//! ```
//! A claim begins an epoch. What the leader took under an older one and stands behind the claim in the log is executed by
//! no replica (`apply.rs`), so a *sealed* partition stays as the claim found it: what is read from it then is all there
//! will ever be of that epoch. That is what a split or a merge needs while slots go from one log to another.
//!
//! ```text
//! claim, and section of a snapshot:  epoch varint | 0, or 1 and first and last slot as varints
//! claim only:                        epoch varint | 2, first slot of the child, number of the child, as varints
//! claim only:                        epoch varint | 4, first and last slot, number and epoch of the upper one, as varints
//! claim, and section of a snapshot:  epoch varint | 3, number of the partition that the slots are given to, as varints
//! section only:                      changes of the keyspace when the epoch began, varint; if they are given, the time of it
//! ```
//! A partition of epoch 0 has no section: a snapshot of a build that knew no epochs is one of the founding.

use std::ops::RangeInclusive;
use synod_machine::digest::bytes;
use synod_machine::{Context, Machine, MachineId, put_operation};
use synod_ring::EPOCH_OF_CHILD;
use synod_types::limits::PARTITIONS_MAX;
use synod_types::plant::planted;
use synod_types::varint::{put, take};
use synod_types::{Epoch, Millis, PartitionId, ReplySink, SLOT_COUNT, Slot};

/// An operation that begins an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The epoch; later than the one before.
    pub epoch: Epoch,
    /// What it is about.
    pub what: Claimed,
}

/// What a partition owns from an epoch on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Nothing: it is sealed.
    Nothing,
    /// These slots, whose content is here.
    Slots(RangeInclusive<Slot>),
    /// What it owned before, without the slots from this one on.
    Split {
        /// The first slot that it does not own any more; not its first.
        at: Slot,
        /// The partition that owns them from now on, with their content as it is at this place in the log.
        child: PartitionId,
    },
    /// Nothing, for good: what it owned becomes part of this partition, with the content as it is at this place in the log.
    Given {
        /// The partition; its slots are right below.
        to: PartitionId,
    },
    /// What it owned before, and the slots right above, with their content as the partition had it that has given them.
    Absorb {
        /// That partition.
        upper: PartitionId,
        /// In which epoch it has given them.
        sealed: Epoch,
        /// Its slots.
        slots: RangeInclusive<Slot>,
    },
}

impl Claim {
    /// Appends the operation.
    pub fn put_operation(&self, out: &mut Vec<u8>) {
        put_operation(out, MachineId::SLOTS, |body| self.put(body));
    }

    fn put(&self, out: &mut Vec<u8>) {
        put(out, self.epoch.0);
        match &self.what {
            Claimed::Nothing => put(out, 0),
            Claimed::Slots(slots) => {
                let words = [1, u64::from(slots.start().0), u64::from(slots.end().0)];
                words.into_iter().for_each(|word| put(out, word));
            }
            Claimed::Split { at, child } => {
                let words = [2, u64::from(at.0), u64::from(child.0)];
                words.into_iter().for_each(|word| put(out, word));
            }
            Claimed::Given { to } => {
                [3, u64::from(to.0)].into_iter().for_each(|word| put(out, word))
            }
            Claimed::Absorb { upper, sealed, slots } => {
                let (first, last) = (u64::from(slots.start().0), u64::from(slots.end().0));
                let words = [4, first, last, u64::from(upper.0), sealed.0];
                words.into_iter().for_each(|word| put(out, word));
            }
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let epoch = Epoch(take(bytes)?);
        let what = match take(bytes)? {
            0 => Claimed::Nothing,
            1 => {
                let (first, last) = (take_slot(bytes)?, take_slot(bytes)?);
                (first <= last).then_some(Claimed::Slots(first..=last))?
            }
            2 => Claimed::Split { at: take_slot(bytes)?, child: take_partition(bytes)? },
            3 => Claimed::Given { to: take_partition(bytes)? },
            4 => {
                let slots = take_slot(bytes)?..=take_slot(bytes)?;
                let (upper, sealed) = (take_partition(bytes)?, Epoch(take(bytes)?));
                (!slots.is_empty()).then_some(Claimed::Absorb { upper, sealed, slots })?
            }
            _ => return None,
        };
        Some(Self { epoch, what })
    }
}

fn take_slot(bytes: &mut &[u8]) -> Option<Slot> {
    let slot = u16::try_from(take(bytes)?).ok()?;
    (slot < SLOT_COUNT).then_some(Slot(slot))
}

fn take_partition(bytes: &mut &[u8]) -> Option<PartitionId> {
    let number = u32::try_from(take(bytes)?).ok()?;
    (1..=PARTITIONS_MAX).contains(&number).then_some(PartitionId(number))
}

/// What a partition owns.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The slots whose content is here.
    whole: RangeInclusive<Slot>,
    slots: Option<RangeInclusive<Slot>>,
    epoch: Epoch,
    /// To whom its slots are given for good, and when that was.
    given: Option<(PartitionId, Millis)>,
    /// How many changes the keyspace had seen when the epoch began, and when it was looked at last.
    changes: (u64, u64),
    /// The section as it was when the snapshot began; it is one chunk.
    snapshot: Option<Vec<u8>>,
}

impl Owned {
    /// What a partition owns that was founded with these slots.
    pub(crate) fn founded(slots: RangeInclusive<Slot>) -> Self {
        let whole = slots.clone();
        let (epoch, given, changes, snapshot) = (Epoch(0), None, (0, 0), None);
        Self { whole, slots: Some(slots), epoch, given, changes, snapshot }
    }

    /// Since which epoch it owns what it owns.
    #[must_use]
    #[inline]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Its slots, unless it is sealed.
    #[must_use]
    #[inline]
    pub fn slots(&self) -> Option<&RangeInclusive<Slot>> {
        self.slots.as_ref()
    }

    /// The slots whose content is here, whether it owns them or is sealed.
    #[must_use]
    pub fn whole(&self) -> &RangeInclusive<Slot> {
        &self.whole
    }

    /// To whom its slots are given for good, and when that was.
    #[must_use]
    pub fn given(&self) -> Option<(PartitionId, Millis)> {
        self.given
    }

    /// How many changes the keyspace had seen when the epoch began.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.0
    }

    /// The keyspace has seen so many changes.
    pub(crate) fn note_changes(&mut self, changes: u64) {
        self.changes.1 = changes;
    }

    /// The content of the keyspace read back is of these slots.
    pub(crate) fn has_content_of(&mut self, slots: RangeInclusive<Slot>) {
        self.whole = slots;
        self.slots = self.slots.is_some().then(|| self.whole.clone());
    }

    /// Reads a section back.
    ///
    /// # Errors
    /// It is none, in words.
    pub(crate) fn restore(mut bytes: &[u8]) -> Result<Self, String> {
        let claim = Claim::take(&mut bytes).filter(|claim| claim.epoch != Epoch(0));
        let (Some(Claim { epoch, what }), Some(changes)) = (claim, take(&mut bytes)) else {
            return Err("not the slots of a partition".to_owned());
        };
        let mut given = None;
        let slots = match what {
            Claimed::Nothing => None,
            Claimed::Slots(slots) => Some(slots),
            Claimed::Given { to } => {
                let at = take(&mut bytes).ok_or("slots given at no time")?;
                given = Some((to, Millis(at)));
                None
            }
            Claimed::Split { .. } | Claimed::Absorb { .. } => {
                return Err("a claim instead of slots".to_owned());
            }
        };
        if !bytes.is_empty() {
            return Err("not the slots of a partition".to_owned());
        }
        let whole = slots.clone().unwrap_or(Slot(0)..=Slot(SLOT_COUNT - 1));
        Ok(Self { whole, slots, epoch, given, changes: (changes, changes), snapshot: None })
    }

    /// Whether this is a claim with which content comes or goes, and if so whether the partition is split.
    pub(crate) fn moves_content(mut body: &[u8]) -> Option<bool> {
        match Claim::take(&mut body)?.what {
            Claimed::Split { .. } => Some(true),
            Claimed::Absorb { .. } => Some(false),
            _ => None,
        }
    }

    /// Which partition's content a claim takes in, as of which epoch, if it takes effect.
    pub(crate) fn absorbs(&self, body: &[u8]) -> Option<(PartitionId, Epoch)> {
        match self.asked(body).ok()?.what {
            Claimed::Absorb { upper, sealed, .. } => Some((upper, sealed)),
            _ => None,
        }
    }

    /// What a claim asks for.
    ///
    /// # Errors
    /// It is none, or not to be had, in words for the one who proposed it; nothing has changed.
    pub(crate) fn asked(&self, mut body: &[u8]) -> Result<Claim, &'static str> {
        let claim = Claim::take(&mut body).filter(|_| body.is_empty());
        let claim = claim.ok_or("ERR malformed claim of slots")?;
        if claim.epoch <= self.epoch {
            return Err("ERR the partition is in this epoch or in a later one");
        }
        if self.given.is_some() && !planted("merge-taken-back") {
            return Err("ERR the partition has become part of another one");
        }
        match &claim.what {
            Claimed::Slots(slots) if *slots != self.whole => {
                Err("ERR the partition holds the content of other slots")
            }
            Claimed::Split { .. } | Claimed::Given { .. } | Claimed::Absorb { .. }
                if self.slots.is_none() =>
            {
                Err("ERR the partition is sealed")
            }
            Claimed::Absorb { slots, .. }
                if u32::from(slots.start().0) != u32::from(self.whole.end().0) + 1 =>
            {
                Err("ERR a partition absorbs the slots right above its own")
            }
            Claimed::Split { at, .. } if *at <= *self.whole.start() || at > self.whole.end() => {
                Err("ERR a partition is split at one of its slots, other than the first")
            }
            _ => Ok(claim),
        }
    }

    /// A claim that was found to be good takes effect, at this time. With a split, the slots that go and what their new partition
    /// owns.
    pub(crate) fn begin(
        &mut self,
        Claim { epoch, what }: Claim,
        now: Millis,
    ) -> Option<(PartitionId, Self)> {
        (self.epoch, self.changes.0) = (epoch, self.changes.1);
        let (at, child) = match what {
            Claimed::Nothing => {
                self.slots = None;
                return None;
            }
            Claimed::Slots(slots) => {
                self.slots = Some(slots);
                return None;
            }
            Claimed::Given { to } => {
                (self.slots, self.given) = (None, Some((to, now)));
                return None;
            }
            Claimed::Absorb { slots, .. } => {
                self.has_content_of(*self.whole.start()..=*slots.end());
                return None;
            }
            Claimed::Split { at, child } => (at, child),
        };
        let mut upper = Self { epoch: EPOCH_OF_CHILD, ..self.clone() };
        upper.has_content_of(at..=*self.whole.end());
        self.has_content_of(*self.whole.start()..=Slot(at.0 - 1));
        Some((child, upper))
    }

    fn section(&self) -> Vec<u8> {
        let mut section = Vec::new();
        let what = match (&self.slots, self.given) {
            (Some(slots), _) => Claimed::Slots(slots.clone()),
            (None, Some((to, _))) => Claimed::Given { to },
            (None, None) => Claimed::Nothing,
        };
        Claim { epoch: self.epoch, what }.put(&mut section);
        put(&mut section, self.changes.0);
        self.given.iter().for_each(|(_, at)| put(&mut section, at.0));
        section
    }
}

impl Machine for Owned {
    fn id(&self) -> MachineId {
        MachineId::SLOTS
    }

    /// A claim of an epoch that is not later, or of other slots than those whose content is here, answers an error; so does
    /// one with which content comes or goes: it is for the [state](crate::State).
    fn apply(&mut self, body: &[u8], ctx: &Context, out: &mut dyn ReplySink) {
        match self.asked(body) {
            Ok(Claim { what: Claimed::Split { .. } | Claimed::Absorb { .. }, .. }) => {
                out.error("ERR content goes with slots")
            }
            Ok(claim) => {
                self.begin(claim, ctx.now);
                out.simple("OK");
            }
            Err(text) => out.error(text),
        }
    }

    fn read(&self, _: &[u8], _: &Context, out: &mut dyn ReplySink) {
        out.error("ERR slots have no reading operation");
    }

    fn snapshot_begin(&mut self) {
        self.snapshot = Some(self.section());
    }

    fn snapshot_next(&mut self, _: usize) -> Option<Vec<u8>> {
        self.snapshot.take()
    }

    fn snapshot_cancel(&mut self) {
        self.snapshot = None;
    }

    fn digest(&self) -> u64 {
        bytes(self.epoch.0, &self.section())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_machine::Operation;

    fn whole() -> RangeInclusive<Slot> {
        Slot(5)..=Slot(700)
    }

    fn apply(owned: &mut Owned, claim: &Claim) -> bool {
        let mut bytes = Vec::new();
        claim.put_operation(&mut bytes);
        let op = Operation::take(&mut &bytes[..]).expect("an operation");
        let before = owned.epoch();
        owned.apply(op.body, &Context::default(), &mut ());
        owned.epoch() != before
    }

    #[test]
    fn an_epoch_begins_once_and_with_the_slots_whose_content_is_here() {
        let mut owned = Owned::founded(whole());
        let claim = |epoch, slots: Option<_>| {
            let what = slots.map_or(Claimed::Nothing, Claimed::Slots);
            Claim { epoch: Epoch(epoch), what }
        };
        assert!(!apply(&mut owned, &claim(0, None)), "not later");
        owned.note_changes(9);
        assert!(apply(&mut owned, &claim(3, None)));
        assert_eq!((owned.epoch(), owned.slots(), owned.changes()), (Epoch(3), None, 9));
        assert!(!apply(&mut owned, &claim(3, Some(whole()))), "the same");
        assert!(!apply(&mut owned, &claim(4, Some(Slot(5)..=Slot(6)))), "other slots");
        assert_eq!(owned.slots(), None);
        assert!(apply(&mut owned, &claim(4, Some(whole()))));
        assert_eq!((owned.epoch(), owned.slots()), (Epoch(4), Some(&whole())));
    }

    #[test]
    fn a_split_leaves_the_lower_slots_and_happens_once() {
        let mut owned = Owned::founded(whole());
        let split = |epoch, at| {
            let (at, child) = (Slot(at), PartitionId(9));
            let mut bytes = Vec::new();
            Claim { epoch: Epoch(epoch), what: Claimed::Split { at, child } }
                .put_operation(&mut bytes);
            bytes
        };
        let asked = |owned: &Owned, bytes: &[u8]| {
            owned.asked(Operation::take(&mut &bytes[..]).expect("an operation").body)
        };
        for (epoch, at) in [(0, 100), (1, 5), (1, 4), (1, 701)] {
            assert!(asked(&owned, &split(epoch, at)).is_err(), "{epoch} {at}");
        }
        let claim = asked(&owned, &split(1, 100)).expect("one of its slots");
        let (child, upper) = owned.begin(claim, Millis(0)).expect("a child");
        assert_eq!((child, upper.slots()), (PartitionId(9), Some(&(Slot(100)..=Slot(700)))));
        assert_eq!(
            (owned.slots(), owned.epoch(), upper.epoch()),
            (Some(&(Slot(5)..=Slot(99))), Epoch(1), Epoch(1))
        );
        assert!(asked(&owned, &split(1, 50)).is_err(), "the same epoch");
        assert!(asked(&owned, &split(2, 100)).is_err(), "not one of its slots any more");
        assert!(asked(&owned, &split(2, 99)).is_ok());
        assert!(apply(&mut owned, &Claim { epoch: Epoch(2), what: Claimed::Nothing }));
        assert!(asked(&owned, &split(3, 99)).is_err(), "sealed");
    }

    #[test]
    fn a_section_is_read_back_and_anything_else_is_refused() {
        for slots in [None, Some(whole())] {
            let mut owned = Owned::founded(whole());
            owned.note_changes(300);
            let what = slots.clone().map_or(Claimed::Nothing, Claimed::Slots);
            assert!(apply(&mut owned, &Claim { epoch: Epoch(200), what }));
            owned.snapshot_begin();
            let bytes = owned.snapshot_next(1).expect("one chunk");
            assert_eq!(owned.snapshot_next(1), None);
            let again = Owned::restore(&bytes).expect("own bytes");
            assert_eq!((again.digest(), again.slots()), (owned.digest(), slots.as_ref()));
            for cut in 0..bytes.len() {
                assert!(Owned::restore(&bytes[..cut]).is_err());
            }
            assert!(Owned::restore(&[&bytes[..], &[0]].concat()).is_err());
        }
        assert!(Owned::restore(&[0, 0, 0]).is_err(), "the founding has no section");
    }
}
