//! HRANDFIELD key [count [WITHVALUES]]

use crate::commands::prelude::*;
use crate::commands::random_picks;
use crate::context::random_below;
use crate::value::hash::Hash;

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
    match (keyspace.view::<Hash>(args[1], ctx.now)?, count) {
        (None, None) => out.null(),
        (None, Some(_)) => out.array(0),
        (Some(hash), None) => hash.pair_at(random_below(&mut seed, hash.len())).0.reply(out),
        (Some(hash), Some(count)) => {
            let picks = count.picks(seed, hash.len());
            let nested = with_values && out.is_resp3();
            out.array(if with_values && !nested { 2 * picks.len() } else { picks.len() });
            for at in picks {
                let (field, value) = hash.pair_at(at);
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
