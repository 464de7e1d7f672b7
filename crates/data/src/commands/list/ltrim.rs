//! LTRIM key start stop

use crate::commands::prelude::*;
use crate::value::list::List;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::List, "ltrim", 4, ltrim).access(Access::DELETE)
        .syntax("key start:integer stop:integer")
        .about("1.0.0","Removes elements from both ends a list. Deletes the list if all elements were trimmed."),
];

fn ltrim(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let (start, stop) = (args::integer(args[2])?, args::integer(args[3])?);
    keyspace.edit::<List, _>(args[1], ctx.now, |list| {
        let len = list.view().len();
        let range = args::range(start, stop, len).unwrap_or(0..0);
        if range != (0..len) {
            list.keep(range);
        }
        // Redis counts it as a change even if all elements stay.
        list.touch();
        Ok(())
    })?;
    out.simple("OK");
    Ok(())
}
