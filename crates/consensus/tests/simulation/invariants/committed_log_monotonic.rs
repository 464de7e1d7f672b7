//! What one life of a member knows to be committed only grows: no late message takes it back.
//!
//! The follow-up to ZooKeeper's TLA+ specifications (2023), committed log monotonic; Omni-Paxos (2023), SC3, integrity: what is
//! decided stays decided.

use std::collections::BTreeMap;
use synod_types::{Index, NodeId};

/// The highest commit of each member in this life.
#[derive(Default)]
pub struct Commits(BTreeMap<NodeId, Index>);

impl Commits {
    pub fn knows(&mut self, node: NodeId, commit: Index) {
        let known = self.0.entry(node).or_default();
        assert!(commit >= *known, "{node} took its commit back from {known} to {commit}");
        *known = commit;
    }

    pub fn forgot(&mut self, node: NodeId) {
        self.0.remove(&node);
    }
}
