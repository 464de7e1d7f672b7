//! INCRBYFLOAT key increment

use crate::commands::prelude::*;
use crate::decimal;
use crate::keyspace::Expiry;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "incrbyfloat", 3, incrbyfloat).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::READ_UPDATE)
        .syntax("key increment:double")
        .about("2.6.0", "Adds a decimal fraction to a number; an absent key counts as 0."),
];

fn incrbyfloat(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let spot = keyspace.open(args[1], ctx.now);
    let sum = match keyspace.object(spot).map(|object| object.text()).transpose()? {
        Some(text) => text.with(|before| decimal::add(before, args[2]))?,
        None => decimal::add(b"0", args[2])?,
    };
    keyspace.set_text_at(spot, args[1], sum.as_bytes(), Expiry::Keep);
    out.bulk(sum.as_bytes());
    Ok(())
}
