//! HINCRBY key field increment

use crate::commands::prelude::*;
use crate::number::{I64Text, parse_i64};
use crate::value::hash::Hash;
use crate::value::packed::Item;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hincrby", 4, hincrby).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::READ_UPDATE)
        .syntax("key field increment")
        .about("2.0.0", "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist."),
];

fn hincrby(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const NOT_INTEGER: Failure = Failure("ERR hash value is not an integer");
    let by = args::integer(args[3])?;
    let sum = keyspace.edit_or_create::<Hash, _>(args[1], ctx.now, |hash| {
        let before = match hash.view().get(args[2]) {
            None => 0,
            Some(Item::Int(n)) => n,
            Some(value) => parse_i64(value.text(&mut I64Text::new(0))).ok_or(NOT_INTEGER)?,
        };
        let sum = before.checked_add(by).ok_or(error::OVERFLOW)?;
        hash.put_keeping(args[2], I64Text::new(sum).as_bytes());
        Ok(sum)
    })?;
    out.integer(sum);
    Ok(())
}
