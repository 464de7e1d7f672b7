//! The writes of one turn of the event loop, growing into the payload of one entry.

use crate::payload;
use crate::pending::Origin;
use bytes::Bytes;
use synod_machine::Operation;
use synod_types::{Millis, limits};

/// An open batch. `origins.len()` is the number of operations in `payload`.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    payload: Vec<u8>,
    origins: Vec<Origin>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// Whether the batch should be proposed before it takes more.
    pub fn is_full(&self) -> bool {
        self.payload.len() >= limits::BATCH_BYTES
    }

    /// The buffer to append one operation to, whose answer goes to `origin`.
    pub fn add(&mut self, origin: Origin) -> &mut Vec<u8> {
        if self.payload.is_empty() {
            payload::begin_payload(&mut self.payload);
        }
        self.origins.push(origin);
        &mut self.payload
    }

    /// Closes the batch: the entry's payload and who waits for its operations, in order.
    pub fn close(&mut self, now: Millis, seed: u64, spare: Vec<Origin>) -> (Bytes, Vec<Origin>) {
        payload::stamp(&mut self.payload, now, seed);
        let room = self.payload.len();
        let payload = std::mem::replace(&mut self.payload, Vec::with_capacity(room));
        (Bytes::from(payload), std::mem::replace(&mut self.origins, spare))
    }
}

/// Takes a closed batch apart again, for operations that have to go elsewhere.
pub(crate) fn split(payload: &[u8], origins: &[Origin]) -> Vec<(Origin, Vec<u8>)> {
    let Some((_, _, mut rest)) = payload::open_payload(payload) else { return Vec::new() };
    origins
        .iter()
        .map_while(|origin| {
            let before = rest;
            Operation::take(&mut rest)?;
            Some((*origin, before[..before.len() - rest.len()].to_vec()))
        })
        .collect()
}
