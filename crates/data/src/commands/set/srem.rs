//! SREM key member...

use crate::commands::prelude::*;
use crate::value::set::Set;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Set, "srem", -3, srem).flags(Flags::FAST).access(Access::DELETE)
        .syntax("key member...")
        .about("1.0.0","Removes one or more members from a set. Deletes the set if the last member was removed."),
];

fn srem(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let removed = keyspace.edit::<Set, _>(args[1], ctx.now, |set| {
        Ok(args[2..].iter().filter(|member| set.remove(member)).count())
    })?;
    out.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
