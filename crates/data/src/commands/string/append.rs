//! APPEND key value

use crate::commands::prelude::*;
use synod_types::limits::BULK_BYTES_MAX;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "append", 3, append).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::INSERT)
        .syntax("key value")
        .about("2.0.0", "Adds bytes at the end of a string, creating it if need be."),
];

fn append(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let before = keyspace.text(args[1], ctx.now)?.map_or(0, |text| text.len());
    if before + args[2].len() > BULK_BYTES_MAX {
        return Err(error::STRING_TOO_LONG);
    }
    let len = keyspace.edit_text(args[1], ctx.now, |bytes| {
        bytes.extend_from_slice(args[2]);
        (bytes.len(), true)
    })?;
    out.integer(len as i64);
    Ok(())
}
