//! SSCAN key cursor [MATCH pattern] [COUNT count]

use crate::commands::element_scan;
use crate::commands::prelude::*;
use crate::value::set::Set;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Set, "sscan", -3, sscan)
        .syntax("key cursor [MATCH pattern] [COUNT count]")
        .about("2.8.0", "Iterates over members of a set."),
];

fn sscan(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let cursor = element_scan::cursor(args[2])?;
    let Some(set) = keyspace.view::<Set>(args[1], ctx.now)? else {
        element_scan::reply_absent(out);
        return Ok(());
    };
    let options = element_scan::options(&args[3..], None)?;
    let size = (set.len(), set.is_full());
    let found = element_scan::step(cursor, &options, size, |at| Some(set.get(at)), 1, out);
    found.into_iter().for_each(|at| set.get(at).reply(out));
    Ok(())
}
