//! The state machine behind a replica: a keyspace, or the cluster map for the metadata group.

use crate::op::Op;
use std::ops::RangeInclusive;
use synod_data::value::Kind;
use synod_data::{Context, Keyspace, Restorer, ScanFilter};
use synod_ring::{ClusterMap, MetaCommand};
use synod_types::{Millis, ReplySink, SLOT_COUNT, Slot};

/// What a group agrees on.
#[derive(Debug)]
pub enum State {
    /// The keys of a partition.
    Data(Box<Keyspace>),
    /// Members and partitions.
    Meta(Box<ClusterMap>),
}

/// A state being read back from a snapshot.
#[derive(Debug)]
pub enum Loader {
    /// Of a partition.
    Data(Box<Restorer>),
    /// Of the metadata group; its chunks are joined.
    Meta(Vec<u8>),
}

impl State {
    /// The empty keyspace of a partition.
    #[must_use]
    pub fn data(slots: RangeInclusive<Slot>) -> Self {
        Self::Data(Box::new(Keyspace::new(slots)))
    }

    /// The map of a cluster that is not founded yet.
    #[must_use]
    pub fn meta() -> Self {
        Self::Meta(Box::default())
    }

    /// The keyspace, if this is one.
    #[must_use]
    pub fn keyspace(&self) -> Option<&Keyspace> {
        match self {
            Self::Data(keyspace) => Some(keyspace),
            Self::Meta(_) => None,
        }
    }

    /// The keyspace, if this is one, to be changed.
    pub fn keyspace_mut(&mut self) -> Option<&mut Keyspace> {
        match self {
            Self::Data(keyspace) => Some(keyspace),
            Self::Meta(_) => None,
        }
    }

    /// The cluster map, if this is one.
    #[must_use]
    pub fn map(&self) -> Option<&ClusterMap> {
        match self {
            Self::Meta(map) => Some(map),
            Self::Data(_) => None,
        }
    }

    /// Runs a committed operation. One that does not fit this state answers an error and changes nothing.
    pub fn apply(&mut self, op: &Op<'_>, ctx: &Context, out: &mut dyn ReplySink) {
        match (self, op) {
            (Self::Data(keyspace), Op::Command(args)) => {
                match args.first().and_then(|name| synod_data::lookup(name)) {
                    Some(command) if command.check_arity(args.len()) => {
                        keyspace.execute_write(command, args, ctx, out);
                    }
                    _ => out.error("ERR unknown command in the log"),
                }
            }
            (Self::Data(keyspace), Op::Transaction { watched, commands }) => {
                let commands: Vec<Vec<&[u8]>> = commands.iter().map(|c| c.to_vec()).collect();
                keyspace.execute_transaction(watched, &commands, ctx, out);
            }
            (Self::Data(keyspace), Op::Expire(keys)) => {
                keyspace.expire_now(keys.iter().copied(), ctx.now);
                out.simple("OK");
            }
            (Self::Data(keyspace), Op::Clear) => {
                keyspace.clear();
                out.simple("OK");
            }
            (Self::Meta(map), Op::Meta(bytes)) => match MetaCommand::decode(bytes) {
                Some(command) => match map.apply(command) {
                    Ok(_) => out.simple("OK"),
                    Err(rejected) => out.error(&format!("ERR {rejected}")),
                },
                None => out.error("ERR malformed metadata command"),
            },
            (state, read) => state.read(read, ctx, out),
        }
    }

    /// Runs a reading operation.
    pub fn read(&self, op: &Op<'_>, ctx: &Context, out: &mut dyn ReplySink) {
        let Self::Data(keyspace) = self else {
            return out.error("ERR the metadata group holds no keys");
        };
        match op {
            Op::Command(args) => match args.first().and_then(|name| synod_data::lookup(name)) {
                Some(command) if command.check_arity(args.len()) => {
                    keyspace.execute_read(command, args, ctx, out);
                }
                _ => out.error("ERR unknown command"),
            },
            Op::Versions(keys) => {
                out.array(keys.len());
                for key in keys {
                    out.integer(keyspace.version(key, ctx.now) as i64);
                }
            }
            Op::Scan { cursor, count, pattern, kind } => {
                scan(keyspace, *cursor, *count, *pattern, *kind, ctx, out);
            }
            Op::RandomKey => match keyspace.random_key(ctx.seed, ctx.now) {
                Some(key) => out.bulk(key),
                None => out.null(),
            },
            Op::Stats => out.integer(keyspace.len() as i64),
            Op::SlotCount(slot) => out.integer(keyspace.slot_len(*slot) as i64),
            Op::SlotKeys { slot, count } => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let keys: Vec<&[u8]> = keyspace.slot_keys(*slot, count).collect();
                out.array(keys.len());
                keys.iter().for_each(|key| out.bulk(key));
            }
            _ => out.error("ERR not a reading operation"),
        }
    }
}

/// One step of a SCAN: the next cursor and the keys found. At the end of this partition the cursor leads on to
/// the slot after it. A count of `u64::MAX` asks for every key at once and answers just the keys (KEYS).
fn scan(
    keyspace: &Keyspace,
    cursor: u64,
    count: u64,
    pattern: Option<&[u8]>,
    kind: Option<&[u8]>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    if count == u64::MAX {
        keyspace.keys(pattern.unwrap_or(b"*"), ctx.now, &mut |key| keys.push(key.to_vec()));
    } else {
        let wanted = kind.map(Kind::from_name);
        let filter = ScanFilter { pattern, kind: wanted.flatten() };
        let none = matches!(wanted, Some(None));
        let mut next = keyspace.scan(cursor, count as usize, filter, ctx.now, &mut |key| {
            if !none {
                keys.push(key.to_vec());
            }
        });
        let end = keyspace.slots().end().0 + 1;
        if next == 0 && end < SLOT_COUNT {
            next = Keyspace::cursor_from(Slot(end));
        }
        out.array(2);
        out.bulk(next.to_string().as_bytes());
    }
    out.array(keys.len());
    keys.iter().for_each(|key| out.bulk(key));
}

impl Loader {
    /// A loader of a partition's keyspace.
    #[must_use]
    pub fn data(slots: RangeInclusive<Slot>) -> Self {
        Self::Data(Box::new(Keyspace::restore(slots)))
    }

    /// A loader of the cluster map.
    #[must_use]
    pub fn meta() -> Self {
        Self::Meta(Vec::new())
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// A chunk that no snapshot of this version holds, in words; the loader is of no more use.
    pub fn chunk(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self {
            Self::Data(restorer) => restorer.chunk(bytes).map_err(|e| e.to_string()),
            Self::Meta(all) => {
                all.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// The state, after the last chunk.
    ///
    /// # Errors
    /// Chunks are missing or wrong, in words.
    pub fn finish(self) -> Result<State, String> {
        match self {
            Self::Data(restorer) => {
                restorer.finish().map(|k| State::Data(Box::new(k))).map_err(|e| e.to_string())
            }
            Self::Meta(bytes) => ClusterMap::decode(&bytes)
                .map(|map| State::Meta(Box::new(map)))
                .ok_or_else(|| "not a cluster map".to_owned()),
        }
    }
}

/// The context of the `ordinal`-th operation of a batch: the batch's time, a seed of its own.
pub(crate) fn context(now: Millis, seed: u64, ordinal: u64) -> Context {
    Context { now, seed: seed.wrapping_add(ordinal.wrapping_mul(0x9e37_79b9_7f4a_7c15)) }
}
