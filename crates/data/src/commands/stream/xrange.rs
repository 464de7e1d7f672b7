//! XRANGE key start end [COUNT count], XREVRANGE key end start [COUNT count]

use super::{interval, reply_entry};
use crate::commands::prelude::*;
use crate::value::stream::Stream;
use std::ops::ControlFlow;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Stream, "xrange", -4, xrange)
        .syntax("key start end [COUNT count]")
        .about("5.0.0", "Returns the messages from a stream within a range of IDs."),
    Command::read(Group::Stream, "xrevrange", -4, xrevrange)
        .syntax("key end start [COUNT count]")
        .about("5.0.0","Returns the messages from a stream within a range of IDs in reverse order."),
];

fn xrange(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    range(keyspace, args, (args[2], args[3]), false, ctx, out)
}

fn xrevrange(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    range(keyspace, args, (args[3], args[2]), true, ctx, out)
}

fn range(
    keyspace: &Keyspace,
    args: &Args<'_>,
    (start, end): (&[u8], &[u8]),
    backwards: bool,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let (start, end) = (interval::start(start)?, interval::end(end)?);
    let count = count(&args[4..])?;
    let Some(view) = keyspace.view::<Stream>(args[1], ctx.now)? else {
        out.array(0);
        return Ok(());
    };
    if count == 0 {
        out.null_array();
        return Ok(());
    }
    let mut entries = Vec::new();
    if let Some(stream) = view.stream() {
        stream.walk(start, end, backwards, |entry| {
            entries.push(entry);
            if entries.len() == count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
    out.array(entries.len());
    entries.iter().for_each(|entry| reply_entry(entry, out));
    Ok(())
}

/// How many entries at most.
fn count(options: &[&[u8]]) -> Result<usize, Failure> {
    let mut count = usize::MAX;
    for pair in options.chunks(2) {
        match *pair {
            [word, n] if args::is(word, "COUNT") => {
                count = usize::try_from(args::integer(n)?).unwrap_or(0);
            }
            _ => return Err(error::SYNTAX),
        }
    }
    Ok(count)
}
