//! What SRANDMEMBER, HRANDFIELD and ZRANDMEMBER share: which elements a count and a seed pick.

use super::prelude::*;
use crate::context::random_below;
use crate::value::sample;

/// The most elements that one command answers when they may repeat. Redis has no such limit and
/// runs out of memory.
const REPEATED_MAX: u64 = 1 << 20;

/// How many elements are wanted.
#[derive(Clone, Copy)]
pub(super) enum Count {
    /// So many different ones, as far as there are.
    Distinct(usize),
    /// Exactly so many, each drawn anew.
    Repeated(usize),
}

/// Reads a count argument; a negative one allows repetition.
pub(super) fn count(arg: &[u8]) -> Result<Count, Failure> {
    const MIN: Failure = Failure(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    match args::integer(arg)? {
        i64::MIN => Err(MIN),
        n @ 0.. => Ok(Count::Distinct(n as usize)),
        n if n.unsigned_abs() > REPEATED_MAX => Err(Failure("ERR value is out of range")),
        n => Ok(Count::Repeated(n.unsigned_abs() as usize)),
    }
}

impl Count {
    /// The positions picked from `len` elements, of which there is at least one.
    pub(super) fn picks(self, mut seed: u64, len: usize) -> Vec<usize> {
        match self {
            Self::Distinct(count) => sample::distinct(seed, count, len),
            Self::Repeated(count) => (0..count).map(|_| random_below(&mut seed, len)).collect(),
        }
    }
}
