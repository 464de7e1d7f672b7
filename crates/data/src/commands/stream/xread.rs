//! XREAD [COUNT count] [BLOCK ms] STREAMS key... id...

use super::reading::{Reading, entries_from, first_wanted, reply_stream, reply_streams};
use super::reply_entry;
use crate::commands::prelude::*;
use crate::value::stream::Stream;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Stream, "xread", -4, xread).flags(Flags::BLOCKING).keys(0, 0, 0).keys_behind_streams()
        .syntax("[COUNT count] [BLOCK milliseconds] STREAMS <key... id...>")
        .about("5.0.0", "Returns messages from multiple streams with IDs greater than the ones requested. Blocks until a message is available otherwise."),
];

fn xread(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let reading = Reading::parse(args, false)?;
    let mut found = Vec::new();
    for (key, id) in reading.keys.iter().zip(reading.ids) {
        let view = keyspace.view::<Stream>(key, ctx.now)?;
        let stream = view.and_then(|view| view.stream());
        let first = first_wanted(id, stream)?;
        if let (Some(stream), Some(first)) = (stream, first)
            && stream.len() > 0
            && stream.top() >= first
        {
            found.push((*key, stream, first));
        }
    }
    if found.is_empty() {
        return reading.nothing(out);
    }
    reply_streams(found.len(), out);
    for (key, stream, first) in found {
        let entries = entries_from(stream, first, reading.count);
        reply_stream(key, entries.len(), out);
        entries.iter().for_each(|entry| reply_entry(entry, out));
    }
    Ok(())
}
