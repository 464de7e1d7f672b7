//! LSET key index element

use super::position;
use crate::commands::prelude::*;
use crate::value::list::List;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::List, "lset", 4, lset).flags(Flags::DENYOOM)
        .syntax("key index element")
        .about("1.0.0", "Sets the value of an element in a list by its index."),
];

fn lset(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let set = keyspace.edit::<List, _>(args[1], ctx.now, |list| {
        let index = args::integer(args[2])?;
        let at = position(index, list.view().len()).ok_or(error::OUT_OF_RANGE)?;
        list.replace(at, args[3]);
        Ok(())
    })?;
    set.ok_or(error::NO_SUCH_KEY)?;
    out.simple("OK");
    Ok(())
}
