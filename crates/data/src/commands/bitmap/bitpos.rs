//! BITPOS key 0|1 [start [end [BYTE | BIT]]]

use super::{BitRange, is_bit_unit};
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Bitmap, "bitpos", -3, bitpos).extent(Extent::Whole)
        .syntax("key bit:integer [start:integer [end:integer [BYTE | BIT]]]")
        .about("2.8.7", "The position of the first bit of a string that is set, or clear."),
];

fn bitpos(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    const BAD_BIT: Failure = Failure("ERR The bit argument must be 1 or 0.");
    let wanted = match args::integer(args[2])? {
        0 => false,
        1 => true,
        _ => return Err(BAD_BIT),
    };
    // An absent string is zeros without end.
    let Some(text) = keyspace.text(args[1], ctx.now)? else {
        out.integer(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let len = text.len();
    let (range, has_end) = match args {
        [_, _, _] => (BitRange::of(0, -1, false, len), false),
        [_, _, _, start, rest @ ..] if rest.len() <= 2 => {
            let start = args::integer(start)?;
            let in_bits = rest.get(1).map_or(Ok(false), |word| is_bit_unit(word))?;
            let end = rest.first().map(|end| args::integer(end)).transpose()?;
            (BitRange::of(start, end.unwrap_or(-1), in_bits, len), end.is_some())
        }
        _ => return Err(error::SYNTAX),
    };
    let found = text.with(|bytes| find(bytes, range, wanted));
    // Without an end the string goes on with zeros.
    let beyond = if wanted || has_end || range.is_empty() { -1 } else { (len as i64) << 3 };
    out.integer(found.unwrap_or(beyond));
    Ok(())
}

fn find(bytes: &[u8], range: BitRange, wanted: bool) -> Option<i64> {
    range.bytes(bytes).find_map(|(at, byte, mask)| {
        let hits = if wanted { byte } else { !byte } & mask;
        (hits != 0).then(|| (at as i64) * 8 + i64::from(hits.leading_zeros()))
    })
}
