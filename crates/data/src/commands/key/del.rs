//! DEL key [key ...], UNLINK key [key ...]

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Generic, "del", -2, del).keys(1, -1, 1).access(Access::REMOVE)
        .syntax("key...")
        .about("1.0.0", "Deletes keys."),
    Command::write(Group::Generic, "unlink", -2, del).flags(Flags::FAST).keys(1, -1, 1).access(Access::REMOVE)
        .syntax("key...")
        .about("4.0.0", "Deletes keys."),
];

fn del(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let deleted = args[1..].iter().filter(|key| keyspace.delete(key, ctx.now)).count();
    out.integer(deleted as i64);
    Ok(())
}
