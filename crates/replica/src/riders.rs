//! Reads that have a place in the log without being in it: they are executed when the entry that they stand in is
//! applied by the member that proposed it, between two of its operations, and share its fate otherwise.

use crate::pending::{Bounced, Origin};

/// The reads of one entry, in the order of their places.
#[derive(Debug, Default)]
pub(crate) struct Riders {
    ops: Vec<u8>,
    /// `after` never falls from one to the next.
    list: Vec<Rider>,
}

#[derive(Debug)]
struct Rider {
    /// How many operations of the entry are executed before it.
    after: usize,
    origin: Origin,
    start: usize,
    end: usize,
}

impl Riders {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How long their operations are, in bytes.
    pub fn bytes(&self) -> usize {
        self.ops.len()
    }

    /// Adds one behind all others; `after` is not less than theirs.
    pub fn add(&mut self, after: usize, origin: Origin, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.ops.len();
        encode(&mut self.ops);
        self.list.push(Rider { after, origin, start, end: self.ops.len() });
    }

    /// Adds some that are executed before anything of the entry, in this order.
    pub fn put_ahead(&mut self, reads: Vec<Bounced>) {
        let mut ahead = Vec::with_capacity(reads.len());
        for read in reads {
            let start = self.ops.len();
            self.ops.extend_from_slice(&read.op);
            ahead.push(Rider { after: 0, origin: read.origin, start, end: self.ops.len() });
        }
        self.list.splice(0..0, ahead);
    }

    /// Each with the number of operations before it, its origin and its own operation.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Origin, &[u8])> {
        self.list.iter().map(|r| (r.after, r.origin, &self.ops[r.start..r.end]))
    }

    /// One of them, as [`Self::iter`] gives it.
    pub fn get(&self, nth: usize) -> Option<(usize, Origin, &[u8])> {
        self.list.get(nth).map(|r| (r.after, r.origin, &self.ops[r.start..r.end]))
    }

    /// Those who wait for them.
    pub fn origins(&self) -> impl Iterator<Item = Origin> {
        self.list.iter().map(|rider| rider.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pending::Access;
    use synod_types::ClientId;

    fn origin(seq: u64) -> Origin {
        Origin::Client { client: ClientId(1), seq }
    }

    #[test]
    fn places_are_kept_and_latecomers_that_came_first_go_ahead() {
        let mut riders = Riders::default();
        riders.add(1, origin(3), |bytes| bytes.extend_from_slice(b"c"));
        riders.add(2, origin(4), |bytes| bytes.extend_from_slice(b"dd"));
        let first = [(1, b"a"), (2, b"b")].map(|(seq, op)| Bounced {
            origin: origin(seq),
            op: op.to_vec(),
            access: Access::Read,
        });
        riders.put_ahead(first.into());
        let all: Vec<_> = riders.iter().collect();
        let expected: Vec<(usize, Origin, &[u8])> = vec![
            (0, origin(1), b"a"),
            (0, origin(2), b"b"),
            (1, origin(3), b"c"),
            (2, origin(4), b"dd"),
        ];
        assert_eq!(all, expected);
        assert_eq!(riders.bytes(), 5);
    }
}
