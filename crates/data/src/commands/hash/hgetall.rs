//! HGETALL key, HKEYS key, HVALS key

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hgetall", 2, hgetall).extent(Extent::Whole)
        .syntax("key")
        .about("2.0.0", "Returns all fields and values in a hash."),
    Command::read(Group::Hash, "hkeys", 2, hkeys).extent(Extent::Whole)
        .syntax("key")
        .about("2.0.0", "Returns all fields in a hash."),
    Command::read(Group::Hash, "hvals", 2, hvals).extent(Extent::Whole)
        .syntax("key")
        .about("2.0.0", "Returns all values in a hash."),
];

fn hgetall(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let hash = keyspace.fields(args[1], ctx.now)?;
    out.map(hash.as_ref().map_or(0, |hash| hash.len()));
    if let Some(hash) = hash {
        hash.each(|field, value| {
            field.reply(out);
            value.reply(out);
        });
    }
    Ok(())
}

fn hkeys(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let hash = keyspace.fields(args[1], ctx.now)?;
    out.array(hash.as_ref().map_or(0, |hash| hash.len()));
    if let Some(hash) = hash {
        hash.each(|field, _| field.reply(out));
    }
    Ok(())
}

fn hvals(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let hash = keyspace.fields(args[1], ctx.now)?;
    out.array(hash.as_ref().map_or(0, |hash| hash.len()));
    if let Some(hash) = hash {
        hash.each(|_, value| value.reply(out));
    }
    Ok(())
}
