//! ZPOPMIN key [count], ZPOPMAX key [count]

use super::reply_range;
use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::SortedSet, "zpopmax", -2, zpopmax).flags(Flags::FAST).access(Access::TAKE)
        .syntax("key [count]")
        .about("5.0.0", "Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped."),
    Command::write(Group::SortedSet, "zpopmin", -2, zpopmin).flags(Flags::FAST).access(Access::TAKE)
        .syntax("key [count]")
        .about("5.0.0", "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped."),
];

fn zpopmin(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    pop(keyspace, args, false, ctx, out)
}

fn zpopmax(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    pop(keyspace, args, true, ctx, out)
}

fn pop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    from_top: bool,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let count = match args {
        [_, _] => None,
        [_, _, count] => Some(args::count(count)?),
        _ => return Err(error::SYNTAX),
    };
    let popped = keyspace.edit::<Zset, _>(args[1], ctx.now, |zset| {
        let len = zset.view().len();
        let many = count.unwrap_or(1).min(len);
        let range = if from_top { len - many..len } else { 0..many };
        if count.is_some() {
            reply_range(&zset.view(), range.clone(), from_top, true, out);
        } else {
            // Without a count the answer is one flat pair in either protocol.
            out.array(2);
            zset.view().each(range.clone(), |member, score| {
                member.reply(out);
                out.double(score);
            });
        }
        zset.remove_range(range);
        Ok(())
    })?;
    if popped.is_none() {
        out.array(0);
    }
    Ok(())
}
