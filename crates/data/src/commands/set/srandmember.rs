//! SRANDMEMBER key [count]

use crate::commands::prelude::*;
use crate::commands::random_picks;
use crate::context::random_below;
use crate::value::set::Set;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Set, "srandmember", -2, srandmember)
        .syntax("key [count]")
        .about("1.0.0", "Get one or multiple random members from a set"),
];

fn srandmember(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let count = match args {
        [_, _] => None,
        [_, _, count] => Some(random_picks::count(count)?),
        _ => return Err(error::SYNTAX),
    };
    let mut seed = ctx.seed;
    match (keyspace.view::<Set>(args[1], ctx.now)?, count) {
        (None, None) => out.null(),
        (None, Some(_)) => out.array(0),
        (Some(set), None) => set.get(random_below(&mut seed, set.len())).reply(out),
        (Some(set), Some(count)) => {
            let picks = count.picks(seed, set.len());
            out.array(picks.len());
            picks.into_iter().for_each(|at| set.get(at).reply(out));
        }
    }
    Ok(())
}
