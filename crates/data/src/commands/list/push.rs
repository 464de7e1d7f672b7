//! LPUSH key element..., RPUSH, and LPUSHX, RPUSHX for lists that are there

use crate::commands::prelude::*;
use crate::keyspace::Edit;
use crate::value::list::{End, List};

pub(crate) fn lpush(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.edit_or_create(args[1], ctx.now, |list| push(list, End::Left, args))?;
    out.integer(len);
    Ok(())
}

pub(crate) fn rpush(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.edit_or_create(args[1], ctx.now, |list| push(list, End::Right, args))?;
    out.integer(len);
    Ok(())
}

pub(crate) fn lpushx(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.edit(args[1], ctx.now, |list| push(list, End::Left, args))?;
    out.integer(len.unwrap_or(0));
    Ok(())
}

pub(crate) fn rpushx(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.edit(args[1], ctx.now, |list| push(list, End::Right, args))?;
    out.integer(len.unwrap_or(0));
    Ok(())
}

/// Adds the elements that follow the key; the length then.
fn push(list: &mut Edit<'_, List>, end: End, args: &Args<'_>) -> Result<i64, Failure> {
    args[2..].iter().for_each(|element| list.push(end, element));
    Ok(list.view().len() as i64)
}
