//! HRANDFIELD key [count [WITHVALUES]]

use crate::commands::prelude::*;
use crate::commands::random_picks;
use crate::context::random_below;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hrandfield", -2, hrandfield)
        .syntax("key [count [WITHVALUES]]")
        .about("6.2.0", "Returns one or more random fields from a hash."),
];

fn hrandfield(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let (count, with_values) = match args {
        [_, _] => (None, false),
        [_, _, count] => (Some(random_picks::count(count)?), false),
        [_, _, count, word] if args::is(word, "WITHVALUES") => {
            (Some(random_picks::count(count)?), true)
        }
        [_, _, count, ..] => {
            random_picks::count(count)?;
            return Err(error::SYNTAX);
        }
        _ => return Err(error::SYNTAX),
    };
    let mut seed = ctx.seed;
    match (keyspace.fields(args[1], ctx.now)?, count) {
        (None, None) => out.null(),
        (None, Some(_)) => out.array(0),
        (Some(hash), None) => {
            let nth = random_below(&mut seed, hash.len());
            match hash.at(place(&hash.sparse(), nth)) {
                Some((field, _)) => field.reply(out),
                None => out.null(),
            }
        }
        (Some(hash), Some(count)) => {
            let picks = count.picks(seed, hash.len());
            let sparse = hash.sparse();
            let nested = with_values && out.is_resp3();
            out.array(if with_values && !nested { 2 * picks.len() } else { picks.len() });
            for (field, value) in picks.into_iter().filter_map(|at| hash.at(place(&sparse, at))) {
                if nested {
                    out.array(2);
                }
                field.reply(out);
                if with_values {
                    value.reply(out);
                }
            }
        }
    }
    Ok(())
}

/// Where the nth field is that is seen.
fn place(sparse: &Option<Vec<usize>>, nth: usize) -> usize {
    sparse.as_ref().map_or(nth, |places| places[nth])
}
