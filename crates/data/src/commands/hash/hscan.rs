//! HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]

use crate::commands::element_scan;
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hscan", -3, hscan)
        .syntax("key cursor [MATCH pattern] [COUNT count] [NOVALUES]")
        .about("2.8.0", "Iterates over fields and values of a hash."),
];

fn hscan(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let cursor = element_scan::cursor(args[2])?;
    let Some(hash) = keyspace.fields(args[1], ctx.now)? else {
        element_scan::reply_absent(out);
        return Ok(());
    };
    let options = element_scan::options(&args[3..], Some("NOVALUES"))?;
    let size = (hash.places(), hash.is_full());
    let width = if options.bare { 1 } else { 2 };
    let name_at = |at| hash.at(at).map(|(field, _)| field);
    let found = element_scan::step(cursor, &options, size, name_at, width, out);
    for (field, value) in found.into_iter().filter_map(|at| hash.at(at)) {
        field.reply(out);
        if !options.bare {
            value.reply(out);
        }
    }
    Ok(())
}
