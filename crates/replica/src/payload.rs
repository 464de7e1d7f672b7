//! What an entry of operations holds: the time and the randomness that its leader decided, and the operations.
//!
//! ```text
//! payload:  version u8 | stamp_ms u64 | seed u64 | operation*        operation: see `synod_machine`
//! ```

use synod_types::Millis;

/// 2: an operation names its machine and its length.
const PAYLOAD_VERSION: u8 = 2;
/// Bytes before the first operation of a payload.
const HEADER_BYTES: usize = 1 + 8 + 8;

/// Begins a payload in an empty buffer; [`stamp`] fills in time and seed when the batch is proposed.
pub fn begin_payload(out: &mut Vec<u8>) {
    out.push(PAYLOAD_VERSION);
    out.extend_from_slice(&[0; 16]);
}

/// Writes time and seed into a payload begun by [`begin_payload`].
pub fn stamp(payload: &mut [u8], now: Millis, seed: u64) {
    payload[1..9].copy_from_slice(&now.0.to_le_bytes());
    payload[9..17].copy_from_slice(&seed.to_le_bytes());
}

/// Splits a payload into stamp, seed and the bytes of its operations; `None` when it is not one.
#[must_use]
pub fn open_payload(payload: &[u8]) -> Option<(Millis, u64, &[u8])> {
    let (head, ops) = payload.split_first_chunk::<HEADER_BYTES>()?;
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&head[at..at + 8]);
        u64::from_le_bytes(word)
    };
    (head[0] == PAYLOAD_VERSION).then(|| (Millis(word(1)), word(9), ops))
}
