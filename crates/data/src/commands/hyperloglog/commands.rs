//! PFADD key element..., PFCOUNT key..., PFMERGE destination source...

use super::estimate::cardinality;
use super::sketch;
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::HyperLogLog, "pfadd", -2, pfadd).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::INSERT)
        .syntax("key [element]...")
        .about("2.8.9", "Shows elements to a HyperLogLog, creating it if need be."),
    Command::read(Group::HyperLogLog, "pfcount", -2, pfcount).keys(1, -1, 1)
        .syntax("key...")
        .about("2.8.9", "About how many different elements HyperLogLogs have seen together."),
    Command::write(Group::HyperLogLog, "pfmerge", -2, pfmerge).flags(Flags::DENYOOM).keys(1, -1, 1).accesses(Access::READ_UPDATE, Access::READ)
        .syntax("destkey:key sourcekey:key...")
        .about("2.8.9", "Makes one HyperLogLog of several."),
];

fn pfadd(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    if let Some(text) = keyspace.text(args[1], ctx.now)? {
        text.with(sketch::check)?;
    }
    let changed = keyspace.edit_text(args[1], ctx.now, |bytes| {
        let mut changed = bytes.is_empty();
        if changed {
            *bytes = sketch::empty();
        }
        let mut failed = None;
        for element in &args[2..] {
            let (index, value) = sketch::place_of(element);
            match sketch::raise(bytes, index, value) {
                Ok(raised) => changed |= raised,
                Err(failure) => {
                    failed = Some(failure);
                    break;
                }
            }
        }
        if changed {
            sketch::outdate(bytes);
        }
        (failed.map_or(Ok(changed), Err), changed)
    })??;
    out.integer(i64::from(changed));
    Ok(())
}

fn pfcount(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let count = if let [_, key] = args {
        match keyspace.text(key, ctx.now)? {
            None => 0,
            Some(text) => text.with(count_one)?,
        }
    } else {
        cardinality(&sketch::histogram_of(&merged(keyspace, &args[1..], ctx)?.0))
    };
    out.integer(count as i64);
    Ok(())
}

fn count_one(bytes: &[u8]) -> Result<u64, Failure> {
    sketch::check(bytes)?;
    match sketch::last_count(bytes) {
        Some(count) => Ok(count),
        None => Ok(cardinality(&sketch::histogram(bytes)?)),
    }
}

/// The highest of each register, and whether any of the sketches is dense.
fn merged(
    keyspace: &Keyspace,
    keys: &[&[u8]],
    ctx: &Context,
) -> Result<(Box<sketch::Registers>, bool), Failure> {
    let mut all = Box::new([0; sketch::REGISTERS]);
    let mut any_dense = false;
    for key in keys {
        let Some(text) = keyspace.text(key, ctx.now)? else { continue };
        text.with(|bytes| {
            sketch::check(bytes)?;
            any_dense |= sketch::is_dense(bytes);
            sketch::raise_to(&mut all, bytes)
        })?;
    }
    Ok((all, any_dense))
}

fn pfmerge(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let (registers, any_dense) = merged(keyspace, &args[1..], ctx)?;
    keyspace.edit_text(args[1], ctx.now, |bytes| {
        if bytes.is_empty() {
            *bytes = sketch::empty();
        }
        let merge = |bytes: &mut Vec<u8>| {
            if any_dense {
                sketch::make_dense(bytes)?;
            }
            for (index, value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
                sketch::raise(bytes, index, *value)?;
            }
            Ok(())
        };
        let merged: Outcome = merge(bytes);
        sketch::outdate(bytes);
        (merged, true)
    })??;
    out.simple("OK");
    Ok(())
}
