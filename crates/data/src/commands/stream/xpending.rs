//! XPENDING key group [[IDLE min-idle] start end count [consumer]]

use super::{interval, no_key_or_group};
use crate::commands::prelude::*;
use crate::value::stream::group::Group as ConsumerGroup;
use crate::value::stream::{Stream, StreamId};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Stream, "xpending", -3, xpending)
        .syntax("key group [[IDLE min-idle-time:integer] start end count [consumer]]")
        .about("5.0.0", "The entries that a consumer group has delivered and that were not acknowledged."),
];

struct Range<'a> {
    idle: u64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

fn xpending(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let range = match args.len() {
        3 => None,
        6..=9 => Some(parse(&args[3..])?),
        _ => return Err(error::SYNTAX),
    };
    let view = keyspace.view::<Stream>(args[1], ctx.now)?;
    let stream = view.and_then(|view| view.stream());
    let Some(group) = stream.and_then(|stream| stream.groups().get(args[2])) else {
        no_key_or_group(args[1], args[2], out);
        return Ok(());
    };
    match range {
        None => summary(group, out),
        Some(range) => list(group, &range, ctx, out),
    }
    Ok(())
}

fn parse<'a>(mut rest: &Args<'a>) -> Result<Range<'a>, Failure> {
    let mut idle = 0;
    if args::is(rest[0], "IDLE") {
        idle = args::integer(rest[1])?;
        rest = &rest[2..];
    }
    let [start, end, count, consumer @ ..] = rest else { return Err(error::SYNTAX) };
    Ok(Range {
        count: usize::try_from(args::integer(count)?).unwrap_or(0),
        idle: u64::try_from(idle).unwrap_or(0),
        start: interval::start(start)?,
        end: interval::end(end)?,
        consumer: consumer.first().copied(),
    })
}

fn summary(group: &ConsumerGroup, out: &mut dyn ReplySink) {
    let pending = group.pending();
    out.array(4);
    out.integer(pending.len() as i64);
    let (Some((first, _)), Some((last, _))) = (pending.first_key_value(), pending.last_key_value())
    else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    out.bulk(first.text().as_bytes());
    out.bulk(last.text().as_bytes());
    let busy = || group.consumers().iter().filter(|(_, consumer)| !consumer.pending().is_empty());
    out.array(busy().count());
    for (name, consumer) in busy() {
        out.array(2);
        out.bulk(name);
        out.bulk(consumer.pending().len().to_string().as_bytes());
    }
}

fn list(group: &ConsumerGroup, range: &Range<'_>, ctx: &Context, out: &mut dyn ReplySink) {
    let ids: Vec<StreamId> = match range.consumer {
        _ if range.start > range.end => Vec::new(),
        Some(name) => match group.consumers().get(name) {
            Some(consumer) => consumer.pending().range(range.start..=range.end).copied().collect(),
            None => Vec::new(),
        },
        None => group.pending().range(range.start..=range.end).map(|(id, _)| *id).collect(),
    };
    let entries = ids.iter().filter_map(|id| group.pending().get_key_value(id));
    let entries =
        entries.map(|(id, pending)| (id, ctx.now.0.saturating_sub(pending.delivered.0), pending));
    let entries: Vec<_> =
        entries.filter(|(_, idle, _)| *idle >= range.idle).take(range.count).collect();
    out.array(entries.len());
    for (id, idle, pending) in entries {
        out.array(4);
        out.bulk(id.text().as_bytes());
        out.bulk(&pending.consumer);
        out.integer(idle as i64);
        out.integer(pending.times as i64);
    }
}
