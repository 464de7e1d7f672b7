//! LRANGE key start stop

use crate::commands::prelude::*;
use crate::value::list::List;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::List, "lrange", 4, lrange).extent(Extent::Span(2))
        .syntax("key start:integer stop:integer")
        .about("1.0.0", "Returns a range of elements from a list."),
];

fn lrange(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let (start, stop) = (args::integer(args[2])?, args::integer(args[3])?);
    let list = keyspace.view::<List>(args[1], ctx.now)?;
    let range = list.as_ref().and_then(|list| args::range(start, stop, list.len()));
    match (list, range) {
        (Some(list), Some(range)) => {
            out.array(range.len());
            list.each(range, |item| item.reply(out));
        }
        _ => out.array(0),
    }
    Ok(())
}
