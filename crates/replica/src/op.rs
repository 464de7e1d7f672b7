//! Operations as bytes: how a command stands in a log entry and in a forwarded request.
//!
//! ```text
//! entry payload:  version u8 | stamp_ms u64 | seed u64 | op*
//! op:             tag u8 | fields as varints and length-prefixed byte strings
//! ```
//! Commands keep their name, so a log is readable without a table of numbers.

use smallvec::SmallVec;
use synod_types::{Millis, Slot, varint};

/// The arguments of one command, name first; most have eight or fewer.
pub type Args<'a> = SmallVec<[&'a [u8]; 8]>;

const PAYLOAD_VERSION: u8 = 1;
/// Bytes before the first operation of a payload.
pub(crate) const HEADER_BYTES: usize = 1 + 8 + 8;

const COMMAND: u8 = 0;
const TRANSACTION: u8 = 1;
const EXPIRE: u8 = 2;
const CLEAR: u8 = 3;
const META: u8 = 4;
const VERSIONS: u8 = 5;
const SCAN: u8 = 6;
const STATS: u8 = 7;
const RANDOM_KEY: u8 = 8;
const SLOT_COUNT: u8 = 9;
const SLOT_KEYS: u8 = 10;

/// One operation, borrowed from the bytes it was decoded from.
#[derive(Clone, Debug, PartialEq)]
pub enum Op<'a> {
    /// One command of the keyspace.
    Command(Args<'a>),
    /// Commands that run together if no watched key has another version than the one given.
    Transaction {
        /// Keys and the versions they must still have.
        watched: Vec<(&'a [u8], u64)>,
        /// The commands in order.
        commands: Vec<Args<'a>>,
    },
    /// Deletes those of the keys that have expired by the entry's stamp.
    Expire(Vec<&'a [u8]>),
    /// Deletes every key of the partition.
    Clear,
    /// A command of the cluster map, in its own encoding; only in the metadata group.
    Meta(&'a [u8]),
    /// Read: the versions of keys, for WATCH.
    Versions(Args<'a>),
    /// Read: one step of a SCAN, `KEYS` being a scan with a boundless count.
    Scan {
        /// Where to go on, 0 to begin.
        cursor: u64,
        /// How many keys to look at, about.
        count: u64,
        /// Glob, if any.
        pattern: Option<&'a [u8]>,
        /// Name of the only type wanted, if any.
        kind: Option<&'a [u8]>,
    },
    /// Read: the number of keys (for DBSIZE) as an integer.
    Stats,
    /// Read: some key, or nothing.
    RandomKey,
    /// Read: the number of keys in a slot.
    SlotCount(Slot),
    /// Read: keys of a slot.
    SlotKeys {
        /// The slot.
        slot: Slot,
        /// How many at most.
        count: u64,
    },
}

/// Appends a command.
pub fn put_command(out: &mut Vec<u8>, args: &[&[u8]]) {
    out.push(COMMAND);
    put_args(out, args);
}

fn put_args(out: &mut Vec<u8>, args: &[&[u8]]) {
    varint::put(out, args.len() as u64);
    for arg in args {
        varint::put_bytes(out, arg);
    }
}

fn take_args<'a>(bytes: &mut &'a [u8]) -> Option<Args<'a>> {
    let count = take_count(bytes)?;
    let mut args = Args::with_capacity(count.min(64));
    for _ in 0..count {
        args.push(varint::take_bytes(bytes)?);
    }
    Some(args)
}

/// A count of things of at least one byte each: one that exceeds the bytes left is refused before
/// anything is allocated for it.
fn take_count(bytes: &mut &[u8]) -> Option<usize> {
    let count = usize::try_from(varint::take(bytes)?).ok()?;
    (count <= bytes.len()).then_some(count)
}

impl<'a> Op<'a> {
    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Op::Command(args) => put_command(out, args),
            Op::Transaction { watched, commands } => {
                out.push(TRANSACTION);
                varint::put(out, watched.len() as u64);
                for (key, version) in watched {
                    varint::put_bytes(out, key);
                    varint::put(out, *version);
                }
                varint::put(out, commands.len() as u64);
                commands.iter().for_each(|args| put_args(out, args));
            }
            Op::Expire(keys) => {
                out.push(EXPIRE);
                put_args(out, keys);
            }
            Op::Clear => out.push(CLEAR),
            Op::Meta(bytes) => {
                out.push(META);
                varint::put_bytes(out, bytes);
            }
            Op::Versions(keys) => {
                out.push(VERSIONS);
                put_args(out, keys);
            }
            Op::Scan { cursor, count, pattern, kind } => {
                out.push(SCAN);
                varint::put(out, *cursor);
                varint::put(out, *count);
                for part in [pattern, kind] {
                    out.push(u8::from(part.is_some()));
                    varint::put_bytes(out, part.unwrap_or_default());
                }
            }
            Op::Stats => out.push(STATS),
            Op::RandomKey => out.push(RANDOM_KEY),
            Op::SlotCount(slot) => {
                out.push(SLOT_COUNT);
                out.extend_from_slice(&slot.0.to_le_bytes());
            }
            Op::SlotKeys { slot, count } => {
                out.push(SLOT_KEYS);
                out.extend_from_slice(&slot.0.to_le_bytes());
                varint::put(out, *count);
            }
        }
    }

    /// Takes one operation off the front; `None` when the bytes are not one.
    pub fn take(bytes: &mut &'a [u8]) -> Option<Op<'a>> {
        let (tag, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(match *tag {
            COMMAND => Op::Command(take_args(bytes)?),
            TRANSACTION => Op::take_transaction(bytes)?,
            EXPIRE => Op::Expire(take_args(bytes)?.into_vec()),
            CLEAR => Op::Clear,
            META => Op::Meta(varint::take_bytes(bytes)?),
            VERSIONS => Op::Versions(take_args(bytes)?),
            SCAN => Op::Scan {
                cursor: varint::take(bytes)?,
                count: varint::take(bytes)?,
                pattern: take_option(bytes)?,
                kind: take_option(bytes)?,
            },
            STATS => Op::Stats,
            RANDOM_KEY => Op::RandomKey,
            SLOT_COUNT => Op::SlotCount(take_slot(bytes)?),
            SLOT_KEYS => Op::SlotKeys { slot: take_slot(bytes)?, count: varint::take(bytes)? },
            _ => return None,
        })
    }

    fn take_transaction(bytes: &mut &'a [u8]) -> Option<Op<'a>> {
        let watches = take_count(bytes)?;
        let watched = (0..watches)
            .map(|_| Some((varint::take_bytes(bytes)?, varint::take(bytes)?)))
            .collect::<Option<_>>()?;
        let count = take_count(bytes)?;
        let commands = (0..count).map(|_| take_args(bytes)).collect::<Option<_>>()?;
        Some(Op::Transaction { watched, commands })
    }
}

fn take_option<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (present, rest) = bytes.split_first()?;
    *bytes = rest;
    let value = varint::take_bytes(bytes)?;
    Some((*present == 1).then_some(value))
}

fn take_slot(bytes: &mut &[u8]) -> Option<Slot> {
    let (slot, rest) = bytes.split_first_chunk::<2>()?;
    *bytes = rest;
    Some(Slot(u16::from_le_bytes(*slot)))
}

/// Begins a payload in an empty buffer; [`stamp`] fills in time and seed when the batch is proposed.
pub(crate) fn begin_payload(out: &mut Vec<u8>) {
    out.push(PAYLOAD_VERSION);
    out.extend_from_slice(&[0; 16]);
}

/// Writes time and seed into a payload begun by [`begin_payload`].
pub(crate) fn stamp(payload: &mut [u8], now: Millis, seed: u64) {
    payload[1..9].copy_from_slice(&now.0.to_le_bytes());
    payload[9..17].copy_from_slice(&seed.to_le_bytes());
}

/// Splits a payload into stamp, seed and the bytes of its operations; `None` when it is not one.
#[must_use]
pub fn open_payload(payload: &[u8]) -> Option<(Millis, u64, &[u8])> {
    let (head, ops) = payload.split_first_chunk::<HEADER_BYTES>()?;
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&head[at..at + 8]);
        u64::from_le_bytes(word)
    };
    (head[0] == PAYLOAD_VERSION).then(|| (Millis(word(1)), word(9), ops))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_round_trips_and_no_prefix_of_one_is_taken_for_another() {
        let command =
            |words: &[&'static str]| words.iter().map(|w| w.as_bytes()).collect::<Args<'_>>();
        let ops = [
            Op::Command(command(&["SET", "a", "b"])),
            Op::Transaction {
                watched: vec![(b"k", 7)],
                commands: vec![command(&["GET", "a"]), command(&["INCR", "n"])],
            },
            Op::Expire(vec![b"x", b"y"]),
            Op::Clear,
            Op::Meta(b"bytes"),
            Op::Versions(command(&["a"])),
            Op::Scan { cursor: 9, count: 10, pattern: Some(b"a*"), kind: None },
            Op::Stats,
            Op::RandomKey,
            Op::SlotCount(Slot(16_383)),
            Op::SlotKeys { slot: Slot(7), count: 300 },
        ];
        for op in &ops {
            let mut bytes = Vec::new();
            op.encode(&mut bytes);
            let mut again = Vec::new();
            Op::take(&mut &bytes[..]).unwrap().encode(&mut again);
            assert_eq!(bytes, again);
            for cut in 0..bytes.len() {
                assert!(Op::take(&mut &bytes[..cut]).is_none());
            }
        }
    }
}
