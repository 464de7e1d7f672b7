//! SADD key member...

use crate::commands::prelude::*;
use crate::value::set::Set;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Set, "sadd", -3, sadd).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::INSERT)
        .syntax("key member...")
        .about("1.0.0", "Adds one or more members to a set. Creates the key if it doesn't exist."),
];

fn sadd(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let added = keyspace.edit_or_create::<Set, _>(args[1], ctx.now, |set| {
        Ok(args[2..].iter().filter(|member| set.add(member)).count())
    })?;
    out.integer(added as i64);
    Ok(())
}
