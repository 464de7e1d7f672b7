//! An operation as bytes: how it stands in a log entry, in a batch of reads and in a forwarded request.
//!
//! ```text
//! operation:  machine u8 | length varint | body
//! ```
//! The length lets a replica split a batch, and a tool read a log, without knowing the machine.

use std::fmt;
use synod_types::varint;

/// The number by which entries and snapshots know a machine. A number is never given to another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineId(pub u8);

impl MachineId {
    /// Members and partitions; only in the metadata group.
    pub const CLUSTER_MAP: Self = Self(0);
    /// The keys of a partition.
    pub const KEYSPACE: Self = Self(1);
    /// The znodes of the default namespace.
    pub const TREE: Self = Self(2);
    /// The znodes of the namespaces that have names; an operation says which.
    pub const NAMED_TREES: Self = Self(3);
    /// Which slots a partition owns, and since which epoch.
    pub const SLOTS: Self = Self(4);
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One operation, borrowed from the bytes it was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    /// Whose it is.
    pub machine: MachineId,
    /// What the machine makes of it.
    pub body: &'a [u8],
}

impl<'a> Operation<'a> {
    /// Takes one operation off the front; `None` when the bytes are not one.
    #[inline]
    pub fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let (machine, mut rest) = bytes.split_first()?;
        let body = varint::take_bytes(&mut rest)?;
        *bytes = rest;
        Some(Self { machine: MachineId(*machine), body })
    }
}

/// Appends an operation whose body `write` appends.
pub fn put_operation(out: &mut Vec<u8>, machine: MachineId, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(machine.0);
    varint::put_written(out, write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_taken_apart_without_knowing_their_machines_and_cut_ones_are_refused() {
        let operations: [(u8, &[u8]); 3] = [(1, b"body"), (200, b""), (0, &[7; 300])];
        let mut bytes = Vec::new();
        for (machine, body) in operations {
            put_operation(&mut bytes, MachineId(machine), |out| out.extend_from_slice(body));
        }
        let mut rest = &bytes[..];
        for (machine, body) in operations {
            let taken = Operation::take(&mut rest);
            assert_eq!(taken, Some(Operation { machine: MachineId(machine), body }));
        }
        assert_eq!(Operation::take(&mut rest), None);
        let mut one = Vec::new();
        put_operation(&mut one, MachineId::TREE, |out| out.extend_from_slice(b"abc"));
        for cut in 0..one.len() {
            assert_eq!(Operation::take(&mut &one[..cut]), None);
        }
    }
}
