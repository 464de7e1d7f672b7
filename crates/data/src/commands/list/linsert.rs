//! LINSERT key BEFORE|AFTER pivot element

use crate::commands::prelude::*;
use crate::value::list::List;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::List, "linsert", 5, linsert).flags(Flags::DENYOOM).access(Access::INSERT)
        .syntax("key <BEFORE | AFTER> pivot element")
        .about("2.2.0", "Inserts an element before or after another element in a list."),
];

fn linsert(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let offset = match args[2] {
        word if args::is(word, "BEFORE") => 0,
        word if args::is(word, "AFTER") => 1,
        _ => return Err(error::SYNTAX),
    };
    let len = keyspace.edit::<List, _>(args[1], ctx.now, |list| {
        let Some(pivot) = list.view().position(args[3]) else { return Ok(-1) };
        list.insert(pivot + offset, args[4]);
        Ok(list.view().len() as i64)
    })?;
    out.integer(len.unwrap_or(0));
    Ok(())
}
