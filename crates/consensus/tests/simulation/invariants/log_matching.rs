//! If two disks have an entry of the same index and term, they are the same up to there.
//!
//! Raft (2014), figure 3, log matching; Junqueira, Reed and Serafini, "Zab" (2011), total order. Decision 7 rests on it for all engines.

use crate::disk::Disk;
use std::collections::BTreeMap;
use synod_types::{Entry, NodeId};

pub fn check(disks: &BTreeMap<NodeId, &Disk>) {
    let all: Vec<_> = disks.values().collect();
    for (n, a) in all.iter().enumerate() {
        for b in &all[n + 1..] {
            matching(&a.entries, &b.entries);
        }
    }
}

fn matching(a: &[Entry], b: &[Entry]) {
    let from = match (a.first(), b.first()) {
        (Some(a), Some(b)) => a.index.max(b.index),
        _ => return,
    };
    let skip = |log: &[Entry]| log.iter().position(|entry| entry.index == from);
    let (Some(at), Some(bt)) = (skip(a), skip(b)) else { return };
    let mut agreed = false;
    for (x, y) in a[at..].iter().zip(&b[bt..]).rev() {
        agreed |= x.term == y.term;
        assert!(!agreed || x == y, "logs differ at {} below a common entry", x.index);
    }
}
