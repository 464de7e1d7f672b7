//! HSET key field value [field value]..., HMSET with the answer of old

use crate::commands::prelude::*;
use crate::value::hash::Hash;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hmset", -4, hmset).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key <field value>...")
        .about("2.0.0", "Sets the values of multiple fields."),
    Command::write(Group::Hash, "hset", -4, hset).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key <field value>...")
        .about("2.0.0", "Creates or modifies the value of a field in a hash."),
];

fn hset(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const PAIRS: Failure = Failure("ERR wrong number of arguments for 'hset' command");
    let added = set_pairs(keyspace, args, PAIRS, ctx)?;
    out.integer(added);
    Ok(())
}

fn hmset(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const PAIRS: Failure = Failure("ERR wrong number of arguments for 'hmset' command");
    set_pairs(keyspace, args, PAIRS, ctx)?;
    out.simple("OK");
    Ok(())
}

/// Sets the fields; how many are new. `odd` is the failure when a value is missing.
fn set_pairs(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    odd: Failure,
    ctx: &Context,
) -> Result<i64, Failure> {
    if !args.len().is_multiple_of(2) {
        return Err(odd);
    }
    keyspace.edit_or_create::<Hash, _>(args[1], ctx.now, |hash| {
        Ok(args[2..].chunks_exact(2).map(|pair| i64::from(hash.put(pair[0], pair[1]))).sum())
    })
}
