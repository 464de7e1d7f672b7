//! XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key... id...
//!
//! A wait ends with what the group has not delivered, or with an error when the group is gone.

use super::reading::{Reading, reply_stream, reply_streams};
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

fn xreadgroup(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let request = Reading::parse(args, true)?;
    let (group_name, consumer) = request.group.unwrap_or_default(); // parsed: it is there
    let mut froms = Vec::with_capacity(request.keys.len());
    for (key, id) in request.keys.iter().zip(request.ids) {
        let view = keyspace.view::<Stream>(key, ctx.now)?;
        let stream = view.and_then(|view| view.stream());
        if stream.and_then(|stream| stream.groups().get(group_name)).is_none() {
            let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group_name));
            out.error(&format!(
                "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
            ));
            return Ok(());
        }
        froms.push(from(id)?);
    }
    let mut served = Vec::new();
    for (key, from) in request.keys.iter().zip(&froms) {
        // As in Redis, the consumer is not even made.
        if matches!(from, From::New) && !has_new(keyspace, key, group_name, ctx)? {
            continue;
        }
        let read = |stream: &Stream, group: &mut ConsumerGroup| {
            let (name, _) = group.consumer(consumer, ctx.now);
            group.see(&name, ctx.now);
            match from {
                From::New => deliver(stream, group, &name, &request, ctx),
                From::Behind(id) => Some(history(stream, group, &name, *id, &request, ctx)),
            }
        };
        if let Some(ids) = super::change_group(keyspace, key, group_name, ctx, read)?.flatten() {
            served.push((*key, ids));
        }
    }
    if served.is_empty() {
        return request.nothing(out);
    }
    reply(keyspace, &served, ctx, out)
}

/// Whether the stream has what its group has not delivered yet.
fn has_new(keyspace: &Keyspace, key: &[u8], name: &[u8], ctx: &Context) -> Result<bool, Failure> {
    let view = keyspace.view::<Stream>(key, ctx.now)?;
    let has_new = |stream: &Stream| {
        let group = stream.groups().get(name)?;
        Some(stream.len() > 0 && stream.top() > group.last)
    };
    Ok(view.and_then(|view| view.stream()).and_then(has_new).unwrap_or(false))
}

fn reply(
    keyspace: &Keyspace,
    served: &[(&[u8], Vec<StreamId>)],
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply_streams(served.len(), out);
    for (key, ids) in served {
        reply_stream(key, ids.len(), out);
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
    request: &Reading<'_, '_>,
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
    request: &Reading<'_, '_>,
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
