//! Which slots a partition owns, and since which epoch: a machine of the partition, so that the log decides it.
//!
//! ```text
//!   founded, epoch 0 --Claim(none)--> sealed, epoch e > 0 --Claim(slots)--> open, epoch f > e
//! ```
//! A claim begins an epoch. What the leader took under an older one and stands behind the claim in the log is executed by
//! no replica (`apply.rs`), so a *sealed* partition stays as the claim found it: what is read from it then is all there
//! will ever be of that epoch. That is what a split or a merge needs while slots go from one log to another.
//!
//! ```text
//! claim, and section of a snapshot:  epoch varint | 0, or 1 and first and last slot as varints
//! section only:                      changes of the keyspace when the epoch began, varint
//! ```
//! A partition of epoch 0 has no section: a snapshot of a build that knew no epochs is one of the founding.

use std::ops::RangeInclusive;
use synod_machine::digest::bytes;
use synod_machine::{Context, Machine, MachineId, put_operation};
use synod_types::varint::{put, take};
use synod_types::{Epoch, ReplySink, SLOT_COUNT, Slot};

/// An operation that begins an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The epoch; later than the one before.
    pub epoch: Epoch,
    /// What the partition owns from now on; `None`: nothing.
    pub slots: Option<RangeInclusive<Slot>>,
}

impl Claim {
    /// Appends the operation.
    pub fn put_operation(&self, out: &mut Vec<u8>) {
        put_operation(out, MachineId::SLOTS, |body| self.put(body));
    }

    fn put(&self, out: &mut Vec<u8>) {
        put(out, self.epoch.0);
        put(out, u64::from(self.slots.is_some()));
        if let Some(slots) = &self.slots {
            put(out, u64::from(slots.start().0));
            put(out, u64::from(slots.end().0));
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let epoch = Epoch(take(bytes)?);
        let slots = match take(bytes)? {
            0 => None,
            1 => {
                let (first, last) = (take(bytes)?, take(bytes)?);
                if first > last || last >= u64::from(SLOT_COUNT) {
                    return None;
                }
                Some(Slot(first as u16)..=Slot(last as u16))
            }
            _ => return None,
        };
        Some(Self { epoch, slots })
    }
}

/// What a partition owns.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The slots that the keyspace has room for: those of the founding.
    whole: RangeInclusive<Slot>,
    slots: Option<RangeInclusive<Slot>>,
    epoch: Epoch,
    /// How many changes the keyspace had seen when the epoch began, and when it was looked at last.
    changes: (u64, u64),
    /// The section as it was when the snapshot began; it is one chunk.
    snapshot: Option<Vec<u8>>,
}

impl Owned {
    /// What a partition owns that was founded with these slots.
    pub(crate) fn founded(slots: RangeInclusive<Slot>) -> Self {
        let whole = slots.clone();
        Self { whole, slots: Some(slots), epoch: Epoch(0), changes: (0, 0), snapshot: None }
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

    /// The slots of the founding.
    #[must_use]
    pub fn whole(&self) -> &RangeInclusive<Slot> {
        &self.whole
    }

    /// How many changes the keyspace had seen when the epoch began.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.0
    }

    /// The keyspace has seen so many changes.
    pub(crate) fn note_changes(&mut self, changes: u64) {
        self.changes.1 = changes;
    }

    /// Reads a section back, of a partition that was founded with these slots.
    ///
    /// # Errors
    /// It is none, in words.
    pub(crate) fn restore(whole: RangeInclusive<Slot>, mut bytes: &[u8]) -> Result<Self, String> {
        let claim = Claim::take(&mut bytes);
        let changes = take(&mut bytes).filter(|_| bytes.is_empty());
        match (claim, changes) {
            (Some(Claim { epoch, slots }), Some(changes)) if epoch != Epoch(0) => {
                Ok(Self { whole, slots, epoch, changes: (changes, changes), snapshot: None })
            }
            _ => Err("not the slots of a partition".to_owned()),
        }
    }

    fn begin(&mut self, mut body: &[u8]) -> Result<(), &'static str> {
        let claim = Claim::take(&mut body).filter(|_| body.is_empty());
        let Claim { epoch, slots } = claim.ok_or("ERR malformed claim of slots")?;
        if epoch <= self.epoch {
            return Err("ERR the partition is in this epoch or in a later one");
        }
        if slots.as_ref().is_some_and(|slots| *slots != self.whole) {
            return Err("ERR the partition holds the content of other slots");
        }
        (self.epoch, self.slots, self.changes.0) = (epoch, slots, self.changes.1);
        Ok(())
    }

    fn section(&self) -> Vec<u8> {
        let mut section = Vec::new();
        Claim { epoch: self.epoch, slots: self.slots.clone() }.put(&mut section);
        put(&mut section, self.changes.0);
        section
    }
}

impl Machine for Owned {
    fn id(&self) -> MachineId {
        MachineId::SLOTS
    }

    /// A claim of an epoch that is not later, or of other slots than those whose content is here, answers an error.
    fn apply(&mut self, body: &[u8], _: &Context, out: &mut dyn ReplySink) {
        match self.begin(body) {
            Ok(()) => out.simple("OK"),
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
        let claim = |epoch, slots| Claim { epoch: Epoch(epoch), slots };
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
    fn a_section_is_read_back_and_anything_else_is_refused() {
        for slots in [None, Some(whole())] {
            let mut owned = Owned::founded(whole());
            owned.note_changes(300);
            assert!(apply(&mut owned, &Claim { epoch: Epoch(200), slots: slots.clone() }));
            owned.snapshot_begin();
            let bytes = owned.snapshot_next(1).expect("one chunk");
            assert_eq!(owned.snapshot_next(1), None);
            let again = Owned::restore(whole(), &bytes).expect("own bytes");
            assert_eq!((again.digest(), again.slots()), (owned.digest(), slots.as_ref()));
            for cut in 0..bytes.len() {
                assert!(Owned::restore(whole(), &bytes[..cut]).is_err());
            }
            assert!(Owned::restore(whole(), &[&bytes[..], &[0]].concat()).is_err());
        }
        assert!(Owned::restore(whole(), &[0, 0, 0]).is_err(), "the founding has no section");
    }
}
