//! BITCOUNT key [start end [BYTE | BIT]]

use super::{BitRange, is_bit_unit};
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Bitmap, "bitcount", -2, bitcount).extent(Extent::Whole)
        .syntax("key [start:integer end:integer [BYTE | BIT]]")
        .about("2.6.0", "How many bits of a string, or of a part of it, are set."),
];

fn bitcount(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    // Redis looks for the key before it reads the range.
    let Some(text) = keyspace.text(args[1], ctx.now)? else {
        out.integer(0);
        return Ok(());
    };
    let len = text.len();
    let range = match args {
        [_, _] => BitRange::of(0, -1, false, len),
        [_, _, start, end, unit @ ..] if unit.len() <= 1 => {
            let (start, end) = (args::integer(start)?, args::integer(end)?);
            if start < 0 && end < 0 && start > end {
                out.integer(0);
                return Ok(());
            }
            let in_bits = unit.first().map_or(Ok(false), |word| is_bit_unit(word))?;
            BitRange::of(start, end, in_bits, len)
        }
        _ => return Err(error::SYNTAX),
    };
    out.integer(text.with(|bytes| count(bytes, range)));
    Ok(())
}

fn count(bytes: &[u8], range: BitRange) -> i64 {
    range.bytes(bytes).map(|(_, byte, mask)| i64::from((byte & mask).count_ones())).sum()
}
