//! EXISTS key [key ...]; TOUCH key [key ...], which counts alike: there is no access time to change

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Generic, "exists", -2, exists).flags(Flags::FAST).keys(1, -1, 1).access(Access::LOOK)
        .syntax("key...")
        .about("1.0.0", "How many of the keys exist."),
    Command::read(Group::Generic, "touch", -2, exists).flags(Flags::FAST).keys(1, -1, 1).access(Access::LOOK)
        .syntax("key...")
        .about("3.2.1", "How many of the keys exist."),
];

fn exists(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    out.integer(args[1..].iter().filter(|key| keyspace.exists(key, ctx.now)).count() as i64);
    Ok(())
}
