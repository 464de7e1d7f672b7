//! LTRIM key start stop

use crate::commands::prelude::*;
use crate::value::list::List;

pub(crate) fn ltrim(
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
        Ok(())
    })?;
    out.simple("OK");
    Ok(())
}
