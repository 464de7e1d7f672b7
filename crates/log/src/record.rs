//! One record: a header of 36 bytes and a payload, little-endian, padded to 8 bytes.
//!
//! ```text
//!  0 kind u8 | 1 entry kind u8 | 2 zero u16 | 4 group u32 | 8 term u64 | 16 index u64
//! 24 payload bytes u32 | 28 payload CRC32C u32 | 32 CRC32C of bytes 0..32 u32 | 36 payload ...
//! ```

use crate::group::{GroupState, take};
use synod_types::{
    Entry, EntryKind, HardState, Index, Membership, NodeId, PartitionId, SnapshotMeta, Term,
};

/// The bytes of a record before its payload.
pub const HEADER_BYTES: usize = 36;

/// What a record says. The numbers are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// An entry of a group's log; replaces the entry at its index and everything behind it.
    Entry = 1,
    /// The group's term, vote and known commit.
    HardState = 2,
    /// The group starts from this snapshot.
    Snapshot = 3,
    /// The group is no longer here.
    Removed = 4,
    /// All that must be known of the group where a segment begins.
    Checkpoint = 5,
}

impl RecordKind {
    const fn from_u8(n: u8) -> Option<Self> {
        match n {
            1 => Some(Self::Entry),
            2 => Some(Self::HardState),
            3 => Some(Self::Snapshot),
            4 => Some(Self::Removed),
            5 => Some(Self::Checkpoint),
            _ => None,
        }
    }
}

/// A decoded record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// What the record says.
    pub kind: RecordKind,
    /// For an entry, what its payload is; `Commands` otherwise.
    pub entry_kind: EntryKind,
    /// Whom it is about.
    pub group: PartitionId,
    /// The term of the entry, hard state or snapshot; 0 otherwise.
    pub term: Term,
    /// The index of the entry or snapshot, or the commit of the hard state; 0 otherwise.
    pub index: Index,
    /// The payload's length.
    pub payload_bytes: u32,
    /// The payload's CRC32C.
    pub payload_crc: u32,
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// They end too early.
    #[error("the record is cut short")]
    Cut,
    /// The header's checksum does not match.
    #[error("the record header does not match its checksum")]
    Header,
    /// The header is intact and says something that this format does not know.
    #[error("the record is of an unknown kind")]
    Kind,
    /// The payload's checksum does not match.
    #[error("the record's payload does not match its checksum")]
    Payload,
    /// The payload is intact and not what the kind calls for.
    #[error("the record's payload is not of its kind's form")]
    Form,
}

/// The whole length of a record in the log.
#[must_use]
pub const fn padded_bytes(payload_bytes: usize) -> usize {
    (HEADER_BYTES + payload_bytes).div_ceil(8) * 8
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// Reads the header at the front of `bytes` without looking at the payload.
///
/// # Errors
/// Cut short, not matching its checksum, or of an unknown kind.
pub fn decode_header(bytes: &[u8]) -> Result<RecordHeader, RecordError> {
    let bytes = bytes.first_chunk::<HEADER_BYTES>().ok_or(RecordError::Cut)?;
    if crc32c::crc32c(&bytes[..32]) != u32_at(bytes, 32) {
        return Err(RecordError::Header);
    }
    let kind = RecordKind::from_u8(bytes[0]).ok_or(RecordError::Kind)?;
    let entry_kind = EntryKind::from_u8(bytes[1]).ok_or(RecordError::Kind)?;
    if bytes[2..4] != [0, 0] {
        return Err(RecordError::Kind);
    }
    Ok(RecordHeader {
        kind,
        entry_kind,
        group: PartitionId(u32_at(bytes, 4)),
        term: Term(u64_at(bytes, 8)),
        index: Index(u64_at(bytes, 16)),
        payload_bytes: u32_at(bytes, 24),
        payload_crc: u32_at(bytes, 28),
    })
}

/// Reads the record at the front of `bytes`: its header, its payload, and its whole length.
///
/// # Errors
/// Anything that is not an intact record; nothing is ever assumed of the bytes.
pub fn decode(bytes: &[u8]) -> Result<(RecordHeader, &[u8], usize), RecordError> {
    let header = decode_header(bytes)?;
    let end = HEADER_BYTES.checked_add(header.payload_bytes as usize).ok_or(RecordError::Cut)?;
    let padded = padded_bytes(header.payload_bytes as usize);
    let payload = bytes.get(HEADER_BYTES..end).ok_or(RecordError::Cut)?;
    let padding = bytes.get(end..padded).ok_or(RecordError::Cut)?;
    if crc32c::crc32c(payload) != header.payload_crc || padding.iter().any(|byte| *byte != 0) {
        return Err(RecordError::Payload);
    }
    Ok((header, payload, padded))
}

/// What a record does to its group. An entry's payload stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An entry of this term goes to this index.
    Entry(Index, Term),
    /// The hard state is this now.
    HardState(HardState),
    /// The group starts from this snapshot.
    Snapshot(SnapshotMeta),
    /// The group is gone.
    Removed,
    /// The group stands like this.
    Checkpoint(Box<GroupState>),
}

impl Change {
    /// Reads what an intact record says.
    ///
    /// # Errors
    /// [`RecordError::Form`] when the payload is not what the kind calls for.
    pub fn decode(header: &RecordHeader, payload: &[u8]) -> Result<Self, RecordError> {
        if header.index.0 == u64::MAX {
            // No such position is ever reached, and there would be none after it.
            return Err(RecordError::Form);
        }
        let change = match header.kind {
            RecordKind::Entry => Some(Self::Entry(header.index, header.term)),
            RecordKind::HardState => hard_state(header, payload).map(Self::HardState),
            RecordKind::Snapshot => Membership::decode(payload).map(|membership| {
                Self::Snapshot(SnapshotMeta { index: header.index, term: header.term, membership })
            }),
            RecordKind::Removed => payload.is_empty().then_some(Self::Removed),
            RecordKind::Checkpoint => {
                GroupState::decode(payload).map(|state| Self::Checkpoint(Box::new(state)))
            }
        };
        change.ok_or(RecordError::Form)
    }
}

/// The vote, and the floor if there is one.
fn hard_state(header: &RecordHeader, mut payload: &[u8]) -> Option<HardState> {
    let rest = &mut payload;
    let vote = NodeId(take(rest)?);
    let floor = match rest.is_empty() {
        true => Default::default(),
        false => (Term(take(rest)?), Index(take(rest)?)),
    };
    let state = HardState { term: header.term, vote, commit: header.index, floor };
    rest.is_empty().then_some(state)
}

fn put(
    out: &mut Vec<u8>,
    kind: RecordKind,
    entry_kind: EntryKind,
    group: PartitionId,
    (term, index): (Term, Index),
    payload: &[u8],
) {
    let start = out.len();
    out.reserve(padded_bytes(payload.len()));
    out.extend_from_slice(&[kind as u8, entry_kind as u8, 0, 0]);
    out.extend_from_slice(&group.0.to_le_bytes());
    out.extend_from_slice(&term.0.to_le_bytes());
    out.extend_from_slice(&index.0.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
    out.resize(start + padded_bytes(payload.len()), 0);
}

/// Appends an entry record.
pub fn put_entry(out: &mut Vec<u8>, group: PartitionId, entry: &Entry) {
    let at = (entry.term, entry.index);
    put(out, RecordKind::Entry, entry.kind, group, at, &entry.payload);
}

/// Appends a hard state record.
pub fn put_hard_state(out: &mut Vec<u8>, group: PartitionId, state: &HardState) {
    let at = (state.term, state.commit);
    let (vote, (term, index)) = (state.vote.0, state.floor);
    let words = [vote, term.0, index.0].map(u64::to_le_bytes);
    // Without a floor the record is the one that every build knows.
    let count = if state.floor == Default::default() { 1 } else { 3 };
    let payload = words[..count].as_flattened();
    put(out, RecordKind::HardState, EntryKind::Commands, group, at, payload);
}

/// Appends a snapshot mark.
pub fn put_snapshot(out: &mut Vec<u8>, group: PartitionId, meta: &SnapshotMeta) {
    let mut membership = Vec::new();
    meta.membership.encode(&mut membership);
    let at = (meta.term, meta.index);
    put(out, RecordKind::Snapshot, EntryKind::Commands, group, at, &membership);
}

/// Appends the record that a group is gone.
pub fn put_removed(out: &mut Vec<u8>, group: PartitionId) {
    put(out, RecordKind::Removed, EntryKind::Commands, group, (Term(0), Index(0)), &[]);
}

/// Appends a checkpoint of a group.
pub fn put_checkpoint(out: &mut Vec<u8>, group: PartitionId, state: &GroupState) {
    let mut payload = Vec::new();
    state.encode(&mut payload);
    put(out, RecordKind::Checkpoint, EntryKind::Commands, group, (Term(0), Index(0)), &payload);
}
