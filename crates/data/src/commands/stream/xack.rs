//! XACK key group id...

use super::id;
use crate::commands::prelude::*;
use crate::value::stream::{Stream, StreamId};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Stream, "xack", -4, xack).flags(Flags::FAST)
        .syntax("key group id...")
        .about("5.0.0", "Acknowledges entries that a consumer group has pending."),
];

fn xack(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let view = keyspace.view::<Stream>(args[1], ctx.now)?;
    let stream = view.and_then(|view| view.stream());
    if stream.and_then(|stream| stream.groups().get(args[2])).is_none() {
        out.integer(0);
        return Ok(());
    }
    let ids: Vec<StreamId> = args[3..].iter().map(|arg| id(arg, 0)).collect::<Result<_, _>>()?;
    let acknowledged = super::change_group(keyspace, args[1], args[2], ctx, |_, group| {
        ids.iter().filter(|id| group.acknowledge(**id)).count()
    })?;
    out.integer(acknowledged.unwrap_or(0) as i64);
    Ok(())
}
