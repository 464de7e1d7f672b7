//! The newest changes of a tree, for those who watch it.
//!
//! They are part of the replicated state, so that every replica gives the same answer to "what has happened since?",
//! and a connection's node can go on asking after its leader was lost. The memory is bounded: who asks too late is told
//! so, and lets its clients connect again, which tell what they watch and what they have seen.

use crate::codec::{put_signed, put_str, take_byte, take_signed, take_str};
use crate::limits::EVENTS_MAX;
use std::collections::VecDeque;
use std::sync::Arc;
use synod_types::varint;

/// How a znode, or its children, changed. The numbers are ZooKeeper's own (`Watcher.Event.EventType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// It came into being; so its parent's children changed.
    Created = 1,
    /// It is gone; so its parent's children changed.
    Deleted = 2,
    /// Its data was set.
    DataChanged = 3,
    /// Its children changed. Not remembered: it follows from the others.
    ChildrenChanged = 4,
}

impl Kind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Created, Self::Deleted, Self::DataChanged, Self::ChildrenChanged]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// To the znode at this path.
    Node(Kind, Arc<str>),
    /// The session was closed or has expired.
    SessionEnded(i64),
    /// The session is served by this owner now.
    SessionMoved(i64, u64),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The change; those of one multi or one end of a session share it.
    pub zxid: i64,
    /// What happened.
    pub what: What,
}

impl Event {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_signed(out, self.zxid);
        match &self.what {
            What::Node(kind, path) => {
                out.push(*kind as u8);
                put_str(out, path);
            }
            What::SessionEnded(session) => {
                out.push(5);
                put_signed(out, *session);
            }
            What::SessionMoved(session, owner) => {
                out.push(6);
                put_signed(out, *session);
                varint::put(out, *owner);
            }
        }
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let zxid = take_signed(bytes)?;
        let what = match take_byte(bytes)? {
            5 => What::SessionEnded(take_signed(bytes)?),
            6 => What::SessionMoved(take_signed(bytes)?, varint::take(bytes)?),
            kind => What::Node(Kind::from_byte(kind)?, take_str(bytes)?.into()),
        };
        Some(Self { zxid, what })
    }
}

/// The newest changes, oldest first, at most [`EVENTS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Events {
    newest: VecDeque<Event>,
    /// Everything up to this change is forgotten.
    forgotten: i64,
}

impl Events {
    pub fn push(&mut self, zxid: i64, what: What) {
        if self.newest.len() == EVENTS_MAX
            && let Some(oldest) = self.newest.pop_front()
        {
            self.forgotten = oldest.zxid;
        }
        self.newest.push_back(Event { zxid, what });
    }

    /// Everything since; `None` when some of it is forgotten.
    pub fn since(&self, zxid: i64) -> Option<impl Iterator<Item = &Event>> {
        if zxid < self.forgotten {
            return None;
        }
        let first = self.newest.partition_point(|event| event.zxid <= zxid);
        Some(self.newest.range(first..))
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_signed(out, self.forgotten);
        varint::put(out, self.newest.len() as u64);
        self.newest.iter().for_each(|event| event.encode(out));
    }

    pub fn take(bytes: &mut &[u8]) -> Option<Self> {
        let forgotten = take_signed(bytes)?;
        let newest = crate::codec::take_list(bytes, Event::take)?;
        (newest.len() <= EVENTS_MAX).then(|| Self { newest: newest.into(), forgotten })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_late_is_told_so() {
        let mut events = Events::default();
        for zxid in 1..=EVENTS_MAX as i64 + 3 {
            events.push(zxid, What::SessionEnded(zxid));
        }
        assert!(events.since(2).is_none(), "3 is forgotten");
        let all: Vec<i64> = events.since(3).unwrap().map(|event| event.zxid).collect();
        assert_eq!((all.len(), all[0]), (EVENTS_MAX, 4));
        assert_eq!(events.since(EVENTS_MAX as i64 + 3).unwrap().count(), 0);
    }
}
