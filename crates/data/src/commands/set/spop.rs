//! SPOP key [count]

use crate::commands::prelude::*;
use crate::context::random_below;
use crate::value::sample::distinct;
use crate::value::set::Set;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Set, "spop", -2, spop).flags(Flags::FAST).access(Access::TAKE)
        .syntax("key [count]")
        .about("1.0.0", "Returns one or more random members from a set after removing them. Deletes the set if the last member was popped."),
];

fn spop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let count = match args {
        [_, _] => None,
        [_, _, count] => Some(args::count(count)?),
        _ => return Err(error::SYNTAX),
    };
    let popped = keyspace.edit::<Set, _>(args[1], ctx.now, |set| {
        let (mut seed, len) = (ctx.seed, set.view().len());
        let mut picks = match count {
            None => vec![random_below(&mut seed, len)],
            Some(count) => distinct(seed, count, len),
        };
        if count.is_some() {
            out.set(picks.len());
        }
        // From the highest position down: removing one leaves those below where they are.
        picks.sort_unstable();
        for at in picks.into_iter().rev() {
            set.view().get(at).reply(out);
            set.remove_at(at);
        }
        Ok(())
    })?;
    match (popped, count) {
        (Some(()), _) => {}
        (None, Some(_)) => out.set(0),
        (None, None) => out.null(),
    }
    Ok(())
}
