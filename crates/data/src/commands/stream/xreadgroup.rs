//! XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key... id...
//!
//! What is there is answered at once; with nothing there the answer is null, as when a BLOCK has run out.

use super::reply_entry;
use crate::commands::prelude::*;
use crate::value::stream::group::{Group as ConsumerGroup, Pending};
use crate::value::stream::{Stream, StreamId};
use std::ops::{Bound, ControlFlow};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Stream, "xreadgroup", -7, xreadgroup).flags(Flags::BLOCKING).keys(0, 0, 0).keys_behind_streams().access(Access::READ)
        .syntax("GROUP <group consumer> [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS <key... id...>")
        .about("5.0.0", "Reads entries of streams for a consumer of a group, which must acknowledge them."),
];

/// Where one stream is read from.
#[derive(Clone, Copy)]
enum From {
    /// `>`: what the group has not delivered yet.
    New,
    /// What the consumer has pending behind this id.
    Behind(StreamId),
}

struct Request<'a, 'b> {
    group: &'a [u8],
    consumer: &'a [u8],
    /// How many entries of each stream; 0: all.
    count: usize,
    no_ack: bool,
    keys: &'b [&'a [u8]],
    ids: &'b [&'a [u8]],
}

fn xreadgroup(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let request = parse(args)?;
    let mut froms = Vec::with_capacity(request.keys.len());
    for (key, id) in request.keys.iter().zip(request.ids) {
        let view = keyspace.view::<Stream>(key, ctx.now)?;
        let stream = view.and_then(|view| view.stream());
        if stream.and_then(|stream| stream.groups().get(request.group)).is_none() {
            let (key, group) =
                (String::from_utf8_lossy(key), String::from_utf8_lossy(request.group));
            out.error(&format!(
                "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
            ));
            return Ok(());
        }
        froms.push(from(id)?);
    }
    let mut served = Vec::new();
    for (key, from) in request.keys.iter().zip(&froms) {
        let read = |stream: &Stream, group: &mut ConsumerGroup| {
            let is_new = matches!(from, From::New);
            if is_new && (stream.len() == 0 || stream.top() <= group.last) {
                return None; // as in Redis, the consumer is not even made
            }
            let (name, _) = group.consumer(request.consumer, ctx.now);
            group.see(&name, ctx.now);
            match from {
                From::New => deliver(stream, group, &name, &request, ctx),
                From::Behind(id) => Some(history(stream, group, &name, *id, &request, ctx)),
            }
        };
        if let Some(ids) = super::change_group(keyspace, key, request.group, ctx, read)?.flatten() {
            served.push((*key, ids));
        }
    }
    reply(keyspace, &served, ctx, out)
}

fn reply(
    keyspace: &Keyspace,
    served: &[(&[u8], Vec<StreamId>)],
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    if served.is_empty() {
        out.null_array();
        return Ok(());
    }
    if out.is_resp3() {
        out.map(served.len())
    } else {
        out.array(served.len())
    }
    for (key, ids) in served {
        if !out.is_resp3() {
            out.array(2);
        }
        out.bulk(key);
        out.array(ids.len());
        let view = keyspace.view::<Stream>(key, ctx.now)?;
        let stream = view.and_then(|view| view.stream());
        for id in ids {
            match stream.and_then(|stream| stream.entry(*id)) {
                Some(entry) => reply_entry(&entry, out),
                None => {
                    out.array(2);
                    out.bulk(id.text().as_bytes());
                    out.null_array();
                }
            }
        }
    }
    Ok(())
}

/// Delivers what the group has not delivered yet; `None` when there is nothing.
fn deliver(
    stream: &Stream,
    group: &mut ConsumerGroup,
    name: &std::sync::Arc<[u8]>,
    request: &Request<'_, '_>,
    ctx: &Context,
) -> Option<Vec<StreamId>> {
    let mut ids = Vec::new();
    stream.walk(group.last.next()?, StreamId::MAX, false, |entry| {
        ids.push(entry.id);
        if ids.len() == request.count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    for id in &ids {
        group.read = stream.read_after(group, *id);
        group.last = *id;
        if !request.no_ack {
            let pending = Pending { consumer: name.clone(), delivered: ctx.now, times: 1 };
            group.deliver(*id, pending);
        }
    }
    Some(ids)
}

/// Delivers again what the consumer has pending behind an id.
fn history(
    stream: &Stream,
    group: &mut ConsumerGroup,
    name: &std::sync::Arc<[u8]>,
    id: StreamId,
    request: &Request<'_, '_>,
    ctx: &Context,
) -> Vec<StreamId> {
    let limit = if request.count == 0 { usize::MAX } else { request.count };
    let own = group.consumers().get(name).map(|consumer| consumer.pending());
    let behind = own.into_iter().flat_map(|own| own.range((Bound::Excluded(id), Bound::Unbounded)));
    let ids: Vec<StreamId> = behind.take(limit).copied().collect();
    for id in ids.iter().filter(|id| stream.entry(**id).is_some()) {
        let times = group.pending().get(id).map_or(0, |pending| pending.times);
        let pending = Pending { consumer: name.clone(), delivered: ctx.now, times: times + 1 };
        group.deliver(*id, pending);
    }
    ids
}

fn from(id: &[u8]) -> Result<From, Failure> {
    const LAST: Failure = Failure(
        "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer \
         by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
    );
    match id {
        b"$" => Err(LAST),
        b">" => Ok(From::New),
        id => Ok(From::Behind(super::id(id, 0)?)),
    }
}

fn parse<'a, 'b>(args: &'b Args<'a>) -> Result<Request<'a, 'b>, Failure> {
    const UNBALANCED: Failure = Failure(
        "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
    );
    const GROUP: Failure = Failure("ERR Missing GROUP option for XREADGROUP");
    const TIMEOUT: Failure = Failure("ERR timeout is not an integer or out of range");
    const NEGATIVE: Failure = Failure("ERR timeout is negative");
    let mut group = None;
    let mut request =
        Request { group: b"", consumer: b"", count: 0, no_ack: false, keys: &[], ids: &[] };
    let mut rest = &args[1..];
    while let [word, after @ ..] = rest {
        rest = match after {
            [ms, after @ ..] if args::is(word, "BLOCK") => {
                let ms = crate::number::parse_i64(ms).ok_or(TIMEOUT)?;
                if ms < 0 {
                    return Err(NEGATIVE);
                }
                after
            }
            [n, after @ ..] if args::is(word, "COUNT") => {
                request.count = usize::try_from(args::integer(n)?).unwrap_or(0);
                after
            }
            [_, ..] if args::is(word, "STREAMS") => {
                if !after.len().is_multiple_of(2) {
                    return Err(UNBALANCED);
                }
                (request.keys, request.ids) = after.split_at(after.len() / 2);
                break;
            }
            [name, consumer, after @ ..] if args::is(word, "GROUP") => {
                group = Some((*name, *consumer));
                after
            }
            after if args::is(word, "NOACK") => {
                request.no_ack = true;
                after
            }
            _ => return Err(error::SYNTAX),
        };
    }
    if request.keys.is_empty() {
        return Err(error::SYNTAX);
    }
    (request.group, request.consumer) = group.ok_or(GROUP)?;
    Ok(request)
}
