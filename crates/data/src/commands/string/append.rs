//! APPEND key value

use crate::commands::prelude::*;
use synod_types::limits::BULK_BYTES_MAX;

pub(crate) fn append(
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
        bytes.len()
    })?;
    out.integer(len as i64);
    Ok(())
}
