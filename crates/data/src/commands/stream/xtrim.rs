//! XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]

use super::trim_option::TrimOption;
use crate::commands::prelude::*;
use crate::value::stream::Stream;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Stream, "xtrim", -4, xtrim).access(Access::DELETE)
        .syntax("key <<MAXLEN | MINID> [= | ~] threshold [LIMIT count]>")
        .about("5.0.0", "Deletes messages from the beginning of a stream."),
];

fn xtrim(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const NO_STRATEGY: Failure =
        Failure("ERR syntax error, XTRIM must be called with a trimming strategy");
    let mut option = TrimOption::default();
    let mut rest = &args[2..];
    while option.take(&mut rest)? {}
    if !rest.is_empty() {
        return Err(error::SYNTAX);
    }
    let trim = option.finish(Err(NO_STRATEGY))?.ok_or(NO_STRATEGY)?;
    let removed = keyspace.edit::<Stream, _>(args[1], ctx.now, |stream| {
        let trim = |stream: &mut Stream| {
            let removed = stream.trim(trim);
            (removed, removed > 0)
        };
        Ok(stream.full_if(trim).unwrap_or(0))
    })?;
    out.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
