//! The keyspace's operations as bytes: how a command stands in a log entry and in a forwarded request.
//!
//! ```text
//! body:  tag u8 | fields as varints and length-prefixed byte strings
//! ```
//! Commands keep their name, so a log is readable without a table of numbers.

use smallvec::SmallVec;
use synod_machine::{MachineId, put_operation};
use synod_txn::Step;
use synod_types::{NodeId, RequestId, Slot, varint};

/// The arguments of one command, name first; most have eight or fewer.
pub type Args<'a> = SmallVec<[&'a [u8]; 8]>;

const COMMAND: u8 = 0;
const TRANSACTION: u8 = 1;
const EXPIRE: u8 = 2;
const CLEAR: u8 = 3;
const VERSIONS: u8 = 5;
const SCAN: u8 = 6;
const STATS: u8 = 7;
const RANDOM_KEY: u8 = 8;
const SLOT_COUNT: u8 = 9;
const SLOT_KEYS: u8 = 10;
const EVICT: u8 = 11;
const WAIT: u8 = 12;
const LOAD_SCRIPT: u8 = 13;
const FORGET_SCRIPTS: u8 = 14;
const FIND_SCRIPTS: u8 = 15;
const CHANGE_FUNCTIONS: u8 = 16;
const READ_FUNCTIONS: u8 = 17;
const DEBUG: u8 = 18;
const DEBUG_OBJECT: u8 = 19;
const AS: u8 = 20;
const STEP: u8 = 21;
const PASS_SCRIPT: u8 = 22;

/// Who waits for a command that may wait, as the log names them. Node 0: a client of the leader itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// The node whose client waits.
    pub node: NodeId,
    /// Its worker.
    pub worker: u16,
    /// The worker's name for the request.
    pub request: RequestId,
    /// Whether the client speaks RESP3.
    pub resp3: bool,
}

/// One operation, borrowed from the bytes it was decoded from.
#[derive(Clone, Debug, PartialEq)]
pub enum Op<'a> {
    /// One command of the keyspace.
    Command(Args<'a>),
    /// One command of the keyspace for somebody who waits: it changes nothing and answers nothing if it finds nothing.
    Wait {
        /// Who waits.
        ticket: Ticket,
        /// The command.
        args: Args<'a>,
    },
    /// Commands that run together if no watched key has another version than the one given.
    Transaction {
        /// Keys and the versions they must still have.
        watched: Vec<(&'a [u8], u64)>,
        /// The commands in order.
        commands: Vec<Args<'a>>,
    },
    /// Deletes those of the keys that have expired by the entry's stamp.
    Expire(Vec<&'a [u8]>),
    /// Deletes these keys, which the leader chose because memory is short.
    Evict(Vec<&'a [u8]>),
    /// Deletes every key of the partition.
    Clear,
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
    /// Keeps a script, for EVALSHA.
    LoadScript(&'a [u8]),
    /// Remembers a script for a while, as EVAL does.
    PassScript(&'a [u8]),
    /// Forgets all scripts.
    ForgetScripts,
    /// Read: which of these digests EVALSHA would find.
    FindScripts(Args<'a>),
    /// A subcommand of FUNCTION that changes the libraries, and its arguments.
    ChangeFunctions(Args<'a>),
    /// Read: a subcommand of FUNCTION that only looks.
    ReadFunctions(Args<'a>),
    /// A subcommand of DEBUG that concerns every replica, and its arguments.
    Debug(Args<'a>),
    /// Read: how the value of a key is kept.
    DebugObject(&'a [u8]),
    /// A step of a transaction over several partitions.
    Step(Step<'a>),
    /// Another operation, whose scripts may do only what these rights allow. The operation itself was allowed.
    As {
        /// As [`crate::authority::Rights`] writes them.
        rights: &'a [u8],
        /// What runs.
        op: Box<Op<'a>>,
    },
}

/// Appends a command as an operation of the keyspace. Its length is reckoned first, so that it is as short as it can be.
#[inline]
pub fn put_command(out: &mut Vec<u8>, args: &[&[u8]]) {
    let words = args.iter().map(|arg| varint_len(arg.len()) + arg.len()).sum::<usize>();
    out.push(MachineId::KEYSPACE.0);
    varint::put(out, (1 + varint_len(args.len()) + words) as u64);
    out.push(COMMAND);
    put_args(out, args);
}

/// How many bytes a number takes as a varint.
#[inline]
const fn varint_len(n: usize) -> usize {
    (70 - (n as u64 | 1).leading_zeros() as usize) / 7
}

fn put_args(out: &mut Vec<u8>, args: &[&[u8]]) {
    varint::put(out, args.len() as u64);
    for arg in args {
        varint::put_bytes(out, arg);
    }
}

fn take_args<'a>(bytes: &mut &'a [u8]) -> Option<Args<'a>> {
    let mut args = Args::new();
    take_args_into(bytes, &mut args)?;
    Some(args)
}

#[inline]
fn take_args_into<'a>(bytes: &mut &'a [u8], args: &mut Args<'a>) -> Option<()> {
    let count = take_count(bytes)?;
    args.reserve(count.min(64));
    for _ in 0..count {
        args.push(varint::take_bytes(bytes)?);
    }
    Some(())
}

/// Reads the body of a plain command into `args`, which are empty: without an [`Op`] in between, which is large and would
/// be moved. `false` for every other body, and then `args` mean nothing.
#[inline]
pub(crate) fn take_command<'a>(body: &'a [u8], args: &mut Args<'a>) -> bool {
    match body.split_first() {
        Some((&COMMAND, mut rest)) => take_args_into(&mut rest, args).is_some() && rest.is_empty(),
        _ => false,
    }
}

/// A count of things of at least one byte each: one that exceeds the bytes left is refused before
/// anything is allocated for it.
fn take_count(bytes: &mut &[u8]) -> Option<usize> {
    let count = usize::try_from(varint::take(bytes)?).ok()?;
    (count <= bytes.len()).then_some(count)
}

impl<'a> Op<'a> {
    /// Appends it as an operation of the keyspace.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Op::Command(args) => put_command(out, args),
            other => put_operation(out, MachineId::KEYSPACE, |body| other.encode_body(body)),
        }
    }

    fn encode_body(&self, out: &mut Vec<u8>) {
        match self {
            Op::Command(args) => {
                out.push(COMMAND);
                put_args(out, args);
            }
            Op::Wait { ticket, args } => {
                out.push(WAIT);
                varint::put(out, ticket.node.0);
                varint::put(out, ticket.worker.into());
                varint::put(out, ticket.request.0);
                out.push(u8::from(ticket.resp3));
                put_args(out, args);
            }
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
            Op::Evict(keys) => {
                out.push(EVICT);
                put_args(out, keys);
            }
            Op::Expire(keys) => {
                out.push(EXPIRE);
                put_args(out, keys);
            }
            Op::Clear => out.push(CLEAR),
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
            Op::LoadScript(body) => {
                out.push(LOAD_SCRIPT);
                varint::put_bytes(out, body);
            }
            Op::PassScript(body) => {
                out.push(PASS_SCRIPT);
                varint::put_bytes(out, body);
            }
            Op::ForgetScripts => out.push(FORGET_SCRIPTS),
            Op::FindScripts(digests) => {
                out.push(FIND_SCRIPTS);
                put_args(out, digests);
            }
            Op::ChangeFunctions(args) => {
                out.push(CHANGE_FUNCTIONS);
                put_args(out, args);
            }
            Op::ReadFunctions(args) => {
                out.push(READ_FUNCTIONS);
                put_args(out, args);
            }
            Op::Debug(args) => {
                out.push(DEBUG);
                put_args(out, args);
            }
            Op::DebugObject(key) => {
                out.push(DEBUG_OBJECT);
                varint::put_bytes(out, key);
            }
            Op::Step(step) => {
                out.push(STEP);
                step.put(out);
            }
            Op::As { rights, op } => {
                out.push(AS);
                varint::put_bytes(out, rights);
                op.encode_body(out);
            }
        }
    }

    /// Reads the body of an operation; `None` when the bytes are not one.
    #[inline]
    pub fn decode(mut body: &'a [u8]) -> Option<Op<'a>> {
        let op = Op::take(&mut body)?;
        body.is_empty().then_some(op)
    }

    #[inline]
    fn take(bytes: &mut &'a [u8]) -> Option<Op<'a>> {
        let (tag, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(match *tag {
            COMMAND => Op::Command(take_args(bytes)?),
            TRANSACTION => Op::take_transaction(bytes)?,
            WAIT => Op::Wait { ticket: take_ticket(bytes)?, args: take_args(bytes)? },
            EXPIRE => Op::Expire(take_args(bytes)?.into_vec()),
            EVICT => Op::Evict(take_args(bytes)?.into_vec()),
            CLEAR => Op::Clear,
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
            LOAD_SCRIPT => Op::LoadScript(varint::take_bytes(bytes)?),
            PASS_SCRIPT => Op::PassScript(varint::take_bytes(bytes)?),
            FORGET_SCRIPTS => Op::ForgetScripts,
            FIND_SCRIPTS => Op::FindScripts(take_args(bytes)?),
            CHANGE_FUNCTIONS => Op::ChangeFunctions(take_args(bytes)?),
            READ_FUNCTIONS => Op::ReadFunctions(take_args(bytes)?),
            STEP => Op::Step(Step::take(bytes)?),
            DEBUG => Op::Debug(take_args(bytes)?),
            DEBUG_OBJECT => Op::DebugObject(varint::take_bytes(bytes)?),
            AS => {
                let rights = varint::take_bytes(bytes)?;
                // One inside another would be as deep as its bytes are many.
                if bytes.first() == Some(&AS) {
                    return None;
                }
                Op::As { rights, op: Box::new(Op::take(bytes)?) }
            }
            SLOT_KEYS => Op::SlotKeys { slot: take_slot(bytes)?, count: varint::take(bytes)? },
            _ => return None,
        })
    }

    /// What runs, whoever it runs for.
    #[inline]
    #[must_use]
    pub fn plain(&self) -> &Op<'a> {
        match self {
            Op::As { op, .. } => op,
            op => op,
        }
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

/// The word behind the name of a command, which is its first key for most; for fetching it ahead, so it may be a guess.
#[inline]
#[must_use]
pub fn first_key(body: &[u8]) -> Option<&[u8]> {
    let (tag, mut rest) = body.split_first()?;
    if *tag != COMMAND || varint::take(&mut rest)? < 2 {
        return None;
    }
    varint::take_bytes(&mut rest)?;
    varint::take_bytes(&mut rest)
}

/// Whether it is seen without decoding the body that it takes no time worth counting: so it is with nearly all.
#[inline]
#[must_use]
pub fn is_brief(body: &[u8]) -> bool {
    let Some((tag, mut rest)) = body.split_first() else { return true };
    match *tag {
        TRANSACTION | SCAN | AS => false,
        COMMAND if varint::take(&mut rest).is_some() => match varint::take_bytes(&mut rest) {
            // No name of three letters belongs to one that takes long, but for this one.
            Some(name) if name.len() < 4 && !name.eq_ignore_ascii_case(b"lcs") => true,
            Some(name) => crate::lookup(name).is_none_or(|command| command.extent.is_little()),
            None => true,
        },
        _ => true,
    }
}

/// Whether it is seen without decoding the body that its reply is no longer than one value and a few words: so it is with a
/// command that writes, and with GET.
#[inline]
#[must_use]
pub fn is_terse(body: &[u8], reads: bool) -> bool {
    let Some((tag, mut rest)) = body.split_first() else { return true };
    match *tag {
        TRANSACTION | AS => false,
        COMMAND if reads => {
            let args = varint::take(&mut rest);
            let name = varint::take_bytes(&mut rest);
            args == Some(2) && name.is_some_and(|name| name.eq_ignore_ascii_case(b"get"))
        }
        _ => true,
    }
}

/// Whether the body is an [`Op::Wait`].
#[inline]
#[must_use]
pub fn is_wait(body: &[u8]) -> bool {
    body.first() == Some(&WAIT)
}

/// Whether the body is an [`Op::Step`].
#[inline]
#[must_use]
pub fn is_step(body: &[u8]) -> bool {
    body.first() == Some(&STEP)
}

/// Whether the body is an [`Op::Expire`].
#[inline]
#[must_use]
pub fn is_expiry(body: &[u8]) -> bool {
    body.first() == Some(&EXPIRE)
}

/// Whether the body is an [`Op::Evict`].
#[must_use]
#[inline]
pub fn is_eviction(body: &[u8]) -> bool {
    body.first() == Some(&EVICT)
}

fn take_option<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (present, rest) = bytes.split_first()?;
    *bytes = rest;
    let value = varint::take_bytes(bytes)?;
    Some((*present == 1).then_some(value))
}

fn take_ticket(bytes: &mut &[u8]) -> Option<Ticket> {
    let node = NodeId(varint::take(bytes)?);
    let worker = u16::try_from(varint::take(bytes)?).ok()?;
    let request = RequestId(varint::take(bytes)?);
    let (resp3, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(Ticket { node, worker, request, resp3: *resp3 == 1 })
}

fn take_slot(bytes: &mut &[u8]) -> Option<Slot> {
    let (slot, rest) = bytes.split_first_chunk::<2>()?;
    *bytes = rest;
    Some(Slot(u16::from_le_bytes(*slot)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_machine::Operation;
    use synod_txn::TxnId;

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
            Op::Evict(vec![b"x", b""]),
            Op::Wait {
                ticket: Ticket {
                    node: NodeId(3),
                    worker: 1,
                    request: RequestId(1 << 40),
                    resp3: true,
                },
                args: command(&["BLPOP", "a", "0"]),
            },
            Op::Clear,
            Op::As { rights: b"r", op: Box::new(Op::Command(command(&["EVAL", "x", "0"]))) },
            Op::Versions(command(&["a"])),
            Op::Scan { cursor: 9, count: 10, pattern: Some(b"a*"), kind: None },
            Op::Stats,
            Op::RandomKey,
            Op::SlotCount(Slot(16_383)),
            Op::SlotKeys { slot: Slot(7), count: 300 },
            Op::LoadScript(b"return 1"),
            Op::PassScript(b"return 2"),
            Op::ForgetScripts,
            Op::FindScripts(command(&["a", "b"])),
            Op::ChangeFunctions(command(&["LOAD", "#!lua"])),
            Op::ReadFunctions(command(&["LIST"])),
            Op::Debug(command(&["RELOAD"])),
            Op::DebugObject(b"key"),
            Op::Step(Step::Forget { txn: TxnId { node: NodeId(1), worker: 2, number: 300 } }),
        ];
        for op in &ops {
            let mut bytes = Vec::new();
            op.encode(&mut bytes);
            let mut rest = &bytes[..];
            let operation = Operation::take(&mut rest).unwrap();
            assert_eq!((operation.machine, rest.len()), (MachineId::KEYSPACE, 0));
            let mut again = Vec::new();
            Op::decode(operation.body).unwrap().encode(&mut again);
            assert_eq!(again, bytes);
            for cut in 0..operation.body.len() {
                assert!(Op::decode(&operation.body[..cut]).is_none());
            }
        }
    }

    #[test]
    fn a_command_of_any_length_says_how_long_it_is() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            let value = vec![b'v'; len];
            let mut bytes = Vec::new();
            put_command(&mut bytes, &[b"SET", b"k", &value]);
            let mut rest = &bytes[..];
            let operation = Operation::take(&mut rest).unwrap();
            assert!(rest.is_empty());
            assert!(
                matches!(Op::decode(operation.body), Some(Op::Command(args)) if args[2] == value)
            );
        }
    }
}
