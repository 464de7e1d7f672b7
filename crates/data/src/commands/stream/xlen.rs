//! XLEN key

use crate::commands::prelude::*;
use crate::value::stream::Stream;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Stream, "xlen", 2, xlen).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key")
        .about("5.0.0", "Return the number of messages in a stream."),
];

fn xlen(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let view = keyspace.view::<Stream>(args[1], ctx.now)?;
    let len = view.and_then(|view| view.stream()).map_or(0, Stream::len);
    out.integer(len as i64);
    Ok(())
}
