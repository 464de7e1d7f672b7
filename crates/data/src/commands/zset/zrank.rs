//! ZRANK key member [WITHSCORE], ZREVRANK key member [WITHSCORE]

use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zrank", -3, zrank).flags(Flags::FAST)
        .syntax("key member [WITHSCORE]")
        .about("2.0.0","Returns the index of a member in a sorted set ordered by ascending scores."),
    Command::read(Group::SortedSet, "zrevrank", -3, zrevrank).flags(Flags::FAST)
        .syntax("key member [WITHSCORE]")
        .about("2.0.0","Returns the index of a member in a sorted set ordered by descending scores."),
];

fn zrank(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    const ARITY: Failure = Failure("ERR wrong number of arguments for 'zrank' command");
    rank(keyspace, args, ctx, out, ARITY, |rank, _| rank)
}

fn zrevrank(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const ARITY: Failure = Failure("ERR wrong number of arguments for 'zrevrank' command");
    rank(keyspace, args, ctx, out, ARITY, |rank, len| len - 1 - rank)
}

fn rank(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
    arity: Failure,
    place: impl Fn(usize, usize) -> usize,
) -> Outcome {
    let with_score = match &args[3..] {
        [] => false,
        [word] if args::is(word, "WITHSCORE") => true,
        [_] => return Err(error::SYNTAX),
        _ => return Err(arity),
    };
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    let found = zset.and_then(|zset| {
        let rank = place(zset.rank(args[2])?, zset.len());
        Some((rank, zset.score(args[2])?))
    });
    match found {
        Some((rank, score)) if with_score => {
            out.array(2);
            out.integer(rank as i64);
            out.double(score);
        }
        Some((rank, _)) => out.integer(rank as i64),
        None if with_score => out.null_array(),
        None => out.null(),
    }
    Ok(())
}
