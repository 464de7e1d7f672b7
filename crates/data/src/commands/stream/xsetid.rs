//! XSETID key last-id [ENTRIESADDED n] [MAXDELETEDID id]

use super::id;
use crate::commands::prelude::*;
use crate::value::stream::{Stream, StreamId};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Stream, "xsetid", -3, xsetid).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key last-id [ENTRIESADDED entries_added:integer] [MAXDELETEDID max_deleted_entry_id]")
        .about("5.0.0", "Sets a stream's last id and counters."),
];

fn xsetid(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const ADDED: Failure = Failure("ERR entries_added must be positive");
    const BELOW_GIVEN: Failure =
        Failure("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
    const BELOW_TOP: Failure =
        Failure("ERR The ID specified in XSETID is smaller than the target stream top item");
    const BELOW_LEN: Failure = Failure(
        "ERR The entries_added specified in XSETID is smaller than the target stream length",
    );
    let last = id(args[2], 0)?;
    let (mut added, mut deleted) = (None, None);
    let mut rest = &args[3..];
    while !rest.is_empty() {
        rest = match rest {
            [word, n, rest @ ..] if args::is(word, "ENTRIESADDED") => {
                added = Some(u64::try_from(args::integer(n)?).map_err(|_| ADDED)?);
                rest
            }
            [word, arg, rest @ ..] if args::is(word, "MAXDELETEDID") => {
                let max = id(arg, 0)?;
                if last < max {
                    return Err(BELOW_GIVEN);
                }
                deleted = Some(max).filter(|max| *max != StreamId::MIN);
                rest
            }
            _ => return Err(error::SYNTAX),
        };
    }
    let set = keyspace.edit::<Stream, _>(args[1], ctx.now, |edit| {
        let set = |stream: &mut Stream| {
            let refused = if stream.len() > 0 && last < stream.top() {
                Some(BELOW_TOP)
            } else {
                added.filter(|added| stream.len() as u64 > *added).map(|_| BELOW_LEN)
            };
            if refused.is_none() {
                stream.set_counters(last, added, deleted);
            }
            (refused.map_or(Ok(()), Err), false)
        };
        edit.full_if(set).unwrap_or(Ok(()))
    })?;
    set.ok_or(error::NO_SUCH_KEY)?;
    keyspace.tell_of_stream("xsetid", args[1]);
    out.simple("OK");
    Ok(())
}
