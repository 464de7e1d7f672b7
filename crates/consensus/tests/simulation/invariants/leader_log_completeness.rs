//! Whoever leads has everything that was decided in earlier terms.
//!
//! Raft (2014), figure 3, leader completeness; Lamport, "Paxos made simple" (2001), P2c; the follow-up to ZooKeeper's TLA+
//! specifications ("Leveraging TLA+ specifications to improve the reliability of the ZooKeeper coordination service", 2023), leader
//! log completeness.

use super::process_consistency::Decided;
use synod_types::{Index, NodeId, Term};

pub fn check(decided: &Decided, node: NodeId, term: Term, holds: impl Fn(Index, Term) -> bool) {
    // One elected late in an old term need not have what newer leaders decided meanwhile.
    for entry in decided.before(term) {
        assert!(
            holds(entry.index, entry.term),
            "the leader {node} of term {term} lacks the decided entry {}",
            entry.index
        );
    }
}
