//! The name of a transaction, as logs and locks know it.

use synod_types::{NodeId, varint};

/// One attempt at a transaction; an attempt that failed is followed by one of another name, so that nothing that is still
/// under way for the first can touch the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TxnId {
    /// The node where it began.
    pub node: NodeId,
    /// The worker.
    pub worker: u16,
    /// The worker's number for the attempt, which no earlier process of it used.
    pub number: u64,
}

impl TxnId {
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        varint::put(out, self.node.0);
        varint::put(out, self.worker.into());
        varint::put(out, self.number);
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let node = NodeId(varint::take(bytes)?);
        let worker = u16::try_from(varint::take(bytes)?).ok()?;
        Some(Self { node, worker, number: varint::take(bytes)? })
    }
}
