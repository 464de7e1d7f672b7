//! A field and its value in one allocation: the length of the field as a varint, the field, the value.

use crate::allocation::allocation;
use crate::value::dense::Keyed;
use synod_types::varint;

/// See the module. Invariant: the varint is there and the field is as long as it says.
#[derive(Clone, Debug)]
pub(super) struct Pair(Box<[u8]>);

impl Pair {
    pub(super) fn new(field: &[u8], value: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(varint_len(field.len()) + field.len() + value.len());
        varint::put_bytes(&mut bytes, field);
        bytes.extend_from_slice(value);
        Self(bytes.into_boxed_slice())
    }

    #[inline]
    fn split(&self) -> (&[u8], &[u8]) {
        let mut rest = &self.0[..];
        let field = varint::take_bytes(&mut rest).unwrap_or_default();
        (field, rest)
    }

    #[inline]
    pub(super) fn field(&self) -> &[u8] {
        self.split().0
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        self.split().1
    }

    /// Replaces the value; in place when the length stays.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let at = self.0.len() - self.value().len();
        if self.0.len() - at == value.len() {
            self.0[at..].copy_from_slice(value);
        } else {
            *self = Self::new(self.field(), value);
        }
    }
}

impl Keyed for Pair {
    fn key(&self) -> &[u8] {
        self.field()
    }

    fn heap(&self) -> usize {
        allocation(self.0.len())
    }
}

/// The bytes that `varint::put` takes for a length.
const fn varint_len(n: usize) -> usize {
    (64 - (n as u64 | 1).leading_zeros() as usize).div_ceil(7)
}
