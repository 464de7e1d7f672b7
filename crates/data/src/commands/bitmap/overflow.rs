//! The integers of BITFIELD: their types, and what becomes of one that does not fit.

use crate::commands::prelude::*;
use crate::number::parse_i64;

/// `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy)]
pub(super) struct IntType {
    pub signed: bool,
    pub bits: u32,
}

/// What a value that does not fit becomes.
#[derive(Clone, Copy)]
pub(super) enum Overflow {
    /// Its lowest bits.
    Wrap,
    /// The nearest that fits.
    Saturate,
    /// Nothing is written, and null answered.
    Fail,
}

impl IntType {
    pub(super) fn parse(arg: &[u8]) -> Result<Self, Failure> {
        const BAD: Failure = Failure(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        );
        let (signed, most) = match arg.first() {
            Some(b'i') => (true, 64),
            Some(b'u') => (false, 63),
            _ => return Err(BAD),
        };
        let bits = parse_i64(&arg[1..]).and_then(|n| u32::try_from(n).ok());
        let bits = bits.filter(|bits| (1..=most).contains(bits)).ok_or(BAD)?;
        Ok(Self { signed, bits })
    }

    fn min(self) -> i128 {
        if self.signed { -(1 << (self.bits - 1)) } else { 0 }
    }

    fn max(self) -> i128 {
        if self.signed { (1 << (self.bits - 1)) - 1 } else { (1 << self.bits) - 1 }
    }

    /// The value as this type holds it; `None` when it does not fit and the policy is to fail.
    pub(super) fn fit(self, value: i128, overflow: Overflow) -> Option<i64> {
        if (self.min()..=self.max()).contains(&value) {
            return i64::try_from(value).ok();
        }
        match overflow {
            Overflow::Wrap => Some(self.low_bits(value)),
            Overflow::Saturate => i64::try_from(value.clamp(self.min(), self.max())).ok(),
            Overflow::Fail => None,
        }
    }

    /// As [`Self::fit`], for a value that is set. Redis finds how far it lies below the maximum in 64 bits, where the
    /// lowest values of all wrap around: it takes those for too high.
    pub(super) fn fit_set(self, value: i128, overflow: Overflow) -> Option<i64> {
        let wraps = self.signed && self.bits < 64 && self.max() - value > i64::MAX.into();
        match overflow {
            Overflow::Saturate if wraps => i64::try_from(self.max()).ok(),
            _ => self.fit(value, overflow),
        }
    }

    fn low_bits(self, value: i128) -> i64 {
        let shift = 128 - self.bits;
        // At most 64 bits are left, 63 of them when unsigned.
        if self.signed {
            ((value << shift) >> shift) as i64
        } else {
            ((value as u128) << shift >> shift) as i64
        }
    }

    /// Reads an integer; bits beyond the string are zeros.
    pub(super) fn read(self, bytes: &[u8], offset: u64) -> i64 {
        let mut value = 0u128;
        for bit in offset..offset + u64::from(self.bits) {
            let byte = bytes.get((bit >> 3) as usize).copied().unwrap_or(0);
            value = value << 1 | u128::from(byte >> (7 - (bit & 7)) & 1);
        }
        self.low_bits(value as i128)
    }

    /// Writes an integer; the string is long enough.
    pub(super) fn write(self, bytes: &mut [u8], offset: u64, value: i64) {
        for nth in 0..self.bits {
            let bit = offset + u64::from(nth);
            let mask = 0x80u8 >> (bit & 7);
            let byte = &mut bytes[(bit >> 3) as usize];
            let set = value >> (self.bits - 1 - nth) & 1 == 1;
            *byte = if set { *byte | mask } else { *byte & !mask };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_holds_its_limits_and_wraps_behind_them() {
        for (name, min, max) in
            [("i8", -128i128, 127i128), ("u8", 0, 255), ("u1", 0, 1), ("i1", -1, 0)]
        {
            let int = IntType::parse(name.as_bytes()).unwrap();
            assert_eq!(int.fit(max + 1, Overflow::Wrap).map(i128::from), Some(min), "{name}");
            assert_eq!(int.fit(min - 1, Overflow::Wrap).map(i128::from), Some(max), "{name}");
            assert_eq!(int.fit(max + 9, Overflow::Saturate).map(i128::from), Some(max), "{name}");
            assert_eq!(int.fit(min - 9, Overflow::Saturate).map(i128::from), Some(min), "{name}");
            assert_eq!(int.fit(max + 1, Overflow::Fail), None, "{name}");
            let mut bytes = [0xa5; 4];
            int.write(&mut bytes, 5, max as i64);
            assert_eq!(i128::from(int.read(&bytes, 5)), max, "{name}");
        }
        for bad in ["", "i", "u64", "i65", "i0", "u0", "x8", "i08", "U8"] {
            assert!(IntType::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
