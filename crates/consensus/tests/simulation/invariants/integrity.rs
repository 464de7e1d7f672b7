//! What is decided is what was proposed at that place in that term.
//!
//! Junqueira, Reed and Serafini, "Zab" (2011), integrity; Omni-Paxos (2023), SC1, validity. And a position stands for one proposal:
//! that an entry with this index *and* term is handed out is how a client's write is known to be done.

use std::collections::BTreeMap;
use synod_consensus::Position;
use synod_types::Entry;

#[derive(Default)]
pub struct Proposals(BTreeMap<Position, Vec<u8>>);

impl Proposals {
    pub fn proposed(&mut self, at: Position, payload: Vec<u8>) {
        let earlier = self.0.insert(at, payload);
        assert_eq!(earlier, None, "one position for two proposals");
    }

    /// Whether a client proposed this.
    pub fn was_proposed(&self, entry: &Entry) -> bool {
        let payload = self.0.get(&Position { term: entry.term, index: entry.index });
        if let Some(payload) = payload {
            assert_eq!(entry.payload[..], payload[..], "something else than what was proposed");
        }
        payload.is_some()
    }
}
