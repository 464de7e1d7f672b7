//! Commands on the bits of strings: bit 0 is the highest of the first byte.

mod bitcount;
mod bitfield;
mod bitop;
mod bitpos;
mod bits;
mod overflow;

use crate::commands::prelude::*;
use synod_types::limits::BULK_BYTES_MAX;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] =
    &[bits::ROWS, bitcount::ROWS, bitfield::ROWS, bitop::ROWS, bitpos::ROWS];

const BAD_OFFSET: Failure = Failure("ERR bit offset is not an integer or out of range");

/// The offset of a bit; no string may grow past its limit through it.
fn bit_offset(arg: &[u8]) -> Result<u64, Failure> {
    let offset = crate::number::parse_i64(arg).and_then(|n| u64::try_from(n).ok());
    offset.filter(|bit| bit >> 3 < BULK_BYTES_MAX as u64).ok_or(BAD_OFFSET)
}

/// A range of bits, both ends included, as BITCOUNT and BITPOS read it off their arguments.
#[derive(Clone, Copy)]
struct BitRange {
    first: i64,
    last: i64,
}

impl BitRange {
    /// From positions in bytes or bits, of which negative ones count from the end; `len` is the string's in bytes.
    fn of(start: i64, end: i64, in_bits: bool, len: usize) -> Self {
        let len = len as i64;
        let total = if in_bits { len << 3 } else { len };
        let from_end = |n: i64| if n < 0 { n.saturating_add(total).max(0) } else { n };
        let (start, end) = (from_end(start), from_end(end).min(total - 1));
        match (start > end, in_bits) {
            (true, _) => Self { first: 1, last: 0 },
            (false, true) => Self { first: start, last: end },
            (false, false) => Self { first: start << 3, last: (end << 3) + 7 },
        }
    }

    fn is_empty(self) -> bool {
        self.first > self.last
    }

    /// The bytes it touches, each with the mask of the bits that are in it.
    fn bytes(self, text: &[u8]) -> impl Iterator<Item = (usize, u8, u8)> {
        let (first, last) = ((self.first >> 3) as usize, (self.last >> 3) as usize);
        (first..=last).filter(move |_| !self.is_empty()).map(move |at| {
            let low = if at == first { 0xff >> (self.first & 7) } else { 0xffu8 };
            let high = if at == last { !(0x7fu8 >> (self.last & 7)) } else { 0xff };
            (at, text[at], low & high)
        })
    }
}

/// Whether a unit word says BIT rather than BYTE.
fn is_bit_unit(word: &[u8]) -> Result<bool, Failure> {
    match word {
        word if args::is(word, "BIT") => Ok(true),
        word if args::is(word, "BYTE") => Ok(false),
        _ => Err(error::SYNTAX),
    }
}
