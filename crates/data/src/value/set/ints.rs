//! A set of integers, sorted, each in as many bytes as the widest of them needs.
//!
//! ```text
//! | header: 15 ints | 14..13 width | 12..0 count | integers, little-endian, ascending |
//! ```

use super::super::packed::HEADER;

/// The most members (Redis: `set-max-intset-entries`).
pub(crate) const INTS_MAX: usize = 512;

const INTS: u16 = 0x8000;
const WIDTH_SHIFT: u16 = 13;
const COUNT: u16 = 0x1fff;

/// The packed set of no integers.
pub(super) const EMPTY: &[u8] = &INTS.to_le_bytes();

fn header(packed: &[u8]) -> u16 {
    u16::from_le_bytes([packed[0], packed[1]])
}

/// Whether a packed set is one of integers.
pub(crate) fn is(packed: &[u8]) -> bool {
    header(packed) & INTS != 0
}

pub(crate) fn count(packed: &[u8]) -> usize {
    usize::from(header(packed) & COUNT)
}

/// The bytes of each integer: 2, 4 or 8.
fn width(packed: &[u8]) -> usize {
    2 << (header(packed) >> WIDTH_SHIFT & 3)
}

fn width_of(n: i64) -> usize {
    match n {
        -0x8000..=0x7fff => 2,
        -0x8000_0000..=0x7fff_ffff => 4,
        _ => 8,
    }
}

/// The nth integer; `n` is below the count.
pub(crate) fn get(packed: &[u8], n: usize) -> i64 {
    let width = width(packed);
    let at = HEADER + n * width;
    let mut le = if packed[at + width - 1] & 0x80 == 0 { [0; 8] } else { [0xff; 8] };
    le[..width].copy_from_slice(&packed[at..at + width]);
    i64::from_le_bytes(le)
}

/// Where an integer is, or else where it belongs.
pub(crate) fn search(packed: &[u8], wanted: i64) -> Result<usize, usize> {
    let (mut low, mut high) = (0, count(packed));
    while low < high {
        let middle = (low + high) / 2;
        match get(packed, middle).cmp(&wanted) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Equal => return Ok(middle),
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Err(low)
}

/// Where the nth integer's bytes are.
pub(crate) fn place(packed: &[u8], n: usize) -> std::ops::Range<usize> {
    let at = HEADER + n * width(packed);
    at..at + width(packed)
}

/// The bytes of `n` as this set keeps them; `None` when it is too wide.
pub(crate) fn spell(packed: &[u8], n: i64) -> Option<([u8; 8], usize)> {
    let width = width(packed);
    (width_of(n) <= width).then(|| (n.to_le_bytes(), width))
}

/// Sets the count.
pub(crate) fn set_count(packed: &mut [u8], count: usize) {
    let header = header(packed) & !COUNT | count as u16;
    packed[..HEADER].copy_from_slice(&header.to_le_bytes());
}

/// The packed set of these integers, which are ascending and at most [`INTS_MAX`].
pub(crate) fn build(sorted: impl ExactSizeIterator<Item = i64> + Clone) -> Vec<u8> {
    let width = sorted.clone().map(width_of).max().unwrap_or(2);
    let code = width.trailing_zeros() as u16 - 1;
    let header = INTS | code << WIDTH_SHIFT | sorted.len() as u16;
    let mut packed = Vec::with_capacity(HEADER + sorted.len() * width);
    packed.extend_from_slice(&header.to_le_bytes());
    for n in sorted {
        packed.extend_from_slice(&n.to_le_bytes()[..width]);
    }
    packed
}

/// Whether the bytes are a set of integers as [`build`] and edits leave it.
pub(super) fn is_valid(packed: &[u8]) -> bool {
    packed.len() >= HEADER
        && is(packed)
        && header(packed) >> WIDTH_SHIFT & 3 < 3
        && count(packed) <= INTS_MAX
        && packed.len() == HEADER + count(packed) * width(packed)
        && (1..count(packed)).all(|n| get(packed, n - 1) < get(packed, n))
}
