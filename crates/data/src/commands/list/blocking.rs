//! BLPOP key... timeout, BRPOP, BLMOVE, BRPOPLPUSH: as their siblings, or wait;
//! LMPOP numkeys key... LEFT|RIGHT [COUNT count] and BLMPOP timeout numkeys key... LEFT|RIGHT [COUNT count].

use super::lmove::{end, move_element};
use crate::commands::prelude::*;
use crate::commands::waiting::{Counted, counted, first_held, timeout_ms};
use crate::value::list::{End, List};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::List, "blmove", 6, blmove).flags(Flags::DENYOOM.and(Flags::BLOCKING).and(Flags::NOSCRIPT)).keys(1, 2, 1).accesses(Access::TAKE, Access::INSERT)
        .syntax("source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout:double")
        .about("6.2.0", "Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was moved."),
    Command::write(Group::List, "blmpop", -5, blmpop).flags(Flags::BLOCKING).keys(0, 0, 0).counted_keys(2).access(Access::TAKE)
        .syntax("timeout:double numkeys key... <LEFT | RIGHT> [COUNT count]")
        .about("7.0.0", "Pops the first element from one of multiple lists. Blocks until an element is available otherwise. Deletes the list if the last element was popped."),
    Command::write(Group::List, "blpop", -3, blpop).flags(Flags::BLOCKING.and(Flags::NOSCRIPT)).keys(1, -2, 1).access(Access::TAKE)
        .syntax("key... timeout:double")
        .about("2.0.0", "Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped."),
    Command::write(Group::List, "brpop", -3, brpop).flags(Flags::BLOCKING.and(Flags::NOSCRIPT)).keys(1, -2, 1).access(Access::TAKE)
        .syntax("key... timeout:double")
        .about("2.0.0", "Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped."),
    Command::write(Group::List, "brpoplpush", 4, brpoplpush).flags(Flags::DENYOOM.and(Flags::BLOCKING).and(Flags::NOSCRIPT)).keys(1, 2, 1).accesses(Access::TAKE, Access::INSERT)
        .syntax("source destination timeout:double")
        .about("2.2.0", "Pops an element from a list, pushes it to another list and returns it. Block until an element is available otherwise. Deletes the list if the last element was popped."),
    Command::write(Group::List, "lmpop", -4, lmpop).keys(0, 0, 0).counted_keys(1).access(Access::TAKE)
        .syntax("numkeys key... <LEFT | RIGHT> [COUNT count]")
        .about("7.0.0", "Returns multiple elements from a list after removing them. Deletes the list if the last element was popped."),
];

fn blpop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    pop_first(keyspace, args, End::Left, ctx, out)
}

fn brpop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    pop_first(keyspace, args, End::Right, ctx, out)
}

fn pop_first(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    from: End,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let last = args.len() - 1;
    timeout_ms(args[last])?;
    let key = first_held::<List>(keyspace, &args[1..last], ctx)?.ok_or(error::WAITING)?;
    keyspace.edit::<List, _>(key, ctx.now, |list| {
        out.array(2);
        out.bulk(key);
        list.pop(from, 1, |item| item.reply(out));
        Ok(())
    })?;
    Ok(())
}

fn blmove(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let (from, to) = (end(args[3])?, end(args[4])?);
    move_or_wait(keyspace, args, (from, to), args[5], ctx, out)
}

fn brpoplpush(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    move_or_wait(keyspace, args, (End::Right, End::Left), args[3], ctx, out)
}

fn move_or_wait(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    (from, to): (End, End),
    timeout: &[u8],
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    timeout_ms(timeout)?;
    first_held::<List>(keyspace, &args[1..2], ctx)?.ok_or(error::WAITING)?;
    move_element(keyspace, args, from, to, ctx, out)
}

fn lmpop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let many = counted(args, 1, ["LEFT", "RIGHT"])?;
    if !pop_many(keyspace, &many, ctx, out)? {
        out.null_array();
    }
    Ok(())
}

fn blmpop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    timeout_ms(args[1])?;
    let many = counted(args, 2, ["LEFT", "RIGHT"])?;
    if pop_many(keyspace, &many, ctx, out)? { Ok(()) } else { Err(error::WAITING) }
}

/// Pops from the first list that is there; whether one is.
fn pop_many(
    keyspace: &mut Keyspace,
    many: &Counted<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Result<bool, Failure> {
    let from = end(many.word)?;
    let Some(key) = first_held::<List>(keyspace, many.keys, ctx)? else { return Ok(false) };
    keyspace.edit::<List, _>(key, ctx.now, |list| {
        out.array(2);
        out.bulk(key);
        out.array(many.count.min(list.view().len()));
        list.pop(from, many.count, |item| item.reply(out));
        Ok(())
    })?;
    Ok(true)
}
