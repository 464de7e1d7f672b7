//! INCRBYFLOAT key increment

use crate::commands::prelude::*;
use crate::decimal;
use crate::keyspace::Expiry;

pub(crate) fn incrbyfloat(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let spot = keyspace.open(args[1], ctx.now);
    let sum = match keyspace.object(spot).map(|object| object.text()).transpose()? {
        Some(text) => text.with(|before| decimal::add(before, args[2]))?,
        None => decimal::add(b"0", args[2])?,
    };
    keyspace.set_text_at(spot, args[1], sum.as_bytes(), Expiry::Keep);
    out.bulk(sum.as_bytes());
    Ok(())
}
