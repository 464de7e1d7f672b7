//! RENAME key newkey, RENAMENX key newkey

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Generic, "rename", 3, rename).keys(1, 2, 1).accesses(Access::TAKE, Access::OVERWRITE)
        .syntax("key newkey")
        .about("1.0.0", "Moves a value to another key, whatever was there."),
    Command::write(Group::Generic, "renamenx", 3, renamenx).flags(Flags::FAST).keys(1, 2, 1).accesses(Access::TAKE, Access::CREATE)
        .syntax("key newkey")
        .about("1.0.0", "Moves a value to another key, if that does not exist."),
];

fn rename(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    move_key(keyspace, args, ctx)?;
    out.simple("OK");
    Ok(())
}

fn renamenx(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    if !keyspace.exists(args[1], ctx.now) {
        return Err(error::NO_SUCH_KEY);
    }
    let free = !keyspace.exists(args[2], ctx.now);
    if free {
        move_key(keyspace, args, ctx)?;
    }
    out.integer(i64::from(free));
    Ok(())
}

/// The value moves with its expiry.
fn move_key(keyspace: &mut Keyspace, args: &Args<'_>, ctx: &Context) -> Outcome {
    let from = keyspace.open(args[1], ctx.now);
    if from.is_free() {
        return Err(error::NO_SUCH_KEY);
    }
    if args[1] == args[2] {
        return Ok(());
    }
    if let Some(object) = keyspace.remove(from) {
        let to = keyspace.open(args[2], ctx.now);
        keyspace.put(to, object.renamed(args[2]));
    }
    Ok(())
}
