//! ZRANDMEMBER key [count [WITHSCORES]]

use super::{reply_head, reply_member};
use crate::commands::prelude::*;
use crate::commands::random_picks;
use crate::context::random_below;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zrandmember", -2, zrandmember)
        .syntax("key [count [WITHSCORES]]")
        .about("6.2.0", "Returns one or more random members from a sorted set."),
];

fn zrandmember(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let (count, with_scores) = match args {
        [_, _] => (None, false),
        [_, _, count] => (Some(random_picks::count(count)?), false),
        [_, _, count, word] if args::is(word, "WITHSCORES") => {
            (Some(random_picks::count(count)?), true)
        }
        [_, _, count, ..] => {
            random_picks::count(count)?;
            return Err(error::SYNTAX);
        }
        _ => return Err(error::SYNTAX),
    };
    let mut seed = ctx.seed;
    match (keyspace.view::<Zset>(args[1], ctx.now)?, count) {
        (None, None) => out.null(),
        (None, Some(_)) => out.array(0),
        (Some(zset), None) => zset.in_table(random_below(&mut seed, zset.len())).0.reply(out),
        (Some(zset), Some(count)) => {
            let picks = count.picks(seed, zset.len());
            reply_head(picks.len(), with_scores, out);
            for at in picks {
                let (member, score) = zset.in_table(at);
                reply_member(member, score, with_scores, out);
            }
        }
    }
    Ok(())
}
