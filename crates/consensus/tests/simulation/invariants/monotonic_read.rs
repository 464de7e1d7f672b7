//! A read sees everything that was decided before it was asked, and so never less than an earlier read.
//!
//! Ongaro's dissertation (2014), section 6.4, linearizable reads; the follow-up to ZooKeeper's TLA+ specifications (2023),
//! monotonic read, which is weaker: ZooKeeper reads from followers, and keeps it per session only.

use std::collections::BTreeMap;
use synod_types::Index;

/// The reads under way, and what must be visible to each.
#[derive(Default)]
pub struct Reads(BTreeMap<u64, Index>);

impl Reads {
    pub fn asked(&mut self, id: u64, decided: Index) {
        self.0.insert(id, decided);
    }

    pub fn ready(&mut self, id: u64, index: Index) {
        let floor = self.0.remove(&id).expect("a read is answered once");
        assert!(index >= floor, "stale read: sees {index}, {floor} was decided before");
    }

    pub fn gone(&mut self, id: u64) {
        self.0.remove(&id);
    }
}
