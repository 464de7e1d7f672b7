//! What an entry of operations holds: the time and the randomness that its leader decided, the epoch of the partition's
//! slots under which the leader took the operations, and these.
//!
//! ```text
//! payload:  version u8 | stamp_ms u64 | seed u64 | epoch u64, not in version 2 | operation*
//! ```
//! For the operations see `synod_machine`. An entry of epoch 0, of a partition whose slots are as it was founded with, has
//! version 2, as builds wrote it that knew no epochs.

use synod_types::{Epoch, Millis};

/// An operation names its machine and its length; the epoch is 0.
const VERSION_FOUNDED: u8 = 2;
/// The epoch stands behind the seed.
const VERSION_EPOCH: u8 = 3;
/// Bytes before the epoch, or before the first operation.
const HEADER_BYTES: usize = 1 + 8 + 8;

/// An entry's payload, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// When the operations happen.
    pub now: Millis,
    /// What their randomness is drawn from.
    pub seed: u64,
    /// The epoch of the partition's slots under which they were taken.
    pub epoch: Epoch,
    /// The operations, one after the other.
    pub ops: &'a [u8],
}

/// Begins a payload in an empty buffer; [`stamp`] fills in time and seed when the batch is proposed.
pub fn begin_payload(out: &mut Vec<u8>, epoch: Epoch) {
    out.push(if epoch == Epoch(0) { VERSION_FOUNDED } else { VERSION_EPOCH });
    out.extend_from_slice(&[0; 16]);
    if epoch != Epoch(0) {
        out.extend_from_slice(&epoch.0.to_le_bytes());
    }
}

/// Writes time and seed into a payload begun by [`begin_payload`].
pub fn stamp(payload: &mut [u8], now: Millis, seed: u64) {
    payload[1..9].copy_from_slice(&now.0.to_le_bytes());
    payload[9..17].copy_from_slice(&seed.to_le_bytes());
}

/// Takes a payload apart; `None` when it is not one.
#[must_use]
pub fn open_payload(payload: &[u8]) -> Option<Payload<'_>> {
    let (head, ops) = payload.split_first_chunk::<HEADER_BYTES>()?;
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&head[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let (epoch, ops) = match head[0] {
        VERSION_FOUNDED => (Epoch(0), ops),
        VERSION_EPOCH => {
            let (epoch, ops) = ops.split_first_chunk::<8>()?;
            (Epoch(u64::from_le_bytes(*epoch)), ops)
        }
        _ => return None,
    };
    Some(Payload { now: Millis(word(1)), seed: word(9), epoch, ops })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry that a build without epochs wrote, byte for byte.
    #[test]
    fn entries_without_an_epoch_are_of_the_founding() {
        let mut old = vec![2];
        old.extend_from_slice(&7u64.to_le_bytes());
        old.extend_from_slice(&9u64.to_le_bytes());
        old.extend_from_slice(b"ops");
        let expected = Payload { now: Millis(7), seed: 9, epoch: Epoch(0), ops: b"ops" };
        assert_eq!(open_payload(&old), Some(expected));
        let mut new = Vec::new();
        begin_payload(&mut new, Epoch(0));
        new.extend_from_slice(b"ops");
        stamp(&mut new, Millis(7), 9);
        assert_eq!(new, old, "and the founding's are written as before");
    }

    #[test]
    fn an_epoch_is_read_as_written_and_a_cut_payload_is_none() {
        let mut bytes = Vec::new();
        begin_payload(&mut bytes, Epoch(300));
        stamp(&mut bytes, Millis(1), 2);
        for cut in 0..bytes.len() {
            assert_eq!(open_payload(&bytes[..cut]), None);
        }
        bytes.push(b'o');
        let expected = Payload { now: Millis(1), seed: 2, epoch: Epoch(300), ops: b"o" };
        assert_eq!(open_payload(&bytes), Some(expected));
        bytes[0] = 4;
        assert_eq!(open_payload(&bytes), None);
    }
}
