//! XINFO STREAM key [FULL [COUNT count]] | GROUPS key | CONSUMERS key group | HELP

use super::{no_group_at, reply_entry};
use crate::commands::prelude::*;
use crate::value::stream::group::Group as ConsumerGroup;
use crate::value::stream::{Entry, Stream, StreamId};
use std::ops::ControlFlow;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Stream, "xinfo", -2, xinfo).keys(2, 2, 1).not_in(Categories::STREAM)
        .about("5.0.0", "Tells about a stream, its groups and their consumers."),
];

const HELP: [&str; 9] = [
    "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CONSUMERS <key> <groupname>",
    "    Show consumers of <groupname>.",
    "GROUPS <key>",
    "    Show the stream consumer groups.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Show information about the stream.",
    "HELP",
    "    Prints this help.",
];

/// How many entries and pending ones FULL shows of each unless COUNT says otherwise.
const COUNT_DEFAULT: usize = 10;

fn xinfo(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let known = [("STREAM", 3, 6), ("GROUPS", 3, 3), ("CONSUMERS", 4, 4), ("HELP", 2, 2)];
    let found = known.iter().find(|(name, ..)| args::is(args[1], name));
    let fits = |(name, least, most): &(&str, usize, usize)| {
        args.len() >= *least && (*name == "STREAM" || args.len() <= *most)
    };
    let Some((name, ..)) = found.filter(|subcommand| fits(subcommand)) else {
        crate::commands::key::reply_bad_subcommand("xinfo", args[1], found.is_some(), out);
        return Ok(());
    };
    if *name == "HELP" {
        crate::commands::key::reply_help(&HELP, out);
        return Ok(());
    }
    let view = keyspace.view::<Stream>(args[2], ctx.now)?.ok_or(error::NO_SUCH_KEY)?;
    let stream = view.stream().ok_or(error::NO_SUCH_KEY)?;
    match *name {
        "GROUPS" => groups(stream, out),
        "CONSUMERS" => match stream.groups().get(args[3]) {
            Some(group) => consumers(group, ctx, out),
            None => no_group_at(args[3], args[2], out),
        },
        _ => return whole(stream, args, out),
    }
    Ok(())
}

fn whole(stream: &Stream, args: &Args<'_>, out: &mut dyn ReplySink) -> Outcome {
    match &args[3..] {
        [] => {
            out.map(10);
            counters(stream, out);
            field("groups", stream.groups().len() as i64, out);
            for (name, id) in [("first-entry", stream.first()), ("last-entry", stream.top())] {
                out.bulk(name.as_bytes());
                match stream.entry(id) {
                    Some(entry) => reply_entry(&entry, out),
                    None => out.null(),
                }
            }
        }
        [full, count @ ..] if args::is(full, "FULL") && matches!(count.len(), 0 | 2) => {
            let count = match count {
                [word, n] if args::is(word, "COUNT") => {
                    usize::try_from(args::integer(n)?).unwrap_or(COUNT_DEFAULT)
                }
                [] => COUNT_DEFAULT,
                _ => {
                    super::reply_subcommand_syntax("XINFO", args[1], out);
                    return Ok(());
                }
            };
            details(stream, if count == 0 { usize::MAX } else { count }, out);
        }
        _ => super::reply_subcommand_syntax("XINFO", args[1], out),
    }
    Ok(())
}

fn field(name: &str, n: i64, out: &mut dyn ReplySink) {
    out.bulk(name.as_bytes());
    out.integer(n);
}

fn id_field(name: &str, id: StreamId, out: &mut dyn ReplySink) {
    out.bulk(name.as_bytes());
    out.bulk(id.text().as_bytes());
}

fn optional(name: &str, n: Option<i64>, out: &mut dyn ReplySink) {
    out.bulk(name.as_bytes());
    match n {
        Some(n) => out.integer(n),
        None => out.null(),
    }
}

/// Seven fields. Redis keeps a tree where we keep a map; its nodes are one more than its keys at least.
fn counters(stream: &Stream, out: &mut dyn ReplySink) {
    field("length", stream.len() as i64, out);
    field("radix-tree-keys", stream.nodes() as i64, out);
    field("radix-tree-nodes", stream.nodes() as i64 + 1, out);
    id_field("last-generated-id", stream.last(), out);
    id_field("max-deleted-entry-id", stream.deleted_max(), out);
    field("entries-added", stream.added() as i64, out);
    id_field("recorded-first-entry-id", stream.first(), out);
}

fn progress(stream: &Stream, group: &ConsumerGroup, out: &mut dyn ReplySink) {
    id_field("last-delivered-id", group.last, out);
    optional("entries-read", group.read.map(|read| read as i64), out);
    optional("lag", stream.lag_of(group), out);
}

fn groups(stream: &Stream, out: &mut dyn ReplySink) {
    out.array(stream.groups().len());
    for (name, group) in stream.groups().iter() {
        out.map(6);
        out.bulk(b"name");
        out.bulk(name);
        field("consumers", group.consumers().len() as i64, out);
        field("pending", group.pending().len() as i64, out);
        progress(stream, group, out);
    }
}

fn consumers(group: &ConsumerGroup, ctx: &Context, out: &mut dyn ReplySink) {
    out.array(group.consumers().len());
    for (name, consumer) in group.consumers() {
        out.map(3);
        out.bulk(b"name");
        out.bulk(name);
        field("pending", consumer.pending().len() as i64, out);
        field("idle", ctx.now.0.saturating_sub(consumer.seen.0) as i64, out);
    }
}

fn details(stream: &Stream, count: usize, out: &mut dyn ReplySink) {
    out.map(9);
    counters(stream, out);
    out.bulk(b"entries");
    let mut entries: Vec<Entry<'_>> = Vec::new();
    stream.walk(StreamId::MIN, StreamId::MAX, false, |entry| {
        entries.push(entry);
        if entries.len() == count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    out.array(entries.len());
    entries.iter().for_each(|entry| reply_entry(entry, out));
    out.bulk(b"groups");
    out.array(stream.groups().len());
    for (name, group) in stream.groups().iter() {
        out.map(7);
        out.bulk(b"name");
        out.bulk(name);
        progress(stream, group, out);
        field("pel-count", group.pending().len() as i64, out);
        out.bulk(b"pending");
        out.array(group.pending().len().min(count));
        for (id, pending) in group.pending().iter().take(count) {
            out.array(4);
            out.bulk(id.text().as_bytes());
            out.bulk(&pending.consumer);
            out.integer(pending.delivered.0 as i64);
            out.integer(pending.times as i64);
        }
        out.bulk(b"consumers");
        out.array(group.consumers().len());
        group.consumers().keys().for_each(|name| consumer_details(group, name, count, out));
    }
}

fn consumer_details(group: &ConsumerGroup, name: &[u8], count: usize, out: &mut dyn ReplySink) {
    let Some(consumer) = group.consumers().get(name) else { return };
    out.map(4);
    out.bulk(b"name");
    out.bulk(name);
    field("seen-time", consumer.seen.0 as i64, out);
    field("pel-count", consumer.pending().len() as i64, out);
    out.bulk(b"pending");
    let own = consumer.pending().iter().filter_map(|id| group.pending().get_key_value(id));
    let own: Vec<_> = own.take(count).collect();
    out.array(own.len());
    for (id, pending) in own {
        out.array(3);
        out.bulk(id.text().as_bytes());
        out.integer(pending.delivered.0 as i64);
        out.integer(pending.times as i64);
    }
}
