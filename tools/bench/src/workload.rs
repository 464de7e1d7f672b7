//! What is asked: an endless random mix, or each key once.

use crate::Op;
use crate::keys::Random as Numbers;
use clap::ValueEnum;

/// One request, independent of any protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The key's number.
    pub key: u32,
    /// What to do with it.
    pub action: Action,
}

/// What to do with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read its string.
    Get,
    /// Write a string of this many bytes.
    Set {
        /// Bytes of the string.
        size: usize,
    },
    /// Write a collection of [`ELEMENTS`] small elements.
    Collect(Kind),
}

/// Elements of every collection that is written.
pub const ELEMENTS: u32 = 10;

/// The kinds of values that can be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A string.
    String,
    /// A hash.
    Hash,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    Zset,
}

/// Gives out requests.
pub trait Workload {
    /// The next request for a connection on this route; `None` when there is nothing left to ask.
    fn next(&mut self, route: usize) -> Option<Request>;
}

/// Keys drawn evenly, for ever.
pub struct Random {
    /// Per route: the keys that live there.
    keys: Vec<Vec<u32>>,
    op: Op,
    size: usize,
    numbers: Numbers,
}

impl Random {
    /// Requests of kind `op` on `keys`, which has a list for every route, none of them empty.
    pub fn new(keys: Vec<Vec<u32>>, op: Op, size: usize) -> Self {
        Self { keys, op, size, numbers: Numbers::nth(0) }
    }
}

impl Workload for Random {
    fn next(&mut self, route: usize) -> Option<Request> {
        let keys = &self.keys[route];
        let key = keys[self.numbers.below(keys.len())];
        let read = match self.op {
            Op::Get => true,
            Op::Set => false,
            Op::Mixed => self.numbers.below(10) != 0,
        };
        let action = if read { Action::Get } else { Action::Set { size: self.size } };
        Some(Request { key, action })
    }
}

/// Each key once, in order.
pub struct Each {
    kind: Kind,
    next: u32,
    end: u32,
    size: usize,
}

impl Each {
    /// Writes a value of this kind under the keys 0 to `keys - 1`.
    pub fn new(kind: Kind, keys: u32, size: usize) -> Self {
        Self { kind, next: 0, end: keys, size }
    }
}

impl Workload for Each {
    fn next(&mut self, _: usize) -> Option<Request> {
        if self.next == self.end {
            return None;
        }
        let key = self.next;
        self.next += 1;
        let action = match self.kind {
            Kind::String => Action::Set { size: self.size },
            kind => Action::Collect(kind),
        };
        Some(Request { key, action })
    }
}
