//! The ziplist, which listpacks have replaced in Redis 7: read only, for what older ones wrote.
//!
//! ```text
//! bytes u32 | last element u32 | elements u16 | element: length of the one before, head, content | ... | FF
//! ```

use crate::value::packed::Item;

const END: u8 = 0xff;
const MANY: u16 = u16::MAX;
/// The length of the element before takes five bytes instead of one.
const LONG: u8 = 0xfe;

/// The elements of a ziplist that may be anything. An inner `None` says that it is malformed.
#[derive(Clone, Debug)]
pub(super) struct Ziplist<'a> {
    rest: &'a [u8],
    left: Option<u16>,
}

impl<'a> Ziplist<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let rest = rest.get(4..)?;
        let (count, rest) = rest.split_first_chunk::<2>()?;
        let count = u16::from_le_bytes(*count);
        let whole = u32::from_le_bytes(*len) as usize == bytes.len() && rest.last() == Some(&END);
        whole.then_some(Self { rest, left: (count != MANY).then_some(count) })
    }

    fn element(&mut self) -> Option<Item<'a>> {
        let skip = if *self.rest.first()? == LONG { 5 } else { 1 };
        let (item, size) = read(self.rest.get(skip..)?)?;
        self.rest = self.rest.get(skip + size..).filter(|rest| !rest.is_empty())?;
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(item)
    }
}

impl<'a> Iterator for Ziplist<'a> {
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

/// The element at the front, behind the length of the one before, and how long it is.
fn read(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let first = *bytes.first()?;
    let low = usize::from(first & 0x3f);
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
        0..0x40 => text(1, low),
        0x40..0x80 => text(2, low << 8 | usize::from(*bytes.get(1)?)),
        0x80 => {
            let len = bytes.get(1..5)?.try_into().ok()?;
            text(5, u32::from_be_bytes(len) as usize)
        }
        0xc0 => int(2),
        0xd0 => int(4),
        0xe0 => int(8),
        0xf0 => int(3),
        0xfe => int(1),
        0xf1..=0xfd => Some((Item::Int(i64::from(first & 0x0f) - 1), 1)),
        _ => None,
    }
}
