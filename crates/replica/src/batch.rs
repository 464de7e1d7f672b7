//! The writes of one turn of the event loop, growing into the payload of one entry, and the reads that stand between
//! them.

use crate::payload;
use crate::pending::{Access, Bounced, Origin};
use crate::riders::Riders;
use bytes::Bytes;
use synod_machine::Operation;
use synod_types::{Epoch, Millis, limits};

/// An open batch. `origins.len()` is the number of operations in `payload`.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    payload: Vec<u8>,
    origins: Vec<Origin>,
    riders: Riders,
}

/// A batch that takes no more: what goes into the log, and who waits for it.
#[derive(Debug)]
pub(crate) struct Closed {
    pub payload: Bytes,
    pub origins: Vec<Origin>,
    pub riders: Riders,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// Whether it holds neither operations nor reads.
    pub fn holds_nothing(&self) -> bool {
        self.is_empty() && self.riders.is_empty()
    }

    /// Whether the batch should be proposed before it takes more.
    pub fn is_full(&self) -> bool {
        self.payload.len() >= limits::BATCH_BYTES || self.riders.bytes() >= limits::BATCH_BYTES
    }

    /// What it holds so far.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The buffer to append one operation to, whose answer goes to `origin`. `epoch`: that of the partition's slots.
    pub fn add(&mut self, origin: Origin, epoch: Epoch) -> &mut Vec<u8> {
        if self.payload.is_empty() {
            payload::begin_payload(&mut self.payload, epoch);
        }
        self.origins.push(origin);
        &mut self.payload
    }

    /// Takes in a read that is to be executed between what the batch holds now and what comes behind.
    pub fn ride(&mut self, origin: Origin, encode: impl FnOnce(&mut Vec<u8>)) {
        self.riders.add(self.origins.len(), origin, encode);
    }

    /// Closes the batch: the entry's payload and who waits for its operations, in order.
    pub fn close(&mut self, now: Millis, seed: u64, spare: Vec<Origin>) -> Closed {
        if !self.payload.is_empty() {
            payload::stamp(&mut self.payload, now, seed);
        }
        let room = self.payload.len();
        let payload = std::mem::replace(&mut self.payload, Vec::with_capacity(room));
        Closed {
            payload: Bytes::from(payload),
            origins: std::mem::replace(&mut self.origins, spare),
            riders: std::mem::take(&mut self.riders),
        }
    }
}

impl Closed {
    /// Takes it apart again, in the order in which it came, for operations that have to go elsewhere.
    pub fn split(&self) -> Vec<Bounced> {
        split(&self.payload, &self.origins, &self.riders)
    }
}

/// The operations of a payload and the reads that stand in it, in the order in which they came.
pub(crate) fn split(payload: &[u8], origins: &[Origin], riders: &Riders) -> Vec<Bounced> {
    // A batch of reads alone has no payload.
    let mut rest = payload::open_payload(payload).map_or(&[][..], |payload| payload.ops);
    let mut all = Vec::with_capacity(origins.len());
    let mut riders = riders.iter().peekable();
    let ride = |(origin, op): (Origin, &[u8])| Bounced {
        origin,
        op: op.to_vec(),
        access: Access::ReadBehind,
    };
    for (ordinal, origin) in origins.iter().enumerate() {
        while let Some((_, origin, op)) = riders.next_if(|(after, ..)| *after <= ordinal) {
            all.push(ride((origin, op)));
        }
        let before = rest;
        if Operation::take(&mut rest).is_none() {
            break;
        }
        let op = before[..before.len() - rest.len()].to_vec();
        all.push(Bounced { origin: *origin, op, access: Access::Write });
    }
    all.extend(riders.map(|(_, origin, op)| ride((origin, op))));
    all
}
