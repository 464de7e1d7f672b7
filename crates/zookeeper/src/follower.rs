//! How far the gate has followed the tree's changes, and the newest of them.
//!
//! A read with a watch may be answered at a zxid that the gate has already passed. What has happened in between is kept
//! here, so that the watch is told of it.

use std::collections::VecDeque;
use synod_tree::events::Event;

/// How many changes are kept.
const KEPT_MAX: usize = 4_096;

/// The changes that the gate has seen.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// Every change up to this one was told to the connections; `None` while nobody is connected.
    seen: Option<i64>,
    kept: VecDeque<Event>,
    /// Everything up to this change is not kept.
    forgotten: i64,
}

impl Follower {
    pub fn seen(&self) -> Option<i64> {
        self.seen
    }

    /// Begins to follow here, unless the gate follows already.
    pub fn begin(&mut self, zxid: i64) {
        if self.seen.is_none() {
            self.seen = Some(zxid);
            self.forgotten = zxid;
            self.kept.clear();
        }
    }

    /// Nobody is connected any more.
    pub fn stop(&mut self) {
        *self = Self::default();
    }

    /// Takes what happened up to `zxid` in; gives back what is new of it.
    pub fn learn(&mut self, zxid: i64, events: impl IntoIterator<Item = Event>) -> Vec<Event> {
        let Some(seen) = self.seen else { return Vec::new() };
        let new: Vec<Event> = events.into_iter().filter(|event| event.zxid > seen).collect();
        for event in &new {
            if self.kept.len() == KEPT_MAX
                && let Some(oldest) = self.kept.pop_front()
            {
                self.forgotten = oldest.zxid;
            }
            self.kept.push_back(event.clone());
        }
        self.seen = Some(seen.max(zxid));
        new
    }

    /// What happened behind `zxid`; `None` when some of it is not kept.
    pub fn since(&self, zxid: i64) -> Option<impl Iterator<Item = &Event>> {
        (zxid >= self.forgotten).then(|| {
            let first = self.kept.partition_point(|event| event.zxid <= zxid);
            self.kept.range(first..)
        })
    }
}
