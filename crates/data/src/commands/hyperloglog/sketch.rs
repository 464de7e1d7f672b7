//! A sketch as it lies in a string.
//!
//! ```text
//! | "HYLL" | 0 dense, 1 sparse | 3 unused | last count, 8 bytes, top bit: out of date | registers |
//! ```

use super::estimate::{Histogram, RANK_BITS};
use super::{CORRUPT, NOT_A_SKETCH, dense, sparse};
use crate::commands::prelude::*;

/// The number of registers.
pub(super) const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: usize = 14;
const HEADER: usize = 16;
const FORM_AT: usize = 4;
const COUNT_AT: usize = 8;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// A sparse sketch becomes dense before it grows past this (Redis: `hll-sparse-max-bytes`).
const SPARSE_BYTES_MAX: usize = 3000;
const HASH_SEED: u64 = 0xadc8_3b19;

/// All registers, one byte each.
pub(super) type Registers = [u8; REGISTERS];

/// A sketch that saw nothing.
pub(super) fn empty() -> Vec<u8> {
    let mut bytes = b"HYLL".to_vec();
    bytes.resize(HEADER, 0);
    bytes[FORM_AT] = SPARSE;
    bytes.extend_from_slice(&sparse::zeros());
    bytes
}

/// Whether a string may be a sketch. Its registers can still be corrupt.
pub(super) fn check(bytes: &[u8]) -> Outcome {
    let is_form = |form| match form {
        DENSE => bytes.len() == HEADER + dense::BYTES,
        form => form == SPARSE,
    };
    let is_sketch = bytes.len() >= HEADER && bytes.starts_with(b"HYLL") && is_form(bytes[FORM_AT]);
    if is_sketch { Ok(()) } else { Err(NOT_A_SKETCH) }
}

/// Whether it has the dense form.
pub(super) fn is_dense(bytes: &[u8]) -> bool {
    bytes[FORM_AT] == DENSE
}

/// The count that the value carries, unless it is out of date.
pub(super) fn last_count(bytes: &[u8]) -> Option<u64> {
    let eight = bytes.get(COUNT_AT..HEADER)?.try_into().ok()?;
    Some(u64::from_le_bytes(eight)).filter(|count| count >> 63 == 0)
}

/// Marks the count as out of date.
pub(super) fn outdate(bytes: &mut [u8]) {
    bytes[HEADER - 1] |= 0x80;
}

/// The runs of a sparse sketch.
pub(super) fn runs(bytes: &[u8]) -> &[u8] {
    &bytes[HEADER..]
}

/// The value of each register.
pub(super) fn registers(bytes: &[u8]) -> Result<Box<Registers>, Failure> {
    let mut all = Box::new([0; REGISTERS]);
    raise_to(&mut all, bytes)?;
    Ok(all)
}

/// Raises each of `all` to the register of the sketch.
pub(super) fn raise_to(all: &mut Registers, bytes: &[u8]) -> Outcome {
    if is_dense(bytes) {
        for (index, register) in all.iter_mut().enumerate() {
            *register = dense::get(&bytes[HEADER..], index).max(*register);
        }
        return Ok(());
    }
    let mut at = 0;
    let raise = |value: u8, len: usize| {
        all[at..at + len].iter_mut().for_each(|register| *register = value.max(*register));
        at += len;
    };
    sparse::each(&bytes[HEADER..], raise).ok_or(CORRUPT)
}

/// How often each value occurs.
pub(super) fn histogram(bytes: &[u8]) -> Result<Histogram, Failure> {
    let mut histogram = [0u32; 64];
    if is_dense(bytes) {
        for index in 0..REGISTERS {
            histogram[usize::from(dense::get(&bytes[HEADER..], index))] += 1;
        }
        return Ok(histogram);
    }
    let count = |value: u8, len: usize| histogram[usize::from(value)] += len as u32;
    sparse::each(&bytes[HEADER..], count).ok_or(CORRUPT)?;
    Ok(histogram)
}

/// How often each value occurs among registers that are apart.
pub(super) fn histogram_of(registers: &Registers) -> Histogram {
    let mut histogram = [0u32; 64];
    registers.iter().for_each(|value| histogram[usize::from(*value & 63)] += 1);
    histogram
}

/// Gives a sketch its dense form.
pub(super) fn make_dense(bytes: &mut Vec<u8>) -> Outcome {
    if is_dense(bytes) {
        return Ok(());
    }
    let all = registers(bytes)?;
    bytes.truncate(HEADER);
    bytes[FORM_AT] = DENSE;
    bytes.resize(HEADER + dense::BYTES, 0);
    for (index, value) in all.iter().enumerate() {
        dense::raise(&mut bytes[HEADER..], index, *value);
    }
    Ok(())
}

/// Raises one register; whether it was lower.
pub(super) fn raise(bytes: &mut Vec<u8>, index: usize, value: u8) -> Result<bool, Failure> {
    if !is_dense(bytes) {
        match sparse::raise(bytes, HEADER, SPARSE_BYTES_MAX, index, value).ok_or(CORRUPT)? {
            sparse::Raised::No => return Ok(false),
            sparse::Raised::Yes => return Ok(true),
            sparse::Raised::TooLarge => make_dense(bytes)?,
        }
    }
    Ok(dense::raise(&mut bytes[HEADER..], index, value))
}

/// The register of an element, and the value that it raises it to.
pub(super) fn place_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur64(element, HASH_SEED);
    let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
    (hash as usize & (REGISTERS - 1), rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A (Austin Appleby), reading little-endian.
fn murmur64(text: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = seed ^ (text.len() as u64).wrapping_mul(M);
    let (words, tail) = text.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 47)).wrapping_mul(M);
        hash = (hash ^ k).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 47)).wrapping_mul(M);
    hash ^ (hash >> 47)
}
