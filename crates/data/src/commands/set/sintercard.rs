//! SINTERCARD numkeys key... [LIMIT limit]

use super::algebra::{intersect, operands};
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Set, "sintercard", -3, sintercard).extent(Extent::Whole).keys(0, 0, 0).counted_keys(1)
        .syntax("numkeys key... [LIMIT limit]")
        .about("7.0.0", "Returns the number of members of the intersect of multiple sets."),
];

fn sintercard(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const NUMKEYS: Failure = Failure("ERR numkeys should be greater than 0");
    const TOO_MANY: Failure = Failure("ERR Number of keys can't be greater than number of args");
    const LIMIT: Failure = Failure("ERR LIMIT can't be negative");
    let count = args::at_least_zero(args[1], NUMKEYS)?;
    if count == 0 {
        return Err(NUMKEYS);
    }
    let (keys, options) = args[2..].split_at_checked(count).ok_or(TOO_MANY)?;
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
    intersect(operands(keyspace, keys, ctx.now)?, |_| found += 1);
    out.integer(limit.min(found) as i64);
    Ok(())
}
