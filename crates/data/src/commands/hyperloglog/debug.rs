//! PFDEBUG GETREG | DECODE | ENCODING | TODENSE key: what a HyperLogLog looks like inside

use super::sketch;
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::HyperLogLog, "pfdebug", 3, pfdebug).flags(Flags::ADMIN.and(Flags::DENYOOM)).keys(2, 2, 1).access(Access::READ_UPDATE)
        .syntax("subcommand key")
        .about("2.8.9", "Tells what a HyperLogLog looks like inside."),
];

fn pfdebug(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const ABSENT: Failure = Failure("ERR The specified key does not exist");
    const NOT_SPARSE: Failure = Failure("ERR HLL encoding is not sparse");
    let bytes = keyspace.text(args[2], ctx.now)?.ok_or(ABSENT)?.into_vec();
    sketch::check(&bytes)?;
    match args[1] {
        word if args::is(word, "GETREG") => {
            let registers = sketch::registers(&bytes)?;
            make_dense(keyspace, args[2], &bytes, ctx)?;
            out.array(registers.len());
            registers.iter().for_each(|value| out.integer((*value).into()));
        }
        word if args::is(word, "DECODE") => {
            if sketch::is_dense(&bytes) {
                return Err(NOT_SPARSE);
            }
            out.bulk(decoded(&bytes)?.as_bytes());
        }
        word if args::is(word, "ENCODING") => {
            out.simple(if sketch::is_dense(&bytes) { "dense" } else { "sparse" });
        }
        word if args::is(word, "TODENSE") => {
            let converted = !sketch::is_dense(&bytes);
            make_dense(keyspace, args[2], &bytes, ctx)?;
            out.integer(i64::from(converted));
        }
        word => {
            let word = String::from_utf8_lossy(word);
            out.error(&format!("ERR Unknown PFDEBUG subcommand '{word}'"));
        }
    }
    Ok(())
}

fn make_dense(keyspace: &mut Keyspace, key: &[u8], bytes: &[u8], ctx: &Context) -> Outcome {
    if sketch::is_dense(bytes) {
        return Ok(());
    }
    keyspace.edit_text(key, ctx.now, |bytes| (sketch::make_dense(bytes), true))?
}

/// The runs, one word each: `z` and `Z` for zeros, `v` for a value.
fn decoded(bytes: &[u8]) -> Result<String, Failure> {
    let mut words = Vec::new();
    super::sparse::each(sketch::runs(bytes), |value, len| {
        words.push(match (value, len) {
            (0, 1..=64) => format!("z:{len}"),
            (0, _) => format!("Z:{len}"),
            (value, len) => format!("v:{value},{len}"),
        });
    })
    .ok_or(super::CORRUPT)?;
    Ok(words.join(" "))
}
