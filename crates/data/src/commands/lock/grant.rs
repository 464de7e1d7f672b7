//! LOCK ACQUIRE name ttl [WAIT ms] [SHARED], LOCK RENEW name token ttl, LOCK RELEASE name token, LOCK INFO name,
//! LOCK LIST, LOCK EXPIRE name token renewals, LOCK HELP.
//!
//! LOCK EXPIRE is what the partition's leader proposes when a lease is over.

use crate::commands::prelude::*;
use crate::number;
use std::collections::BTreeSet;
use std::ops::Range;
use synod_locks::{HOLDERS_MAX, LEASE_MS_MAX, NAME_BYTES_MAX};
use synod_types::tree_path;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Generic, "lock", -2, lock).flags(Flags::BLOCKING.and(Flags::NOSCRIPT)).keys(2, 2, 1)
        .about("7.0.0", "Named locks whose every grant has a fencing token."),
];

const LEASE: Failure = Failure("ERR a lease is between 1 millisecond and a day");
const WAIT: Failure = Failure("ERR timeout is not an integer or out of range");
const NAME: Failure = Failure("ERR the name of a lock has between 1 and 512 bytes");
const OF_A_TREE: Failure =
    Failure("ERR a lock of the tree is taken and given back outside of MULTI");
const TOO_MANY: Failure = Failure("ERR too many locks are held in this partition");

/// The subcommands with the least and the greatest number of arguments.
const SUBCOMMANDS: [(&str, usize, usize); 7] = [
    ("ACQUIRE", 4, 7),
    ("RENEW", 5, 5),
    ("RELEASE", 4, 4),
    ("INFO", 3, 3),
    ("LIST", 2, 2),
    ("EXPIRE", 5, 5),
    ("HELP", 2, 2),
];

const HELP: [&str; 13] = [
    "LOCK <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ACQUIRE <name> <ttl> [WAIT <milliseconds>] [SHARED]",
    "    Return the fencing token of the grant, or null when the lock is held by others.",
    "    WAIT stands in line for so long, 0: for ever.",
    "RENEW <name> <token> <ttl>",
    "    Let the lease begin anew; return 1, or 0 when the token holds the lock no longer.",
    "RELEASE <name> <token>",
    "    Give the lock back; return 1, or 0 when the token holds the lock no longer.",
    "INFO <name>",
    "    Tell about the lock: its mode, the newest token, who holds it.",
    "LIST",
    "    Return the names of the locks that somebody holds.",
    "HELP",
];

/// What ACQUIRE asks for.
struct Wish {
    lease_ms: u64,
    /// For how long it waits; `None`: it does not, `Some(None)`: for ever.
    wait_ms: Option<Option<u64>>,
    shared: bool,
}

fn positive(arg: &[u8]) -> Option<u64> {
    number::parse_i64(arg).and_then(|n| u64::try_from(n).ok())
}

fn lease_ms(arg: &[u8]) -> Result<u64, Failure> {
    positive(arg).filter(|ms| (1..=LEASE_MS_MAX).contains(ms)).ok_or(LEASE)
}

fn wish(args: &Args<'_>) -> Result<Wish, Failure> {
    let mut wish = Wish { lease_ms: lease_ms(args[3])?, wait_ms: None, shared: false };
    let mut rest = &args[4..];
    while let Some((word, tail)) = rest.split_first() {
        rest = tail;
        if args::is(word, "SHARED") && !wish.shared {
            wish.shared = true;
        } else if args::is(word, "WAIT") && wish.wait_ms.is_none() {
            let (ms, tail) = rest.split_first().ok_or(error::SYNTAX)?;
            let ms = positive(ms).ok_or(WAIT)?;
            wish.wait_ms = Some((ms > 0).then_some(ms));
            rest = tail;
        } else {
            return Err(error::SYNTAX);
        }
    }
    Ok(wish)
}

/// What is asked about a lock whose line is in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeCall {
    /// LOCK ACQUIRE; `wait_ms` as with the other locks: `Some(None)` waits for ever.
    Acquire {
        /// The lease.
        lease_ms: u32,
        /// Whether it is shared.
        shared: bool,
        /// For how long it waits.
        wait_ms: Option<Option<u64>>,
    },
    /// LOCK RENEW.
    Renew {
        /// The token.
        token: i64,
        /// The lease.
        lease_ms: u32,
    },
    /// LOCK RELEASE.
    Release {
        /// The token.
        token: i64,
    },
    /// LOCK INFO.
    Info,
}

/// The namespace, the path and the call, if it is one about a lock of a tree; `Err` is what is wrong with it.
#[must_use]
pub fn tree_call<'a>(
    args: &[&'a [u8]],
) -> Option<(&'a str, &'a [u8], Result<TreeCall, &'static str>)> {
    let (namespace, path) = tree_path(args.get(2)?)?;
    let known = SUBCOMMANDS.iter().find(|(name, ..)| args::is(args[1], name));
    let (name, ..) = known.filter(|(_, least, most)| (*least..=*most).contains(&args.len()))?;
    let call = match *name {
        "ACQUIRE" | "RENEW" | "RELEASE" | "INFO" => parse_tree_call(name, args),
        _ => return None,
    };
    Some((namespace, path, call.map_err(|failure| failure.0)))
}

fn parse_tree_call(name: &str, args: &Args<'_>) -> Result<TreeCall, Failure> {
    let lease = |arg| lease_ms(arg).and_then(|ms| u32::try_from(ms).map_err(|_| LEASE));
    let token = |arg| super::token(arg).map(u64::cast_signed);
    if args[2].len() > NAME_BYTES_MAX {
        return Err(NAME);
    }
    Ok(match name {
        "ACQUIRE" => {
            let Wish { shared, wait_ms, .. } = wish(args)?;
            TreeCall::Acquire { lease_ms: lease(args[3])?, shared, wait_ms }
        }
        "RENEW" => TreeCall::Renew { token: token(args[3])?, lease_ms: lease(args[4])? },
        "RELEASE" => TreeCall::Release { token: token(args[3])? },
        _ => TreeCall::Info,
    })
}

fn is_acquire(args: &Args<'_>) -> bool {
    args.len() >= 4 && args::is(args[1], "ACQUIRE")
}

/// Which argument a call waits for, and for how long; `None` when it does not.
pub(crate) fn wait(args: &Args<'_>) -> Option<(Range<usize>, Option<u64>)> {
    let wish = is_acquire(args).then(|| wish(args).ok()).flatten()?;
    wish.wait_ms.map(|ms| (2..3, ms))
}

/// Whether a call may free a lock.
pub(crate) fn frees(args: &Args<'_>) -> bool {
    args.len() > 3 && (args::is(args[1], "RELEASE") || args::is(args[1], "EXPIRE"))
}

/// Whether a waiting call would be granted its lock now.
pub(crate) fn is_open(args: &Args<'_>, keyspace: &Keyspace) -> bool {
    let wish = is_acquire(args).then(|| wish(args).ok()).flatten();
    wish.is_some_and(|wish| keyspace.locks.admits(args[2], wish.shared))
}

/// Whether a waiting call may be granted the lock behind those who waited longer: one that wants it for itself only if
/// there are none, one that shares it only if they all do.
pub(crate) fn takes_turn(args: &Args<'_>, served: &mut BTreeSet<Vec<u8>>) -> bool {
    const ALONE: &[u8] = b"alone";
    let shared = is_acquire(args) && wish(args).is_ok_and(|wish| wish.shared);
    let first = served.is_empty();
    let passed_over = served.contains(ALONE);
    served.insert(if shared { b"shared".to_vec() } else { ALONE.to_vec() });
    first || (shared && !passed_over)
}

fn lock(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    _ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let word = args[1];
    let known = SUBCOMMANDS.iter().find(|(name, ..)| args::is(word, name));
    let Some((name, ..)) = known.filter(|(_, least, most)| (*least..=*most).contains(&args.len()))
    else {
        crate::commands::key::reply_bad_subcommand("lock", word, known.is_some(), out);
        return Ok(());
    };
    if args.len() > 2 && !(1..=NAME_BYTES_MAX).contains(&args[2].len()) {
        return Err(NAME);
    }
    if args.len() > 2 && tree_path(args[2]).is_some() {
        return Err(OF_A_TREE);
    }
    match *name {
        "ACQUIRE" => return acquire(keyspace, args, out),
        "RENEW" => {
            let (token, ms) = (super::token(args[3])?, lease_ms(args[4])?);
            out.integer(keyspace.locks.renew(args[2], token, ms).into());
        }
        "RELEASE" => out.integer(keyspace.locks.release(args[2], super::token(args[3])?).into()),
        "EXPIRE" => {
            let renewals = positive(args[4]).ok_or(error::NOT_INTEGER)?;
            let token = super::token(args[3])?;
            out.integer(keyspace.locks.expire(args[2], token, renewals).into());
        }
        "INFO" => info(keyspace, args[2], out),
        "LIST" => list(keyspace, out),
        _ => crate::commands::key::reply_help(&HELP, out),
    }
    Ok(())
}

fn acquire(keyspace: &mut Keyspace, args: &Args<'_>, out: &mut dyn ReplySink) -> Outcome {
    let wish = wish(args)?;
    match keyspace.locks.acquire(args[2], wish.lease_ms, wish.shared) {
        Ok(Some(token)) => out.integer(i64::try_from(token).unwrap_or(i64::MAX)),
        Ok(None) if wish.wait_ms.is_some() => return Err(error::WAITING),
        Ok(None) => out.null_array(),
        Err(_) => return Err(TOO_MANY),
    }
    Ok(())
}

fn info(keyspace: &Keyspace, name: &[u8], out: &mut dyn ReplySink) {
    let Some(lock) = keyspace.locks.get(name) else { return out.null_array() };
    let mode = match (lock.is_free(), lock.is_shared()) {
        (true, _) => "free",
        (false, true) => "shared",
        (false, false) => "exclusive",
    };
    out.map(3);
    out.bulk(b"mode");
    out.bulk(mode.as_bytes());
    out.bulk(b"token");
    out.integer(i64::try_from(lock.newest()).unwrap_or(i64::MAX));
    out.bulk(b"holders");
    out.array(lock.holders().len().min(HOLDERS_MAX));
    for (token, holder) in lock.holders().take(HOLDERS_MAX) {
        out.map(3);
        let numbers = [("token", token), ("ttl", holder.lease_ms), ("renewals", holder.renewals)];
        for (name, n) in numbers {
            out.bulk(name.as_bytes());
            out.integer(i64::try_from(n).unwrap_or(i64::MAX));
        }
    }
}

fn list(keyspace: &Keyspace, out: &mut dyn ReplySink) {
    let of_tree = keyspace.locks.followed();
    out.array(keyspace.locks.held().count() + of_tree.len());
    keyspace.locks.held().for_each(|(name, _)| out.bulk(name));
    of_tree.for_each(|name| out.bulk(name));
}
