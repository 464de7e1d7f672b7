//! HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]

use crate::commands::element_scan;
use crate::commands::prelude::*;
use crate::value::hash::Hash;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hscan", -3, hscan)
        .syntax("key cursor [MATCH pattern] [COUNT count] [NOVALUES]")
        .about("2.8.0", "Iterates over fields and values of a hash."),
];

fn hscan(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let cursor = element_scan::cursor(args[2])?;
    let Some(hash) = keyspace.view::<Hash>(args[1], ctx.now)? else {
        element_scan::reply_absent(out);
        return Ok(());
    };
    let options = element_scan::options(&args[3..], Some("NOVALUES"))?;
    let size = (hash.len(), hash.is_full());
    let width = if options.bare { 1 } else { 2 };
    let found = element_scan::step(cursor, &options, size, |at| hash.pair_at(at).0, width, out);
    for at in found {
        let (field, value) = hash.pair_at(at);
        field.reply(out);
        if !options.bare {
            value.reply(out);
        }
    }
    Ok(())
}
