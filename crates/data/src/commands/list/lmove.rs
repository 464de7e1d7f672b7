//! LMOVE source destination LEFT|RIGHT LEFT|RIGHT, and RPOPLPUSH source destination

use crate::commands::prelude::*;
use crate::value::list::{End, List};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::List, "lmove", 5, lmove).flags(Flags::DENYOOM).keys(1, 2, 1).accesses(Access::TAKE, Access::INSERT)
        .syntax("source destination <LEFT | RIGHT> <LEFT | RIGHT>")
        .about("6.2.0", "Returns an element after popping it from one list and pushing it to another. Deletes the list if the last element was moved."),
    Command::write(Group::List, "rpoplpush", 3, rpoplpush).flags(Flags::DENYOOM).keys(1, 2, 1).accesses(Access::TAKE, Access::INSERT)
        .syntax("source destination")
        .about("1.2.0", "Returns the last element of a list after removing and pushing it to another list. Deletes the list if the last element was popped."),
];

fn lmove(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let (from, to) = (end(args[3])?, end(args[4])?);
    move_element(keyspace, args, from, to, ctx, out)
}

fn rpoplpush(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    move_element(keyspace, args, End::Right, End::Left, ctx, out)
}

/// An end of a list by its name.
pub(super) fn end(arg: &[u8]) -> Result<End, Failure> {
    match arg {
        word if args::is(word, "LEFT") => Ok(End::Left),
        word if args::is(word, "RIGHT") => Ok(End::Right),
        _ => Err(error::SYNTAX),
    }
}

pub(super) fn move_element(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    from: End,
    to: End,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    if keyspace.view::<List>(args[1], ctx.now)?.is_none() {
        out.null();
        return Ok(());
    }
    // Nothing may have changed when the destination is of another type.
    keyspace.view::<List>(args[2], ctx.now)?;
    let mut element = Vec::new();
    keyspace.edit::<List, _>(args[1], ctx.now, |list| {
        list.pop(from, 1, |item| element = item.to_vec());
        // Moving within one list must not delete it in between, or it would lose its expiry time.
        if args[1] == args[2] {
            list.push(to, &element);
        }
        Ok(())
    })?;
    if args[1] != args[2] {
        keyspace.edit_or_create::<List, _>(args[2], ctx.now, |list| {
            list.push(to, &element);
            Ok(())
        })?;
    }
    out.bulk(&element);
    Ok(())
}
