//! HGETALL key, HKEYS key, HVALS key

use crate::commands::prelude::*;
use crate::value::hash::Hash;

pub(crate) fn hgetall(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let hash = keyspace.view::<Hash>(args[1], ctx.now)?;
    out.map(hash.as_ref().map_or(0, |hash| hash.len()));
    if let Some(hash) = hash {
        hash.each(|field, value| {
            field.reply(out);
            value.reply(out);
        });
    }
    Ok(())
}

pub(crate) fn hkeys(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let hash = keyspace.view::<Hash>(args[1], ctx.now)?;
    out.array(hash.as_ref().map_or(0, |hash| hash.len()));
    if let Some(hash) = hash {
        hash.each(|field, _| field.reply(out));
    }
    Ok(())
}

pub(crate) fn hvals(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let hash = keyspace.view::<Hash>(args[1], ctx.now)?;
    out.array(hash.as_ref().map_or(0, |hash| hash.len()));
    if let Some(hash) = hash {
        hash.each(|_, value| value.reply(out));
    }
    Ok(())
}
