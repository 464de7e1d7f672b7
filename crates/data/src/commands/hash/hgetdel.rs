//! HGETDEL key FIELDS numfields field...

use crate::commands::prelude::*;
use crate::number::parse_i64;
use crate::value::hash::Hash;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hgetdel", -5, hgetdel).flags(Flags::FAST).access(Access::TAKE)
        .syntax("key FIELDS <numfields:integer field...>")
        .about("8.0.0", "Returns the values of fields and deletes these. Deletes the hash if no fields remain."),
];

fn hgetdel(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const MISSING: Failure =
        Failure("ERR Mandatory argument FIELDS is missing or not at the right position");
    const POSITIVE: Failure = Failure("ERR Number of fields must be a positive integer");
    const COUNT: Failure =
        Failure("ERR The `numfields` parameter must match the number of arguments");
    if !args::is(args[2], "FIELDS") {
        return Err(MISSING);
    }
    let count = parse_i64(args[3]).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let fields = &args[4..];
    if count.ok_or(POSITIVE)? != fields.len() {
        return Err(COUNT);
    }
    let taken = keyspace.edit::<Hash, _>(args[1], ctx.now, |hash| {
        out.array(fields.len());
        for field in fields {
            match hash.view().get(field) {
                Some(value) => value.reply(out),
                None => out.null(),
            }
            hash.remove(field);
        }
        Ok(())
    })?;
    if taken.is_none() {
        out.array(fields.len());
        fields.iter().for_each(|_| out.null());
    }
    Ok(())
}
