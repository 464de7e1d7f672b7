//! SMOVE source destination member

use crate::commands::prelude::*;
use crate::value::set::Set;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Set, "smove", 4, smove).flags(Flags::FAST).keys(1, 2, 1).accesses(Access::TAKE, Access::INSERT)
        .syntax("source destination member")
        .about("1.0.0", "Moves a member from one set to another."),
];

fn smove(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let Some(source) = keyspace.view::<Set>(args[1], ctx.now)? else {
        out.integer(0);
        return Ok(());
    };
    let there = source.contains(args[3]);
    keyspace.view::<Set>(args[2], ctx.now)?;
    if there && args[1] != args[2] {
        keyspace.edit::<Set, _>(args[1], ctx.now, |set| Ok(set.remove(args[3])))?;
        keyspace.edit_or_create::<Set, _>(args[2], ctx.now, |set| Ok(set.add(args[3])))?;
    }
    out.integer(i64::from(there));
    Ok(())
}
