//! LPUSH key element..., RPUSH, and LPUSHX, RPUSHX for lists that are there

use crate::commands::prelude::*;
use crate::edit::Edit;
use crate::value::list::{End, List};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::List, "lpush", -3, lpush).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::INSERT)
        .syntax("key element...")
        .about("1.0.0","Prepends one or more elements to a list. Creates the key if it doesn't exist."),
    Command::write(Group::List, "lpushx", -3, lpushx).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::INSERT)
        .syntax("key element...")
        .about("2.2.0", "Prepends one or more elements to a list only when the list exists."),
    Command::write(Group::List, "rpush", -3, rpush).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::INSERT)
        .syntax("key element...")
        .about("1.0.0","Appends one or more elements to a list. Creates the key if it doesn't exist."),
    Command::write(Group::List, "rpushx", -3, rpushx).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::INSERT)
        .syntax("key element...")
        .about("2.2.0", "Appends an element to a list only when the list exists."),
];

fn lpush(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.edit_or_create(args[1], ctx.now, |list| push(list, End::Left, args))?;
    out.integer(len);
    Ok(())
}

fn rpush(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.edit_or_create(args[1], ctx.now, |list| push(list, End::Right, args))?;
    out.integer(len);
    Ok(())
}

fn lpushx(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.edit(args[1], ctx.now, |list| push(list, End::Left, args))?;
    out.integer(len.unwrap_or(0));
    Ok(())
}

fn rpushx(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.edit(args[1], ctx.now, |list| push(list, End::Right, args))?;
    out.integer(len.unwrap_or(0));
    Ok(())
}

/// Adds the elements that follow the key; the length then.
fn push(list: &mut Edit<'_, List>, end: End, args: &Args<'_>) -> Result<i64, Failure> {
    args[2..].iter().for_each(|element| list.push(end, element));
    Ok(list.view().len() as i64)
}
