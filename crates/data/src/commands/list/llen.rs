//! LLEN key

use crate::commands::prelude::*;
use crate::value::list::List;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::List, "llen", 2, llen).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key")
        .about("1.0.0", "Returns the length of a list."),
];

fn llen(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let len = keyspace.view::<List>(args[1], ctx.now)?.map_or(0, |list| list.len());
    out.integer(len as i64);
    Ok(())
}
