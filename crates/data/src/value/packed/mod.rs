//! The compact spelling of elements, shared by every small collection and by the nodes of big lists.
//!
//! An element is a tag, perhaps a length, and the bytes; text that is a canonical integer is kept as
//! one. The spelling is canonical (one element, one spelling) and prefix-free, so an element is
//! looked for by comparing spelled bytes and nothing is decoded on the way.
//!
//! ```text
//! 0xxxxxxx                 integer 0..=127
//! 10llllll bytes           string of l bytes, l < 64
//! 110xxxxx xxxxxxxx        integer of 13 bits, two's complement, big-endian
//! 1110llll llllllll bytes  string of l bytes, l < 4096, big-endian
//! F0 l:u32 bytes           string of l bytes
//! F1 F2 F3 F4              integer of 2, 3, 4, 8 bytes, little-endian
//! F5 f64                   a score (sorted sets only)
//! ```
//!
//! A packed collection is a count (`u16`, little-endian) and its elements. Readers trust the bytes:
//! what comes from outside passes [`check`] first.

#[cfg(test)]
mod tests;

use crate::number::{I64Text, parse_i64};
use synod_types::ReplySink;

/// The bytes in front of the first element: the count.
pub const HEADER: usize = 2;
/// The most entries of a packed set, hash or sorted set (Redis: `*-max-listpack-entries`).
pub const ENTRIES_MAX: usize = 128;
/// The longest element of a packed set, hash or sorted set (Redis: `*-max-listpack-value`).
pub const ELEMENT_BYTES_MAX: usize = 64;

const STRING6: u8 = 0x80;
const INT13: u8 = 0xc0;
const STRING12: u8 = 0xe0;
const STRING32: u8 = 0xf0;
const INT16: u8 = 0xf1;
const INT24: u8 = 0xf2;
const INT32: u8 = 0xf3;
const INT64: u8 = 0xf4;
const SCORE: u8 = 0xf5;

/// One element as it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'a> {
    /// Text that was a canonical integer.
    Int(i64),
    /// Any other text.
    Bytes(&'a [u8]),
    /// A score that is not an integer; only sorted sets hold one.
    Score(f64),
}

impl<'a> Item<'a> {
    /// The element's text; `text` is where an integer's digits are put.
    #[inline]
    pub fn text<'t>(self, text: &'t mut I64Text) -> &'t [u8]
    where
        'a: 't,
    {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Int(n) => {
                *text = I64Text::new(n);
                text.as_bytes()
            }
            // Nobody asks for a score's text: a score is read with `score`.
            Self::Score(_) => &[],
        }
    }

    /// The element's text in a buffer of its own.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut I64Text::new(0)).to_vec()
    }

    /// The length of the element's text, in bytes.
    #[must_use]
    pub fn text_len(self) -> usize {
        self.text(&mut I64Text::new(0)).len()
    }

    /// The element as a score.
    #[must_use]
    #[inline]
    pub fn score(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Score(x) => x,
            Self::Bytes(_) => 0.0,
        }
    }

    /// Answers with the element's text.
    #[inline]
    pub fn reply(self, out: &mut dyn ReplySink) {
        out.bulk(self.text(&mut I64Text::new(0)));
    }
}

/// An element as it will be written: a head on the stack, and the bytes it speaks of.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    head: [u8; 9],
    head_len: u8,
    body: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// The spelling of a string, as an integer if it is one.
    #[must_use]
    #[inline]
    pub fn of(text: &'a [u8]) -> Self {
        match parse_i64(text) {
            Some(n) => Self::of_int(n),
            None => Self::string(text),
        }
    }

    /// The spelling of a score. Integers below 2^53 take an integer's place. So does -0, which is 0 from then on, as in
    /// Redis's packed form; its other form keeps the sign, and so does ours.
    #[must_use]
    pub fn score(x: f64) -> Self {
        let whole = x as i64;
        let exact = whole as f64 == x && whole.unsigned_abs() < 1 << 53;
        if exact {
            return Self::of_int(whole);
        }
        let mut head = [SCORE; 9];
        head[1..].copy_from_slice(&x.to_le_bytes());
        Self { head, head_len: 9, body: &[] }
    }

    /// The spelling of an integer.
    #[must_use]
    pub fn of_int(n: i64) -> Self {
        let mut head = [0; 9];
        let le = n.to_le_bytes();
        let head_len = match n {
            0..=127 => {
                head[0] = le[0];
                1
            }
            -4096..=4095 => {
                head[0] = INT13 | (le[1] & 0x1f);
                head[1] = le[0];
                2
            }
            _ => {
                let (tag, width) = match n {
                    -0x8000..=0x7fff => (INT16, 2),
                    -0x80_0000..=0x7f_ffff => (INT24, 3),
                    -0x8000_0000..=0x7fff_ffff => (INT32, 4),
                    _ => (INT64, 8),
                };
                head[0] = tag;
                head[1..=width].copy_from_slice(&le[..width]);
                1 + width as u8
            }
        };
        Self { head, head_len, body: &[] }
    }

    fn string(body: &'a [u8]) -> Self {
        let mut head = [0; 9];
        let len = body.len();
        let head_len = match len {
            0..=63 => {
                head[0] = STRING6 | len as u8;
                1
            }
            64..=4095 => {
                head[0] = STRING12 | (len >> 8) as u8;
                head[1] = len as u8;
                2
            }
            _ => {
                head[0] = STRING32;
                // A bulk string is far below 4 GiB (`limits::BULK_BYTES_MAX`).
                head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
                5
            }
        };
        Self { head, head_len, body }
    }

    #[inline]
    fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// How many bytes the spelling takes.
    #[must_use]
    #[inline]
    pub fn size(&self) -> usize {
        usize::from(self.head_len) + self.body.len()
    }

    /// Appends the spelling.
    #[inline]
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.head());
        out.extend_from_slice(self.body);
    }

    /// Writes the spelling over the front of `room`, which is at least [`Self::size`] long.
    #[inline]
    pub fn write(&self, room: &mut [u8]) {
        let (head, body) = room.split_at_mut(usize::from(self.head_len));
        head.copy_from_slice(self.head());
        body[..self.body.len()].copy_from_slice(self.body);
    }

    /// Whether the element at the front of `bytes` is this one.
    #[must_use]
    #[inline]
    pub fn is_at(&self, bytes: &[u8]) -> bool {
        bytes.strip_prefix(self.head()).is_some_and(|rest| rest.starts_with(self.body))
    }
}

/// The element that a text is kept as.
#[must_use]
pub fn item_of(text: &[u8]) -> Item<'_> {
    parse_i64(text).map_or(Item::Bytes(text), Item::Int)
}

/// The size of the element at the front of `bytes`, which hold at least one.
#[must_use]
#[inline]
pub fn size_at(bytes: &[u8]) -> usize {
    let tag = bytes[0];
    match tag {
        0..STRING6 => 1,
        STRING6..INT13 => 1 + usize::from(tag & 0x3f),
        INT13..STRING12 => 2,
        STRING12..STRING32 => 2 + (usize::from(tag & 0x0f) << 8 | usize::from(bytes[1])),
        STRING32 => 5 + u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize,
        INT16 => 3,
        INT24 => 4,
        INT32 => 5,
        _ => 9,
    }
}

/// The element at the front of `bytes`, which hold at least one, and its size.
#[must_use]
#[inline]
pub fn read(bytes: &[u8]) -> (Item<'_>, usize) {
    let tag = bytes[0];
    let text = |head: usize, len: usize| (Item::Bytes(&bytes[head..head + len]), head + len);
    let int = |width: usize| {
        let mut le = if bytes[width] & 0x80 == 0 { [0; 8] } else { [0xff; 8] };
        le[..width].copy_from_slice(&bytes[1..=width]);
        (Item::Int(i64::from_le_bytes(le)), 1 + width)
    };
    match tag {
        0..STRING6 => (Item::Int(i64::from(tag)), 1),
        STRING6..INT13 => text(1, usize::from(tag & 0x3f)),
        INT13..STRING12 => {
            let n = i16::from_be_bytes([tag & 0x1f, bytes[1]]);
            (Item::Int(i64::from(n << 3 >> 3)), 2)
        }
        STRING12..STRING32 => text(2, size_at(bytes) - 2),
        STRING32 => text(5, size_at(bytes) - 5),
        INT16 => int(2),
        INT24 => int(3),
        INT32 => int(4),
        INT64 => int(8),
        _ => {
            let mut le = [0; 8];
            le.copy_from_slice(&bytes[1..9]);
            (Item::Score(f64::from_le_bytes(le)), 9)
        }
    }
}

/// The element at the front of `bytes`, which hold at least one.
#[must_use]
#[inline]
pub fn item_at(bytes: &[u8]) -> Item<'_> {
    read(bytes).0
}

/// Takes an element that may be cut short or misspelled off the front of `bytes`.
pub fn take_checked<'a>(bytes: &mut &'a [u8]) -> Option<Item<'a>> {
    let tag = *bytes.first()?;
    let head = match tag {
        0..INT13 => 1,
        INT13..STRING32 => 2,
        STRING32 => 5,
        _ => 1,
    };
    if tag > SCORE || bytes.len() < head {
        return None;
    }
    let size = size_at(bytes);
    if bytes.len() < size {
        return None;
    }
    let (this, rest) = bytes.split_at(size);
    let item = item_at(this);
    let canonical = match item {
        Item::Int(n) => Encoded::of_int(n).is_at(this),
        Item::Bytes(text) => Encoded::of(text).is_at(this),
        // Versions before kept -0.
        Item::Score(x) => {
            (x == 0.0 && x.is_sign_negative()) || !x.is_nan() && Encoded::score(x).is_at(this)
        }
    };
    *bytes = rest;
    canonical.then_some(item)
}

/// The count of a packed collection.
#[must_use]
#[inline]
pub fn count(packed: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([packed[0], packed[1]]))
}

/// Sets the count of a packed collection; it is `ENTRIES_MAX` or, in a list, the size limit at most.
#[inline]
pub fn set_count(packed: &mut [u8], count: usize) {
    packed[..HEADER].copy_from_slice(&(count as u16).to_le_bytes());
}

/// A packed collection of nothing.
#[must_use]
pub fn empty() -> Vec<u8> {
    vec![0; HEADER]
}

/// The elements of a packed collection from the front.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// The elements of a packed collection.
    #[must_use]
    pub fn of(packed: &'a [u8]) -> Self {
        Self { rest: &packed[HEADER..] }
    }

    /// The elements spelled in `rest`, without a count.
    #[must_use]
    pub fn bare(rest: &'a [u8]) -> Self {
        Self { rest }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (item, size) = read(self.rest);
        self.rest = &self.rest[size..];
        Some(item)
    }
}

/// Where the `stride * n`th element begins in a packed collection: the nth of a set, the nth pair of a
/// hash or sorted set. The length of `packed` when there is none.
#[must_use]
pub fn offset_of(packed: &[u8], n: usize, stride: usize) -> usize {
    let mut at = HEADER;
    for _ in 0..n * stride {
        if at == packed.len() {
            break;
        }
        at += size_at(&packed[at..]);
    }
    at
}

/// Where an element begins among every `stride`th one (2: the fields of a hash), and which it is.
#[must_use]
#[inline]
pub fn find(packed: &[u8], text: &[u8], stride: usize) -> Option<(usize, usize)> {
    let wanted = Encoded::of(text);
    let mut at = HEADER;
    let mut n = 0;
    while at < packed.len() {
        if wanted.is_at(&packed[at..]) {
            return Some((at, n));
        }
        for _ in 0..stride {
            at += size_at(&packed[at..]);
        }
        n += 1;
    }
    None
}

/// Whether `packed` is a count and exactly `count * stride` well-spelled elements, `ENTRIES_MAX` and
/// `ELEMENT_BYTES_MAX` kept, and no scores.
#[must_use]
pub fn check(packed: &[u8], stride: usize) -> bool {
    let Some(mut rest) = packed.get(HEADER..) else { return false };
    let entries = count(packed);
    if entries > ENTRIES_MAX {
        return false;
    }
    for _ in 0..entries * stride {
        match take_checked(&mut rest) {
            Some(Item::Bytes(text)) if text.len() <= ELEMENT_BYTES_MAX => {}
            Some(Item::Int(_)) => {}
            _ => return false,
        }
    }
    rest.is_empty()
}
