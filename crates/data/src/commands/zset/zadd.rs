//! ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member..., and ZINCRBY key increment member

use crate::commands::prelude::*;
use crate::edit::Edit;
use crate::value::zset::Zset;
use smallvec::SmallVec;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::SortedSet, "zadd", -4, zadd).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key [NX | XX] [GT | LT] [CH] [INCR] <score member>...")
        .about("1.2.0", "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist."),
    Command::write(Group::SortedSet, "zincrby", 4, zincrby).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::READ_UPDATE)
        .syntax("key increment member")
        .about("1.2.0", "Increments the score of a member in a sorted set."),
];

#[derive(Clone, Copy, Default)]
struct Options {
    /// NX: only new members. XX: only members that are there.
    nx: bool,
    xx: bool,
    /// GT, LT: only a score above, below the one that is there; new members are added all the same.
    gt: bool,
    lt: bool,
    /// CH: count the members changed too, not only those added.
    ch: bool,
    /// INCR: add the score to the one that is there and answer the sum.
    incr: bool,
}

/// What became of one member.
enum Change {
    Refused,
    Same(f64),
    Added(f64),
    Moved(f64),
}

pub(crate) fn zadd(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let (options, pairs) = parse(&args[2..])?;
    let scores: SmallVec<[f64; 8]> =
        pairs.iter().step_by(2).map(|score| args::float(score)).collect::<Result<_, _>>()?;
    let (mut added, mut moved, mut sum) = (0, 0, None);
    let change = |zset: &mut Edit<'_, Zset>| {
        for (score, member) in scores.iter().zip(pairs.iter().skip(1).step_by(2)) {
            sum = match add(zset, options, *score, member)? {
                Change::Refused => None,
                Change::Same(score) => Some(score),
                Change::Added(score) => {
                    added += 1;
                    Some(score)
                }
                Change::Moved(score) => {
                    moved += 1;
                    Some(score)
                }
            };
        }
        Ok(())
    };
    if options.xx {
        keyspace.edit(args[1], ctx.now, change)?;
    } else {
        keyspace.edit_or_create(args[1], ctx.now, change)?;
    }
    match (options.incr, sum) {
        (true, Some(sum)) => out.double(sum),
        (true, None) => out.null(),
        (false, _) => out.integer(if options.ch { added + moved } else { added }),
    }
    Ok(())
}

fn zincrby(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let by = args::float(args[2])?;
    let options = Options { incr: true, ..Options::default() };
    let change = keyspace.edit_or_create(args[1], ctx.now, |zset: &mut Edit<'_, Zset>| {
        add(zset, options, by, args[3])
    })?;
    match change {
        Change::Refused => out.null(),
        Change::Same(sum) | Change::Added(sum) | Change::Moved(sum) => out.double(sum),
    }
    Ok(())
}

fn add(
    zset: &mut Edit<'_, Zset>,
    options: Options,
    score: f64,
    member: &[u8],
) -> Result<Change, Failure> {
    let Some(before) = zset.view().score(member) else {
        if options.xx {
            return Ok(Change::Refused);
        }
        zset.put(member, score);
        return Ok(Change::Added(score));
    };
    if options.nx {
        return Ok(Change::Refused);
    }
    let score = if options.incr { before + score } else { score };
    if score.is_nan() {
        return Err(Failure("ERR resulting score is not a number (NaN)"));
    }
    if (options.gt && score <= before) || (options.lt && score >= before) {
        return Ok(Change::Refused);
    }
    if score == before {
        return Ok(Change::Same(score));
    }
    zset.put(member, score);
    Ok(Change::Moved(score))
}

fn parse<'a, 'b>(args: &'b Args<'a>) -> Result<(Options, &'b Args<'a>), Failure> {
    let mut options = Options::default();
    let mut rest = args;
    while let [word, after @ ..] = rest {
        let option = match *word {
            word if args::is(word, "NX") => &mut options.nx,
            word if args::is(word, "XX") => &mut options.xx,
            word if args::is(word, "GT") => &mut options.gt,
            word if args::is(word, "LT") => &mut options.lt,
            word if args::is(word, "CH") => &mut options.ch,
            word if args::is(word, "INCR") => &mut options.incr,
            _ => break,
        };
        *option = true;
        rest = after;
    }
    let Options { nx, xx, gt, lt, incr, .. } = options;
    let failure = if rest.is_empty() || !rest.len().is_multiple_of(2) {
        error::SYNTAX
    } else if nx && xx {
        Failure("ERR XX and NX options at the same time are not compatible")
    } else if (gt && lt) || (nx && (gt || lt)) {
        Failure("ERR GT, LT, and/or NX options at the same time are not compatible")
    } else if incr && rest.len() > 2 {
        Failure("ERR INCR option supports a single increment-element pair")
    } else {
        return Ok((options, rest));
    };
    Err(failure)
}
