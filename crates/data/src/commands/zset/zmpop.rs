//! BZPOPMIN key... timeout, BZPOPMAX: as their siblings, or wait;
//! ZMPOP numkeys key... MIN|MAX [COUNT count] and BZMPOP timeout numkeys key... MIN|MAX [COUNT count].

use crate::commands::prelude::*;
use crate::commands::waiting::{Counted, counted, first_held, timeout_ms};
use crate::value::packed::Item;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::SortedSet, "bzmpop", -5, bzmpop).flags(Flags::BLOCKING).keys(0, 0, 0).counted_keys(2).access(Access::TAKE)
        .syntax("timeout:double numkeys key... <MIN | MAX> [COUNT count]")
        .about("7.0.0", "Removes and returns a member by score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped."),
    Command::write(Group::SortedSet, "bzpopmax", -3, bzpopmax).flags(Flags::FAST.and(Flags::BLOCKING).and(Flags::NOSCRIPT)).keys(1, -2, 1).access(Access::TAKE)
        .syntax("key... timeout:double")
        .about("5.0.0", "Removes and returns the member with the highest score from one or more sorted sets. Blocks until a member available otherwise.  Deletes the sorted set if the last element was popped."),
    Command::write(Group::SortedSet, "bzpopmin", -3, bzpopmin).flags(Flags::FAST.and(Flags::BLOCKING).and(Flags::NOSCRIPT)).keys(1, -2, 1).access(Access::TAKE)
        .syntax("key... timeout:double")
        .about("5.0.0", "Removes and returns the member with the lowest score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped."),
    Command::write(Group::SortedSet, "zmpop", -4, zmpop).keys(0, 0, 0).counted_keys(1).access(Access::TAKE)
        .syntax("numkeys key... <MIN | MAX> [COUNT count]")
        .about("7.0.0", "Returns the highest- or lowest-scoring members from one or more sorted sets after removing them. Deletes the sorted set if the last member was popped."),
];

fn bzpopmin(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    pop_first(keyspace, args, false, ctx, out)
}

fn bzpopmax(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    pop_first(keyspace, args, true, ctx, out)
}

fn pop_first(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    from_top: bool,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let last = args.len() - 1;
    timeout_ms(args[last])?;
    let key = first_held::<Zset>(keyspace, &args[1..last], ctx)?.ok_or(error::WAITING)?;
    out.array(3);
    out.bulk(key);
    pop(keyspace, key, (from_top, 1), false, ctx, out)
}

fn zmpop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let many = counted(args, 1, ["MIN", "MAX"])?;
    if !pop_many(keyspace, &many, ctx, out)? {
        out.null_array();
    }
    Ok(())
}

fn bzmpop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    timeout_ms(args[1])?;
    let many = counted(args, 2, ["MIN", "MAX"])?;
    if pop_many(keyspace, &many, ctx, out)? { Ok(()) } else { Err(error::WAITING) }
}

/// Pops from the first sorted set that is there; whether one is.
fn pop_many(
    keyspace: &mut Keyspace,
    many: &Counted<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Result<bool, Failure> {
    let from_top = match many.word {
        word if args::is(word, "MIN") => false,
        word if args::is(word, "MAX") => true,
        _ => return Err(error::SYNTAX),
    };
    let Some(key) = first_held::<Zset>(keyspace, many.keys, ctx)? else { return Ok(false) };
    out.array(2);
    out.bulk(key);
    pop(keyspace, key, (from_top, many.count), true, ctx, out)?;
    Ok(true)
}

/// Pops up to so many members and answers them with their scores: an array of pairs, or one after another. The key
/// holds a sorted set.
fn pop(
    keyspace: &mut Keyspace,
    key: &[u8],
    (from_top, count): (bool, usize),
    in_pairs: bool,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    keyspace.edit::<Zset, _>(key, ctx.now, |zset| {
        let view = zset.view();
        let len = view.len();
        let many = count.min(len);
        let range = if from_top { len - many..len } else { 0..many };
        if in_pairs {
            out.array(many);
        }
        let reply = |member: Item<'_>, score: f64| {
            if in_pairs {
                out.array(2);
            }
            member.reply(out);
            out.double(score);
        };
        if from_top {
            view.each_back(range.clone(), reply);
        } else {
            view.each(range.clone(), reply);
        }
        zset.remove_range(range);
        Ok(())
    })?;
    Ok(())
}
