//! SMEMBERS key

use crate::commands::prelude::*;
use crate::value::set::Set;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Set, "smembers", 2, smembers).extent(Extent::Whole)
        .syntax("key")
        .about("1.0.0", "Returns all members of a set."),
];

fn smembers(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    match keyspace.view::<Set>(args[1], ctx.now)? {
        Some(set) => {
            out.set(set.len());
            set.each(|member| member.reply(out));
        }
        None => out.set(0),
    }
    Ok(())
}
