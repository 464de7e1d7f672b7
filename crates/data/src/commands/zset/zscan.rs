//! ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES]

use crate::commands::element_scan;
use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zscan", -3, zscan)
        .syntax("key cursor [MATCH pattern] [COUNT count] [NOSCORES]")
        .about("2.8.0", "Iterates over members and scores of a sorted set."),
];

fn zscan(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let cursor = element_scan::cursor(args[2])?;
    let Some(zset) = keyspace.view::<Zset>(args[1], ctx.now)? else {
        element_scan::reply_absent(out);
        return Ok(());
    };
    let options = element_scan::options(&args[3..], Some("NOSCORES"))?;
    let size = (zset.len(), zset.is_full());
    let width = if options.bare { 1 } else { 2 };
    let found =
        element_scan::step(cursor, &options, size, |at| Some(zset.in_table(at).0), width, out);
    for at in found {
        let (member, score) = zset.in_table(at);
        member.reply(out);
        if !options.bare {
            out.double_bulk(score);
        }
    }
    Ok(())
}
