//! ZUNION, ZINTER, ZDIFF numkeys key... [WEIGHTS weight...] [AGGREGATE SUM|MIN|MAX] [WITHSCORES], each
//! with STORE and a destination in front, and ZINTERCARD numkeys key... [LIMIT limit]

use super::operand::Operand;
use super::reply_range;
use crate::commands::prelude::*;
use crate::number::I64Text;
use crate::value::Whole;
use crate::value::zset::Zset;
use std::collections::BTreeMap;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zdiff", -3, zdiff).extent(Extent::Whole).keys(0, 0, 0).counted_keys(1)
        .syntax("numkeys key... [WITHSCORES]")
        .about("6.2.0", "Returns the difference between multiple sorted sets."),
    Command::write(Group::SortedSet, "zdiffstore", -4, zdiffstore).extent(Extent::Whole).flags(Flags::DENYOOM).counted_keys(2).accesses(Access::OVERWRITE, Access::READ)
        .syntax("destination numkeys key...")
        .about("6.2.0", "Stores the difference of multiple sorted sets in a key."),
    Command::read(Group::SortedSet, "zinter", -3, zinter).extent(Extent::Whole).keys(0, 0, 0).counted_keys(1)
        .syntax("numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]")
        .about("6.2.0", "Returns the intersect of multiple sorted sets."),
    Command::read(Group::SortedSet, "zintercard", -3, zintercard).extent(Extent::Whole).keys(0, 0, 0).counted_keys(1)
        .syntax("numkeys key... [LIMIT limit]")
        .about("7.0.0", "Returns the number of members of the intersect of multiple sorted sets."),
    Command::write(Group::SortedSet, "zinterstore", -4, zinterstore).extent(Extent::Whole).flags(Flags::DENYOOM).counted_keys(2).accesses(Access::OVERWRITE, Access::READ)
        .syntax("destination numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM | MIN | MAX>]")
        .about("2.0.0", "Stores the intersect of multiple sorted sets in a key."),
    Command::read(Group::SortedSet, "zunion", -3, zunion).extent(Extent::Whole).keys(0, 0, 0).counted_keys(1)
        .syntax("numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]")
        .about("6.2.0", "Returns the union of multiple sorted sets."),
    Command::write(Group::SortedSet, "zunionstore", -4, zunionstore).extent(Extent::Whole).flags(Flags::DENYOOM).counted_keys(2).accesses(Access::OVERWRITE, Access::READ)
        .syntax("destination numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM | MIN | MAX>]")
        .about("2.0.0", "Stores the union of multiple sorted sets in a key."),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Unite,
    Intersect,
    Subtract,
}

#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    /// Joins a score with one more. A sum that is no number is 0; a NaN beside a number is passed over.
    fn join(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Sum if (a + b).is_nan() => 0.0,
            Self::Sum => a + b,
            Self::Min if b < a => b,
            Self::Max if b > a => b,
            Self::Min | Self::Max => a,
        }
    }
}

/// The inputs and their weights.
type Weighted<'k> = Vec<(Operand<'k>, f64)>;

/// What stands after the number of keys.
struct Request<'k> {
    operands: Weighted<'k>,
    aggregate: Aggregate,
    with_scores: bool,
}

fn zunion(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    const NO_KEY: Failure = Failure("ERR at least 1 input key is needed for 'zunion' command");
    let request = parse(keyspace, Operation::Unite, &args[1..], NO_KEY, true, ctx.now)?;
    let with_scores = request.with_scores;
    reply(&combine(Operation::Unite, request), with_scores, out);
    Ok(())
}

fn zunionstore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const NO_KEY: Failure = Failure("ERR at least 1 input key is needed for 'zunionstore' command");
    let request = parse(keyspace, Operation::Unite, &args[2..], NO_KEY, false, ctx.now)?;
    let whole = combine(Operation::Unite, request);
    store(keyspace, args[1], whole, ctx.now, out);
    Ok(())
}

fn zinter(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    const NO_KEY: Failure = Failure("ERR at least 1 input key is needed for 'zinter' command");
    let request = parse(keyspace, Operation::Intersect, &args[1..], NO_KEY, true, ctx.now)?;
    let with_scores = request.with_scores;
    reply(&combine(Operation::Intersect, request), with_scores, out);
    Ok(())
}

fn zinterstore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const NO_KEY: Failure = Failure("ERR at least 1 input key is needed for 'zinterstore' command");
    let request = parse(keyspace, Operation::Intersect, &args[2..], NO_KEY, false, ctx.now)?;
    let whole = combine(Operation::Intersect, request);
    store(keyspace, args[1], whole, ctx.now, out);
    Ok(())
}

fn zdiff(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    const NO_KEY: Failure = Failure("ERR at least 1 input key is needed for 'zdiff' command");
    let request = parse(keyspace, Operation::Subtract, &args[1..], NO_KEY, true, ctx.now)?;
    let with_scores = request.with_scores;
    reply(&combine(Operation::Subtract, request), with_scores, out);
    Ok(())
}

fn zdiffstore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const NO_KEY: Failure = Failure("ERR at least 1 input key is needed for 'zdiffstore' command");
    let request = parse(keyspace, Operation::Subtract, &args[2..], NO_KEY, false, ctx.now)?;
    let whole = combine(Operation::Subtract, request);
    store(keyspace, args[1], whole, ctx.now, out);
    Ok(())
}

fn zintercard(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const NO_KEY: Failure = Failure("ERR at least 1 input key is needed for 'zintercard' command");
    const LIMIT: Failure = Failure("ERR LIMIT can't be negative");
    let (operands, options) = operands(keyspace, &args[1..], NO_KEY, ctx.now)?;
    let mut limit = usize::MAX;
    for pair in options.chunks(2) {
        match *pair {
            [word, n] if args::is(word, "LIMIT") => {
                let n = args::at_least_zero(n, LIMIT)?;
                limit = if n == 0 { usize::MAX } else { n };
            }
            _ => return Err(error::SYNTAX),
        }
    }
    let mut found = 0;
    intersect(&operands, Aggregate::Sum, |_, _| found += 1);
    out.integer(limit.min(found) as i64);
    Ok(())
}

/// The inputs, and the arguments after them.
fn operands<'k, 'a, 'b>(
    keyspace: &'k Keyspace,
    args: &'b Args<'a>,
    no_key: Failure,
    now: Millis,
) -> Result<(Weighted<'k>, &'b Args<'a>), Failure> {
    let [count, rest @ ..] = args else { return Err(error::SYNTAX) };
    let count = args::integer(count)?;
    if count < 1 {
        return Err(no_key);
    }
    let (keys, options) = usize::try_from(count)
        .ok()
        .and_then(|count| rest.split_at_checked(count))
        .ok_or(error::SYNTAX)?;
    let operands = keys.iter().map(|key| Ok((Operand::at(keyspace, key, now)?, 1.0)));
    Ok((operands.collect::<Result<_, Failure>>()?, options))
}

fn parse<'k>(
    keyspace: &'k Keyspace,
    operation: Operation,
    args: &Args<'_>,
    no_key: Failure,
    may_answer_scores: bool,
    now: Millis,
) -> Result<Request<'k>, Failure> {
    let (operands, mut rest) = operands(keyspace, args, no_key, now)?;
    let mut request = Request { operands, aggregate: Aggregate::Sum, with_scores: false };
    let may_weigh = operation != Operation::Subtract;
    while let [word, after @ ..] = rest {
        let count = request.operands.len();
        rest = if may_weigh && args::is(word, "WEIGHTS") && after.len() >= count {
            const NOT_FLOAT: Failure = Failure("ERR weight value is not a float");
            let (weights, after) = after.split_at(count);
            for (operand, weight) in request.operands.iter_mut().zip(weights) {
                operand.1 = args::float(weight).map_err(|_| NOT_FLOAT)?;
            }
            after
        } else if may_weigh && args::is(word, "AGGREGATE") && !after.is_empty() {
            request.aggregate = match after[0] {
                word if args::is(word, "SUM") => Aggregate::Sum,
                word if args::is(word, "MIN") => Aggregate::Min,
                word if args::is(word, "MAX") => Aggregate::Max,
                _ => return Err(error::SYNTAX),
            };
            &after[1..]
        } else if may_answer_scores && args::is(word, "WITHSCORES") {
            request.with_scores = true;
            after
        } else {
            return Err(error::SYNTAX);
        };
    }
    Ok(request)
}

fn reply(whole: &Whole<Zset>, with_scores: bool, out: &mut dyn ReplySink) {
    let zset = whole.view();
    reply_range(&zset, 0..zset.len(), false, with_scores, out);
}

fn store(
    keyspace: &mut Keyspace,
    key: &[u8],
    whole: Whole<Zset>,
    now: Millis,
    out: &mut dyn ReplySink,
) {
    out.integer(whole.view().len() as i64);
    keyspace.store(key, now, whole);
}

/// A score times a weight; 0 where that is no number.
fn weigh(score: f64, weight: f64) -> f64 {
    if (score * weight).is_nan() { 0.0 } else { score * weight }
}

fn combine(operation: Operation, mut request: Request<'_>) -> Whole<Zset> {
    let mut result = BTreeMap::new();
    let aggregate = request.aggregate;
    match operation {
        Operation::Unite => {
            // From the smallest on, as Redis does: the order shows in rounded sums.
            request.operands.sort_by_key(|(operand, _)| operand.len());
            for (operand, weight) in &request.operands {
                operand.each(|member, score| {
                    let score = weigh(score, *weight);
                    let joined = |old: &mut f64| *old = aggregate.join(*old, score);
                    result.entry(member.to_vec()).and_modify(joined).or_insert(score);
                });
            }
        }
        Operation::Intersect => {
            request.operands.sort_by_key(|(operand, _)| operand.len());
            intersect(&request.operands, aggregate, |member, score| {
                result.insert(member.to_vec(), score);
            });
        }
        Operation::Subtract => {
            let Some(((first, _), others)) = request.operands.split_first() else {
                return Zset::collect(result);
            };
            first.each(|member, score| {
                let mut text = I64Text::new(0);
                let member = member.text(&mut text);
                if !others.iter().any(|(other, _)| other.score(member).is_some()) {
                    result.insert(member.to_vec(), score);
                }
            });
        }
    }
    Zset::collect(result)
}

/// Hands the members that all operands have to `f`, with their joined scores.
fn intersect(operands: &[(Operand<'_>, f64)], aggregate: Aggregate, mut f: impl FnMut(&[u8], f64)) {
    let Some(((first, weight), others)) = operands.split_first() else { return };
    first.each(|member, score| {
        let mut text = I64Text::new(0);
        let member = member.text(&mut text);
        let mut joined = weigh(score, *weight);
        for (other, weight) in others {
            let Some(score) = other.score(member) else { return };
            // Here alone Redis lets the product of 0 and infinity stand as NaN.
            joined = aggregate.join(joined, score * weight);
        }
        f(member, joined);
    });
}
