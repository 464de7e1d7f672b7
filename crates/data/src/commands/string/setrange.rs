//! SETRANGE key offset value

use crate::commands::prelude::*;
use synod_types::limits::BULK_BYTES_MAX;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "setrange", 4, setrange).flags(Flags::DENYOOM)
        .syntax("key offset value")
        .about("2.2.0", "Overwrites a part of a string, which grows as needed."),
];

const OFFSET: Failure = Failure("ERR offset is out of range");

fn setrange(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let offset = usize::try_from(args::integer(args[2])?).map_err(|_| OFFSET)?;
    let patch = args[3];
    let before = keyspace.text(args[1], ctx.now)?.map_or(0, |text| text.len());
    if patch.is_empty() {
        out.integer(before as i64);
        return Ok(());
    }
    let end = offset.saturating_add(patch.len());
    if end > BULK_BYTES_MAX {
        return Err(error::STRING_TOO_LONG);
    }
    let len = keyspace.edit_text(args[1], ctx.now, |bytes| {
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset..end].copy_from_slice(patch);
        (bytes.len(), true)
    })?;
    out.integer(len as i64);
    Ok(())
}
