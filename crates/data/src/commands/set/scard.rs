//! SCARD key

use crate::commands::prelude::*;
use crate::value::set::Set;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Set, "scard", 2, scard).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key")
        .about("1.0.0", "Returns the number of members in a set."),
];

fn scard(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let len = keyspace.view::<Set>(args[1], ctx.now)?.map_or(0, |set| set.len());
    out.integer(len as i64);
    Ok(())
}
