//! LINDEX key index

use super::position;
use crate::commands::prelude::*;
use crate::value::list::List;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::List, "lindex", 3, lindex)
        .syntax("key index")
        .about("1.0.0", "Returns an element from a list by its index."),
];

fn lindex(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    // Redis looks for the key before it reads the index.
    let Some(list) = keyspace.view::<List>(args[1], ctx.now)? else {
        out.null();
        return Ok(());
    };
    let index = args::integer(args[2])?;
    match position(index, list.len()).and_then(|at| list.get(at)) {
        Some(item) => item.reply(out),
        None => out.null(),
    }
    Ok(())
}
