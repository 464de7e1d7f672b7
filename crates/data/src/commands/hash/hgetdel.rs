//! HGETDEL key FIELDS numfields field...

use super::named_fields::{self, POSITIVE};
use crate::commands::prelude::*;
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
    let fields = named_fields::fields(&args[2..], POSITIVE)?;
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
