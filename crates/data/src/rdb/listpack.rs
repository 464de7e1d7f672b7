//! Redis's listpack: small integers and strings in a row, each followed by its length, to be walked either way.
//!
//! ```text
//! bytes u32 | elements u16 | element: head, content, length of both | ... | FF
//! ```

use crate::number::parse_i64;
use crate::value::packed::Item;

const HEADER_BYTES: usize = 6;
const END: u8 = 0xff;
/// Stands for "so many that they have to be counted".
const MANY: u16 = u16::MAX;

/// The elements of a listpack that may be anything. An inner `None` says that it is malformed.
#[derive(Clone, Debug)]
pub(super) struct Listpack<'a> {
    rest: &'a [u8],
    /// How many are to come, where that is known.
    left: Option<u16>,
}

impl<'a> Listpack<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (count, rest) = rest.split_first_chunk::<2>()?;
        let count = u16::from_le_bytes(*count);
        let whole = u32::from_le_bytes(*len) as usize == bytes.len() && rest.last() == Some(&END);
        whole.then_some(Self { rest, left: (count != MANY).then_some(count) })
    }

    /// Takes an element that is an integer.
    pub(super) fn integer(&mut self) -> Option<i64> {
        match self.next()?? {
            Item::Int(n) => Some(n),
            Item::Bytes(text) => parse_i64(text),
            Item::Score(_) => None,
        }
    }

    fn element(&mut self) -> Option<Item<'a>> {
        let (item, size) = read(self.rest)?;
        self.rest = self.rest.get(size + length_bytes(size)..).filter(|rest| !rest.is_empty())?;
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(item)
    }
}

impl<'a> Iterator for Listpack<'a> {
    type Item = Option<Item<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rest {
            [] => None,
            [END] if self.left.is_none_or(|left| left == 0) => None,
            [END] => {
                self.rest = &[];
                Some(None)
            }
            _ => {
                let element = self.element();
                if element.is_none() {
                    self.rest = &[];
                }
                Some(element)
            }
        }
    }
}

/// How many bytes the length behind an element takes.
const fn length_bytes(size: usize) -> usize {
    match size {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// The element at the front, and how long it is without the length behind it.
fn read(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let first = *bytes.first()?;
    let low = usize::from(first & 0x0f);
    let text = |head: usize, len: usize| {
        let end = head.checked_add(len)?;
        Some((Item::Bytes(bytes.get(head..end)?), end))
    };
    let int = |width: usize| {
        let content = bytes.get(1..=width)?;
        let mut le = if content[width - 1] & 0x80 == 0 { [0; 8] } else { [0xff; 8] };
        le[..width].copy_from_slice(content);
        Some((Item::Int(i64::from_le_bytes(le)), 1 + width))
    };
    match first {
        0..0x80 => Some((Item::Int(first.into()), 1)),
        0x80..0xc0 => text(1, usize::from(first & 0x3f)),
        0xc0..0xe0 => {
            let n = i16::from_be_bytes([first & 0x1f, *bytes.get(1)?]);
            Some((Item::Int(i64::from(n << 3 >> 3)), 2))
        }
        0xe0..0xf0 => text(2, low << 8 | usize::from(*bytes.get(1)?)),
        0xf0 => {
            let len = bytes.get(1..5)?.try_into().ok()?;
            text(5, u32::from_le_bytes(len) as usize)
        }
        0xf1 => int(2),
        0xf2 => int(3),
        0xf3 => int(4),
        0xf4 => int(8),
        _ => None,
    }
}

/// A listpack being written.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    count: usize,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; HEADER_BYTES], count: 0 }
    }

    pub(super) fn text(&mut self, text: &[u8]) {
        if let Some(n) = parse_i64(text) {
            return self.integer(n);
        }
        let start = self.bytes.len();
        let len = text.len();
        match len {
            0..=63 => self.bytes.push(0x80 | len as u8),
            64..=4095 => self.bytes.extend_from_slice(&[0xe0 | (len >> 8) as u8, len as u8]),
            _ => {
                self.bytes.push(0xf0);
                // A string is far below 4 GiB (`limits::REQUEST_BYTES_MAX`).
                self.bytes.extend_from_slice(&(len as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text);
        self.end_element(start);
    }

    pub(super) fn integer(&mut self, n: i64) {
        let start = self.bytes.len();
        let le = n.to_le_bytes();
        let width = match n {
            0..=127 => {
                self.bytes.push(le[0]);
                0
            }
            -4096..=4095 => {
                self.bytes.extend_from_slice(&[0xc0 | (le[1] & 0x1f), le[0]]);
                0
            }
            -0x8000..=0x7fff => 2,
            -0x80_0000..=0x7f_ffff => 3,
            -0x8000_0000..=0x7fff_ffff => 4,
            _ => 8,
        };
        if width > 0 {
            self.bytes.push(match width {
                2 => 0xf1,
                3 => 0xf2,
                4 => 0xf3,
                _ => 0xf4,
            });
            self.bytes.extend_from_slice(&le[..width]);
        }
        self.end_element(start);
    }

    /// Puts the length of the element behind it, seven bits to a byte, to be read backwards.
    fn end_element(&mut self, start: usize) {
        let size = self.bytes.len() - start;
        let width = length_bytes(size);
        for nth in (0..width).rev() {
            let more = if nth + 1 == width { 0 } else { 0x80 };
            self.bytes.push((size >> (7 * nth)) as u8 & 0x7f | more);
        }
        self.count += 1;
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(END);
        let len = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&len.to_le_bytes());
        let count = u16::try_from(self.count).unwrap_or(MANY);
        self.bytes[4..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_damaged_one_is_refused() {
        let mut texts: Vec<Vec<u8>> =
            [0, 1, 127, 128, -1, -4096, 4095, 4096, 32_767, -32_769, 1 << 23, 1 << 31, i64::MIN]
                .iter()
                .map(|n: &i64| n.to_string().into_bytes())
                .collect();
        texts.extend([0, 1, 63, 64, 200, 4095, 4096, 20_000].map(|len| vec![b'x'; len]));
        let mut writer = Writer::new();
        texts.iter().for_each(|text| writer.text(text));
        let bytes = writer.finish();
        let items = |bytes: &[u8]| -> Option<Vec<Vec<u8>>> {
            Listpack::open(bytes)?.map(|item| item.map(Item::to_vec)).collect()
        };
        assert_eq!(items(&bytes).as_ref(), Some(&texts));
        for cut in 0..HEADER_BYTES + 40 {
            assert_eq!(items(&bytes[..cut]), None, "{cut}");
        }
        let mut miscounted = bytes.clone();
        miscounted[4] += 1;
        assert_eq!(items(&miscounted), None);
        miscounted[4] -= 2;
        assert_eq!(items(&miscounted), None);
        miscounted[4..6].fill(0xff);
        assert_eq!(items(&miscounted), Some(texts));
    }
}
