//! HMGET key field...

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hmget", -3, hmget).flags(Flags::FAST)
        .syntax("key field...")
        .about("2.0.0", "Returns the values of all fields in a hash."),
];

fn hmget(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let hash = keyspace.fields(args[1], ctx.now)?;
    out.array(args.len() - 2);
    for field in &args[2..] {
        match hash.as_ref().and_then(|hash| hash.get(field)) {
            Some(value) => value.reply(out),
            None => out.null(),
        }
    }
    Ok(())
}
