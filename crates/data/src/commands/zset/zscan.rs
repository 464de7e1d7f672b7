//! ZSCAN key cursor [MATCH pattern] [COUNT count]

use crate::commands::element_scan;
use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zscan", -3, zscan)
        .syntax("key cursor [MATCH pattern] [COUNT count]")
        .about("2.8.0", "Iterates over members and scores of a sorted set."),
];

fn zscan(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let cursor = element_scan::cursor(args[2])?;
    let Some(zset) = keyspace.view::<Zset>(args[1], ctx.now)? else {
        element_scan::reply_absent(out);
        return Ok(());
    };
    let options = element_scan::options(&args[3..])?;
    let size = (zset.len(), zset.is_full());
    let found = element_scan::step(cursor, &options, size, |at| zset.in_table(at).0, 2, out);
    for at in found {
        let (member, score) = zset.in_table(at);
        member.reply(out);
        out.double_bulk(score);
    }
    Ok(())
}
