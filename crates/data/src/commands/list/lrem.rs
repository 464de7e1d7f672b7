//! LREM key count element: the first `count` ones, the last ones when negative, all of them when 0

use crate::commands::prelude::*;
use crate::value::list::List;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::List, "lrem", 4, lrem).access(Access::DELETE)
        .syntax("key count element")
        .about("1.0.0","Removes elements from a list. Deletes the list if the last element was removed."),
];

fn lrem(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let count = args::integer(args[2])?;
    let limit = match count {
        0 => usize::MAX,
        _ => usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
    };
    let removed = keyspace
        .edit::<List, _>(args[1], ctx.now, |list| Ok(list.remove(args[3], limit, count < 0)))?;
    out.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
