//! Reading the parts that all types are made of: lengths, strings, numbers. The bytes may be anything.

use super::lzf;
use crate::number::I64Text;
use std::borrow::Cow;
use synod_types::Millis;
use synod_types::limits::RESTORE_BYTES_MAX;

/// What stands where a length does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// A length.
    Plain(u64),
    /// How a string without a length of its own is kept.
    Special(u8),
}

/// Bytes being read, first to last.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// How many bytes may still come out of compressed strings.
    room: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, room: RESTORE_BYTES_MAX }
    }

    /// Whether all was read.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn millis(&mut self) -> Option<Millis> {
        self.array::<8>().map(|bytes| Millis(u64::from_le_bytes(bytes)))
    }

    pub(super) fn float(&mut self) -> Option<f64> {
        self.array::<8>().map(f64::from_le_bytes)
    }

    fn any_length(&mut self) -> Option<Length> {
        let first = self.byte()?;
        let low = u64::from(first & 0x3f);
        Some(match first >> 6 {
            0 => Length::Plain(low),
            1 => Length::Plain(low << 8 | u64::from(self.byte()?)),
            2 if first == 0x80 => Length::Plain(u32::from_be_bytes(self.array()?).into()),
            2 if first == 0x81 => Length::Plain(u64::from_be_bytes(self.array()?)),
            2 => return None,
            _ => Length::Special(first & 0x3f),
        })
    }

    /// A length, or any number that is kept like one.
    pub(super) fn number(&mut self) -> Option<u64> {
        match self.any_length()? {
            Length::Plain(n) => Some(n),
            Length::Special(_) => None,
        }
    }

    /// How many things of at least a byte each follow.
    pub(super) fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.rest.len()).then_some(count)
    }

    /// A string, whichever way it is kept.
    pub(super) fn string(&mut self) -> Option<Cow<'a, [u8]>> {
        let integer = |n: i64| Cow::Owned(I64Text::new(n).as_bytes().to_vec());
        Some(match self.any_length()? {
            Length::Plain(len) => Cow::Borrowed(self.take(usize::try_from(len).ok()?)?),
            Length::Special(0) => integer(i8::from_le_bytes(self.array()?).into()),
            Length::Special(1) => integer(i16::from_le_bytes(self.array()?).into()),
            Length::Special(2) => integer(i32::from_le_bytes(self.array()?).into()),
            Length::Special(3) => {
                let packed = usize::try_from(self.number()?).ok()?;
                let len = usize::try_from(self.number()?).ok()?;
                self.room = self.room.checked_sub(len)?;
                Cow::Owned(lzf::unpack(self.take(packed)?, len)?)
            }
            Length::Special(_) => return None,
        })
    }
}
