//! What a command that may wait waits for, and which commands end a wait.
//!
//! A wait is not part of the keyspace: the leader keeps it, runs the command again when one of its keys was filled,
//! and forgets it at the end of its time. This file says all that it has to know of the single commands.

use crate::commands::lock::{fence, grant};
use crate::commands::stream::reading;
use crate::commands::waiting::timeout_ms;
use crate::value::Kind;
use crate::{Args, Command, Context, Flags, Group, Keyspace, number};
use std::collections::BTreeSet;
use std::ops::Range;
use synod_types::ReplySink;

/// What a call waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The places among the arguments of the keys any of which ends it.
    pub keys: Range<usize>,
    /// For how long, in milliseconds; `None`: for ever.
    pub timeout_ms: Option<u64>,
}

/// What this call waits for, should it find nothing; `None` for one that cannot wait or is refused anyway.
#[must_use]
pub fn wait_of(command: &Command, args: &Args<'_>) -> Option<Wait> {
    if !command.flags.has(Flags::BLOCKING) {
        return None;
    }
    if command.group == Group::Stream {
        let (keys, ms) = reading::wait(args)?;
        return Some(Wait { keys, timeout_ms: (ms > 0).then_some(ms) });
    }
    if command.name == "lock" {
        let (keys, timeout_ms) = grant::wait(args)?;
        return Some(Wait { keys, timeout_ms });
    }
    let last = args.len().checked_sub(1)?;
    let (keys, timeout) = match command.name {
        "blpop" | "brpop" | "bzpopmin" | "bzpopmax" => (1..last, last),
        "blmove" | "brpoplpush" => (1..2, last),
        "blmpop" | "bzmpop" => {
            let many = usize::try_from(number::parse_i64(args[2])?).ok()?;
            (3..many.checked_add(3).filter(|end| *end <= last)?, 1)
        }
        _ => return None,
    };
    Some(Wait { keys, timeout_ms: timeout_ms(args[timeout]).ok()? })
}

/// The same call for one of its keys alone, the one at `at`: a wait is ended by the key that was filled.
#[must_use]
pub fn narrowed<'a>(command: &Command, args: &Args<'a>, at: usize) -> Vec<&'a [u8]> {
    match command.name {
        "blpop" | "brpop" | "bzpopmin" | "bzpopmax" => {
            vec![args[0], args[at], args[args.len() - 1]]
        }
        "blmpop" | "bzmpop" => {
            let keys = number::parse_i64(args[2]).and_then(|n| usize::try_from(n).ok());
            let end = keys.unwrap_or(0).saturating_add(3).min(args.len());
            let mut narrow = vec![args[0], args[1], b"1", args[at]];
            narrow.extend_from_slice(&args[end..]);
            narrow
        }
        "xread" | "xreadgroup" => reading::narrowed(args, at),
        _ => args.to_vec(),
    }
}

/// What a call answers that would wait where nothing may, in a transaction or in a script.
pub(crate) fn reply_nothing(command: &Command, out: &mut dyn ReplySink) {
    match command.name {
        "blmove" | "brpoplpush" => out.null(),
        _ => out.null_array(),
    }
}

/// The call as it waits from now on, where that is another: `$` is what was the last id when the wait began.
#[must_use]
pub fn begun(
    command: &Command,
    args: &Args<'_>,
    keyspace: &Keyspace,
    ctx: &Context,
) -> Option<Vec<Vec<u8>>> {
    (command.name == "xread").then(|| reading::begun(args, keyspace, ctx)).flatten()
}

/// Whether a call may find something behind others that were woken for the same key before it, and are noted in
/// `served`: of those that read a stream for the same group one at most does, and a lock goes to one alone or to
/// several that share it, and to nobody past one that asked for it earlier.
#[must_use]
pub fn takes_turn(command: &Command, args: &Args<'_>, served: &mut BTreeSet<Vec<u8>>) -> bool {
    match command.name {
        "xreadgroup" => reading::group_of(args).is_none_or(|group| served.insert(group.to_vec())),
        "lock" => grant::takes_turn(args, served),
        _ => true,
    }
}

/// Whether what `filler` writes can be what `command` waits for.
#[must_use]
pub fn suits(filler: &Command, command: &Command) -> bool {
    let kinds = [Group::List, Group::SortedSet, Group::Stream];
    filler.group == command.group || !kinds.contains(&filler.group)
}

/// Whether the key holds what this call waits for.
#[must_use]
pub fn is_filled(
    command: &Command,
    args: &Args<'_>,
    keyspace: &Keyspace,
    key: &[u8],
    ctx: &Context,
) -> bool {
    if command.name == "lock" {
        return grant::is_open(args, keyspace);
    }
    let wanted = match command.group {
        Group::List => Kind::List,
        Group::SortedSet => Kind::Zset,
        _ => return reading::is_answered(args, key, keyspace, ctx),
    };
    keyspace.kind(key, ctx.now) == Some(wanted)
}

/// The command that a call runs in the end: of a fenced write the write.
#[must_use]
pub fn in_the_end<'a, 'b>(args: &'b [&'a [u8]]) -> &'b [&'a [u8]] {
    let is_fence = args.first().is_some_and(|name| name.eq_ignore_ascii_case(b"fence"));
    if is_fence { fence::inner(args) } else { args }
}

/// Whether the command may fill one of its keys, so that a wait for it ends, and how many elements at most it adds;
/// `None` if it cannot. What deletes or replaces only, or adds to what is there already, ends no wait.
#[must_use]
pub fn fills(command: &Command, args: &Args<'_>) -> Option<usize> {
    match command.name {
        "lpush" | "rpush" | "zadd" | "geoadd" => Some(args.len().saturating_sub(2).max(1)),
        "lmove" | "rpoplpush" | "blmove" | "brpoplpush" | "zincrby" => Some(1),
        "rename" | "renamenx" | "copy" | "restore" | "sort" | "zrangestore" | "zunionstore"
        | "zinterstore" | "zdiffstore" | "georadius" | "georadiusbymember" | "geosearchstore" => {
            Some(usize::MAX)
        }
        // Every reader gets what is added.
        "xadd" | "eval" | "evalsha" | "fcall" => Some(usize::MAX),
        "lock" if grant::frees(args) => Some(usize::MAX),
        _ => None,
    }
}
