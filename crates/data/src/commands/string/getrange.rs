//! GETRANGE key start end, and SUBSTR, its old name

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::String, "getrange", 4, getrange)
        .syntax("key start:integer end:integer")
        .about("2.4.0", "A part of a string, by first and last position."),
    Command::read(Group::String, "substr", 4, getrange)
        .syntax("key start:integer end:integer")
        .about("1.0.0", "The old name of GETRANGE."),
];

fn getrange(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let (start, end) = (args::integer(args[2])?, args::integer(args[3])?);
    match keyspace.text(args[1], ctx.now)? {
        Some(text) => text.with(|bytes| out.bulk(&bytes[range(start, end, bytes.len())])),
        None => out.bulk(b""),
    }
    Ok(())
}

/// Unlike in lists, an end before the beginning means the first byte (Redis: `getrangeCommand`).
fn range(start: i64, end: i64, len: usize) -> std::ops::Range<usize> {
    if len == 0 || (start < 0 && end < 0 && start > end) {
        return 0..0;
    }
    let from_end = |n: i64| if n < 0 { n.saturating_add(len as i64).max(0) } else { n };
    let (start, end) = (from_end(start), from_end(end).min(len as i64 - 1));
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}
