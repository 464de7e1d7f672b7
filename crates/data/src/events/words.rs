//! The word for what a command did to a key.

use super::Classes;
use crate::{Args, Command, args};

/// What is told of one change of one key.
type Words = Vec<(Classes, &'static str)>;

const GENERIC: Classes = Classes::GENERIC;
const STRING: Classes = Classes::STRING;
const LIST: Classes = Classes::LIST;
const SET: Classes = Classes::SET;
const HASH: Classes = Classes::HASH;
const SORTED_SET: Classes = Classes::SORTED_SET;
const STREAM: Classes = Classes::STREAM;

/// Commands whose one event has one word. Those of collections say `del` too when nothing is left.
#[rustfmt::skip] // this is a table
const WORDS: &[(Classes, &str, &[&str])] = &[
    (STRING, "set", &["set", "setnx", "getset", "mset", "msetnx", "setex", "psetex", "bitop", "msetex"]),
    (STRING, "append", &["append"]),
    (STRING, "setrange", &["setrange"]),
    (STRING, "incrby", &["incr", "decr", "incrby", "decrby"]),
    (STRING, "incrbyfloat", &["incrbyfloat"]),
    (STRING, "setbit", &["setbit", "bitfield"]),
    (STRING, "pfadd", &["pfadd", "pfmerge"]),
    (LIST, "lpush", &["lpush", "lpushx"]),
    (LIST, "rpush", &["rpush", "rpushx"]),
    (LIST, "linsert", &["linsert"]),
    (LIST, "lset", &["lset"]),
    (LIST, "lrem", &["lrem"]),
    (LIST, "ltrim", &["ltrim"]),
    (LIST, "lpop", &["lpop", "blpop"]),
    (LIST, "rpop", &["rpop", "brpop"]),
    (LIST, "sortstore", &["sort"]),
    (SET, "sadd", &["sadd"]),
    (SET, "srem", &["srem"]),
    (SET, "spop", &["spop"]),
    (SET, "sinterstore", &["sinterstore"]),
    (SET, "sunionstore", &["sunionstore"]),
    (SET, "sdiffstore", &["sdiffstore"]),
    (HASH, "hset", &["hset", "hsetnx", "hmset"]),
    (HASH, "hincrby", &["hincrby"]),
    (HASH, "hincrbyfloat", &["hincrbyfloat"]),
    (HASH, "hdel", &["hdel", "hgetdel"]),
    (SORTED_SET, "zincr", &["zincrby"]),
    (SORTED_SET, "zadd", &["geoadd"]),
    (SORTED_SET, "zrem", &["zrem"]),
    (SORTED_SET, "zremrangebyscore", &["zremrangebyscore"]),
    (SORTED_SET, "zremrangebyrank", &["zremrangebyrank"]),
    (SORTED_SET, "zremrangebylex", &["zremrangebylex"]),
    (SORTED_SET, "zpopmin", &["zpopmin", "bzpopmin"]),
    (SORTED_SET, "zpopmax", &["zpopmax", "bzpopmax"]),
    (SORTED_SET, "zunionstore", &["zunionstore"]),
    (SORTED_SET, "zinterstore", &["zinterstore"]),
    (SORTED_SET, "zdiffstore", &["zdiffstore"]),
    (SORTED_SET, "zrangestore", &["zrangestore"]),
    (SORTED_SET, "geosearchstore", &["geosearchstore"]),
    (SORTED_SET, "georadiusstore", &["georadius", "georadiusbymember"]),
    (STREAM, "xadd", &["xadd"]),
    (STREAM, "xdel", &["xdel"]),
    (STREAM, "xtrim", &["xtrim"]),
    (GENERIC, "del", &["del", "unlink", "getdel", "delifeq"]),
    (GENERIC, "expire", &["expire", "pexpire", "expireat", "pexpireat"]),
    (GENERIC, "persist", &["persist"]),
    (GENERIC, "copy_to", &["copy"]),
    (GENERIC, "restore", &["restore", "restore-asking"]),
];

/// Whether what happened to the last key is told first.
pub(crate) fn last_key_first(name: &str) -> bool {
    matches!(name, "lmove" | "blmove" | "rpoplpush" | "brpoplpush")
}

/// What is told of the `nth` key of a command, which it has changed, created or (`gone`) deleted.
pub(crate) fn of(command: &Command, args: &Args<'_>, nth: usize, gone: bool) -> Words {
    let name = command.name;
    let (class, word) = match WORDS.iter().find(|(_, _, names)| names.contains(&name)) {
        Some((class, word, _)) => (*class, *word),
        None => match by_argument(name, args, nth) {
            Some(words) => words,
            None => return if gone { vec![(GENERIC, "del")] } else { Vec::new() },
        },
    };
    let mut words = Vec::new();
    if !gone || is_told_of_the_last(word) {
        words.push((class, word));
    }
    if gone && word != "rename_from" {
        words.push((GENERIC, "del"));
    }
    if !gone && word == "set" && sets_expiry(name, args) {
        words.push((GENERIC, "expire"));
    }
    words
}

/// Whether the event is told although it left nothing, in front of `del`.
fn is_told_of_the_last(word: &str) -> bool {
    matches!(word, "lrem" | "ltrim" | "lpop" | "rpop" | "srem" | "spop" | "hdel" | "zrem")
        || word.starts_with("zremrange")
        || word.starts_with("zpop")
        || word == "rename_from"
}

fn sets_expiry(name: &str, args: &Args<'_>) -> bool {
    let option = |arg: &&[u8]| ["EX", "PX", "EXAT", "PXAT"].iter().any(|word| args::is(arg, word));
    match name {
        "setex" | "psetex" => true,
        "set" | "msetex" => args.iter().skip(3).any(option),
        _ => false,
    }
}

fn by_argument(name: &str, args: &Args<'_>, nth: usize) -> Option<(Classes, &'static str)> {
    let any = |word: &str| args.iter().any(|arg| args::is(arg, word));
    let at = |at: usize, word: &str| args.get(at).is_some_and(|arg| args::is(arg, word));
    Some(match name {
        "getex" if any("PERSIST") => (GENERIC, "persist"),
        "getex" => (GENERIC, "expire"),
        "zadd" => (SORTED_SET, if zadd_increments(args) { "zincr" } else { "zadd" }),
        "smove" => (SET, if nth == 0 { "srem" } else { "sadd" }),
        "rpoplpush" | "brpoplpush" => (LIST, if nth == 0 { "rpop" } else { "lpush" }),
        "lmove" | "blmove" if nth == 0 => (LIST, if at(3, "LEFT") { "lpop" } else { "rpop" }),
        "lmove" | "blmove" => (LIST, if at(4, "LEFT") { "lpush" } else { "rpush" }),
        "lmpop" | "blmpop" => (LIST, if side(args, "LEFT") { "lpop" } else { "rpop" }),
        "zmpop" | "bzmpop" => (SORTED_SET, if side(args, "MIN") { "zpopmin" } else { "zpopmax" }),
        "rename" | "renamenx" => (GENERIC, if nth == 0 { "rename_from" } else { "rename_to" }),
        "migrate" => (GENERIC, "del"),
        _ => return None,
    })
}

/// Whether a ZADD has INCR among its options, which end where the first score begins.
fn zadd_increments(args: &Args<'_>) -> bool {
    let is_option = |arg: &&&[u8]| {
        ["NX", "XX", "GT", "LT", "CH", "INCR"].iter().any(|word| args::is(arg, word))
    };
    args.iter().skip(2).take_while(is_option).any(|arg| args::is(arg, "INCR"))
}

/// Whether the word behind the counted keys is this one: of `LMPOP 2 a b LEFT`, and of `BLMPOP 0 2 a b LEFT`.
fn side(args: &Args<'_>, word: &str) -> bool {
    let blocks = args
        .first()
        .is_some_and(|name| name.first().is_some_and(|b| b.eq_ignore_ascii_case(&b'b')));
    let count_at = 1 + usize::from(blocks);
    let count = args.get(count_at).and_then(|count| crate::number::parse_i64(count));
    let at = count.and_then(|count| usize::try_from(count).ok()?.checked_add(count_at + 1));
    at.and_then(|at| args.get(at)).is_some_and(|arg| args::is(arg, word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Handler, commands};

    /// Commands whose words depend on their arguments, or on which of their keys it is.
    const BY_ARGUMENT: &[&str] = &[
        "getex",
        "zadd",
        "smove",
        "rpoplpush",
        "brpoplpush",
        "lmove",
        "blmove",
        "lmpop",
        "blmpop",
        "zmpop",
        "bzmpop",
        "rename",
        "renamenx",
        "migrate",
    ];

    #[test]
    fn every_writing_command_has_its_words() {
        let by_their_commands = ["eval", "evalsha", "fcall", "fence"];
        let where_it_happens = [
            "xsetid",
            "xgroup",
            "xreadgroup",
            "xclaim",
            "xautoclaim",
            "hexpire",
            "hpexpire",
            "hexpireat",
            "hpexpireat",
            "hpersist",
            "hgetex",
            "hsetex",
        ];
        let never = ["xack", "pfdebug", "lock"];
        let others = [&by_their_commands[..], &where_it_happens, &never].concat();
        for command in commands().filter(|c| matches!(c.handler, Handler::Write(_))) {
            let known = WORDS.iter().any(|(_, _, names)| names.contains(&command.name))
                || BY_ARGUMENT.contains(&command.name)
                || others.contains(&command.name);
            assert!(known, "events/words.rs has no word for what {} does", command.name);
        }
    }
}
