//! LPOP key [count], RPOP key [count]

use crate::commands::prelude::*;
use crate::value::list::{End, List};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::List, "lpop", -2, lpop).flags(Flags::FAST).access(Access::TAKE)
        .syntax("key [count]")
        .about("1.0.0", "Returns the first elements in a list after removing it. Deletes the list if the last element was popped."),
    Command::write(Group::List, "rpop", -2, rpop).flags(Flags::FAST).access(Access::TAKE)
        .syntax("key [count]")
        .about("1.0.0", "Returns and removes the last elements of a list. Deletes the list if the last element was popped."),
];

fn lpop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const TOO_MANY: Failure = Failure("ERR wrong number of arguments for 'lpop' command");
    if args.len() > 3 { Err(TOO_MANY) } else { pop(keyspace, args, End::Left, ctx, out) }
}

fn rpop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const TOO_MANY: Failure = Failure("ERR wrong number of arguments for 'rpop' command");
    if args.len() > 3 { Err(TOO_MANY) } else { pop(keyspace, args, End::Right, ctx, out) }
}

fn pop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    end: End,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let count = args.get(2).map(|arg| args::count(arg)).transpose()?;
    let popped = keyspace.edit::<List, _>(args[1], ctx.now, |list| {
        if let Some(count) = count {
            out.array(count.min(list.view().len()));
        }
        list.pop(end, count.unwrap_or(1), |item| item.reply(out));
        Ok(())
    })?;
    match (popped, count) {
        (Some(()), _) => {}
        (None, Some(_)) => out.null_array(),
        (None, None) => out.null(),
    }
    Ok(())
}
