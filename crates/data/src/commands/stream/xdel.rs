//! XDEL key id...

use super::id;
use crate::commands::prelude::*;
use crate::value::stream::{Stream, StreamId};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Stream, "xdel", -3, xdel).flags(Flags::FAST).access(Access::DELETE)
        .syntax("key id...")
        .about("5.0.0", "Returns the number of messages after removing them from a stream."),
];

fn xdel(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    // Redis looks for the key before it reads the ids.
    if keyspace.view::<Stream>(args[1], ctx.now)?.is_none() {
        out.integer(0);
        return Ok(());
    }
    let ids: Vec<StreamId> = args[2..].iter().map(|arg| id(arg, 0)).collect::<Result<_, _>>()?;
    let deleted = keyspace.edit::<Stream, _>(args[1], ctx.now, |stream| {
        let delete = |stream: &mut Stream| {
            let deleted = ids.iter().filter(|id| stream.delete(**id)).count();
            (deleted, deleted > 0)
        };
        Ok(stream.full_if(delete).unwrap_or(0))
    })?;
    out.integer(deleted.unwrap_or(0) as i64);
    Ok(())
}
