//! SISMEMBER key member, SMISMEMBER key member...

use crate::commands::prelude::*;
use crate::value::set::Set;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Set, "sismember", 3, sismember).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key member")
        .about("1.0.0", "Determines whether a member belongs to a set."),
    Command::read(Group::Set, "smismember", -3, smismember).flags(Flags::FAST)
        .syntax("key member...")
        .about("6.2.0", "Determines whether multiple members belong to a set."),
];

fn sismember(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let set = keyspace.view::<Set>(args[1], ctx.now)?;
    out.integer(i64::from(set.is_some_and(|set| set.contains(args[2]))));
    Ok(())
}

fn smismember(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let set = keyspace.view::<Set>(args[1], ctx.now)?;
    out.array(args.len() - 2);
    for member in &args[2..] {
        out.integer(i64::from(set.as_ref().is_some_and(|set| set.contains(member))));
    }
    Ok(())
}
