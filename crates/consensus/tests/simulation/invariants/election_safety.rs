//! At most one member leads a term, whatever engines the members run.
//!
//! Raft (2014), figure 3, election safety; Omni-Paxos (2023), LE3, unique ballots; ZooKeeper's TLA+ specification of ZAB, one
//! established leader per epoch.

use std::collections::BTreeMap;
use synod_types::{NodeId, Term};

#[derive(Default)]
pub struct Leaders(BTreeMap<Term, NodeId>);

impl Leaders {
    pub fn elected(&mut self, node: NodeId, term: Term) {
        let first = *self.0.entry(term).or_insert(node);
        assert_eq!(first, node, "two leaders in term {term}");
    }
}
