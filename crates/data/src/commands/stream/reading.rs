//! What XREAD and XREADGROUP have in common: their arguments, their reply, and what somebody who waits for a stream
//! waits for.

use crate::commands::prelude::*;
use crate::number;
use crate::value::stream::{Entry, Stream, StreamId};
use std::ops::{ControlFlow, Range};

/// The arguments of a call.
pub(super) struct Reading<'a, 'b> {
    /// Group and consumer.
    pub group: Option<(&'a [u8], &'a [u8])>,
    /// How many entries of each stream; 0: all.
    pub count: usize,
    pub no_ack: bool,
    /// For how many milliseconds it waits, 0 being for ever; `None`: not at all.
    block_ms: Option<u64>,
    pub keys: &'b [&'a [u8]],
    pub ids: &'b [&'a [u8]],
}

impl<'a, 'b> Reading<'a, 'b> {
    /// Reads the arguments of XREADGROUP, or of XREAD if not `in_group`.
    ///
    /// # Errors
    /// In Redis's order and words.
    pub fn parse(args: &'b [&'a [u8]], in_group: bool) -> Result<Self, Failure> {
        const UNBALANCED: Failure = Failure(
            "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
        );
        const NO_GROUP: Failure = Failure("ERR Missing GROUP option for XREADGROUP");
        const GROUP: Failure = Failure(
            "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
        );
        const NOACK: Failure = Failure(
            "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
        );
        let mut reading =
            Self { group: None, count: 0, no_ack: false, block_ms: None, keys: &[], ids: &[] };
        let mut rest = &args[1..];
        while let [word, after @ ..] = rest {
            rest = match after {
                [ms, after @ ..] if args::is(word, "BLOCK") => {
                    reading.block_ms = Some(block_ms(ms)?);
                    after
                }
                [n, after @ ..] if args::is(word, "COUNT") => {
                    reading.count = usize::try_from(args::integer(n)?).unwrap_or(0);
                    after
                }
                [_, ..] if args::is(word, "STREAMS") => {
                    if !after.len().is_multiple_of(2) {
                        return Err(UNBALANCED);
                    }
                    (reading.keys, reading.ids) = after.split_at(after.len() / 2);
                    break;
                }
                [_, _, ..] if args::is(word, "GROUP") && !in_group => return Err(GROUP),
                [name, consumer, after @ ..] if args::is(word, "GROUP") => {
                    reading.group = Some((*name, *consumer));
                    after
                }
                _ if args::is(word, "NOACK") && !in_group => return Err(NOACK),
                after if args::is(word, "NOACK") => {
                    reading.no_ack = true;
                    after
                }
                _ => return Err(error::SYNTAX),
            };
        }
        if reading.keys.is_empty() {
            return Err(error::SYNTAX);
        }
        match in_group && reading.group.is_none() {
            true => Err(NO_GROUP),
            false => Ok(reading),
        }
    }

    /// What there is nothing to answer with: null, or a wait.
    pub fn nothing(&self, out: &mut dyn ReplySink) -> Outcome {
        if self.block_ms.is_some() {
            return Err(error::WAITING);
        }
        out.null_array();
        Ok(())
    }
}

fn block_ms(arg: &[u8]) -> Result<u64, Failure> {
    const TIMEOUT: Failure = Failure("ERR timeout is not an integer or out of range");
    const NEGATIVE: Failure = Failure("ERR timeout is negative");
    let ms = number::parse_i64(arg).ok_or(TIMEOUT)?;
    u64::try_from(ms).map_err(|_| NEGATIVE)
}

/// Begins a reply on so many streams.
pub(super) fn reply_streams(len: usize, out: &mut dyn ReplySink) {
    match out.is_resp3() {
        true => out.map(len),
        false => out.array(len),
    }
}

/// Begins the part of a reply on one stream.
pub(super) fn reply_stream(key: &[u8], entries: usize, out: &mut dyn ReplySink) {
    if !out.is_resp3() {
        out.array(2);
    }
    out.bulk(key);
    out.array(entries);
}

/// The first id that XREAD wants of a stream; `None`: there can be none.
pub(super) fn first_wanted(
    id: &[u8],
    stream: Option<&Stream>,
) -> Result<Option<StreamId>, Failure> {
    const GROUP: Failure = Failure(
        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
    );
    let last = stream.map_or(StreamId::MIN, Stream::last);
    match id {
        b">" => Err(GROUP),
        b"+" => Ok(stream.filter(|s| s.len() > 0).map_or(last.next(), |s| Some(s.top()))),
        b"$" => Ok(last.next()),
        id => Ok(super::id(id, 0)?.next()),
    }
}

/// Up to `count` entries from an id on.
pub(super) fn entries_from(stream: &Stream, first: StreamId, count: usize) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    stream.walk(first, StreamId::MAX, false, |entry| {
        entries.push(entry);
        if entries.len() == count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    entries
}

fn parse<'a, 'b>(args: &'b [&'a [u8]]) -> Option<Reading<'a, 'b>> {
    Reading::parse(args, args::is(args[0], "XREADGROUP")).ok()
}

/// The places of the keys of a call that waits, and for how many milliseconds it does.
pub(crate) fn wait(args: &[&[u8]]) -> Option<(Range<usize>, u64)> {
    let reading = parse(args)?;
    let streams = reading.keys.len();
    let first = args.len().checked_sub(2 * streams)?;
    reading.block_ms.map(|ms| (first..first + streams, ms))
}

/// The same call for the key at `at` alone.
pub(crate) fn narrowed<'a>(args: &[&'a [u8]], at: usize) -> Vec<&'a [u8]> {
    let Some((keys, _)) = wait(args) else { return args.to_vec() };
    let mut narrow = args[..keys.start].to_vec();
    narrow.extend([args[at], args[at + keys.len()]]);
    narrow
}

/// The group that a call reads for, if it does.
pub(crate) fn group_of<'a>(args: &[&'a [u8]]) -> Option<&'a [u8]> {
    parse(args)?.group.map(|(name, _)| name)
}

/// The call with what `$` stands for from now on; `None` if it stands nowhere.
pub(crate) fn begun(args: &[&[u8]], keyspace: &Keyspace, ctx: &Context) -> Option<Vec<Vec<u8>>> {
    let (keys, _) = wait(args)?;
    let ids = keys.end..args.len();
    if group_of(args).is_some() || !args[ids.clone()].iter().any(|id| matches!(*id, b"$" | b"+")) {
        return None;
    }
    let mut begun: Vec<Vec<u8>> = args.iter().map(|arg| arg.to_vec()).collect();
    for (key, at) in keys.zip(ids) {
        if matches!(args[at], b"$" | b"+") {
            let view = keyspace.view::<Stream>(args[key], ctx.now).ok().flatten();
            let last = view.and_then(|v| v.stream()).map_or(StreamId::MIN, Stream::last);
            begun[at] = last.text().as_bytes().to_vec();
        }
    }
    Some(begun)
}

/// Whether a call that waits has an answer by now: entries, or an error because its group is gone.
pub(crate) fn is_answered(args: &[&[u8]], key: &[u8], keyspace: &Keyspace, ctx: &Context) -> bool {
    let Some(reading) = parse(args) else { return false };
    let Some((_, id)) = reading.keys.iter().zip(reading.ids).find(|(k, _)| **k == key) else {
        return false;
    };
    let view = keyspace.view::<Stream>(key, ctx.now).ok().flatten();
    let stream = view.and_then(|view| view.stream());
    match reading.group {
        Some((name, _)) => stream
            .and_then(|s| s.groups().get(name).map(|group| s.len() > 0 && s.top() > group.last))
            .unwrap_or(true),
        None => stream.is_some_and(|stream| {
            let first = first_wanted(id, Some(stream)).ok().flatten();
            stream.len() > 0 && first.is_some_and(|first| stream.top() >= first)
        }),
    }
}
