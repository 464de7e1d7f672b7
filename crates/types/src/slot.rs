//! Hash slots, as every Redis Cluster client computes them.
//!
//! Source: the Redis Cluster specification, "Key distribution model": CRC16 (XMODEM) of the hash tag,
//! modulo 16,384.

use std::fmt;

/// How many slots there are.
pub const SLOT_COUNT: u16 = 16_384;

/// A hash slot, `0 <= slot < SLOT_COUNT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `CRC16[n][byte]` is what `byte` adds to the checksum when `n` more bytes follow, so that four bytes
/// are folded in at once: every request computes a slot, and byte by byte each step waits for the last.
static CRC16: [[u16; 256]; 4] = {
    let mut tables = [[0u16; 256]; 4];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < 4 {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[n - 1][byte];
            tables[n][byte] = (crc << 8) ^ tables[0][(crc >> 8) as usize];
            byte += 1;
        }
        n += 1;
    }
    tables
};

fn crc16(bytes: &[u8]) -> u16 {
    let (fours, rest) = bytes.as_chunks::<4>();
    let crc = fours.iter().fold(0u16, |crc, four| {
        let [high, low] = crc.to_be_bytes();
        CRC16[3][usize::from(high ^ four[0])]
            ^ CRC16[2][usize::from(low ^ four[1])]
            ^ CRC16[1][usize::from(four[2])]
            ^ CRC16[0][usize::from(four[3])]
    });
    rest.iter().fold(crc, |crc, byte| (crc << 8) ^ CRC16[0][usize::from((crc >> 8) as u8 ^ byte)])
}

/// The part of the key that is hashed: what stands between the first `{` and the next `}`, if anything
/// does, else the whole key.
fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|b| *b == b'{') else { return key };
    match key[open + 1..].iter().position(|b| *b == b'}') {
        Some(len) if len > 0 => &key[open + 1..open + 1 + len],
        _ => key,
    }
}

/// The slot of a key.
#[must_use]
pub fn key_slot(key: &[u8]) -> Slot {
    Slot(crc16(hash_tag(key)) % SLOT_COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        assert_eq!(crc16(b"123456789"), 0x31c3); // the check value of the specification
        for len in 0..20 {
            let key = vec![0xa5; len];
            let by_bit = key.iter().fold(0u16, |crc, byte| {
                (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
                    if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 }
                })
            });
            assert_eq!(crc16(&key), by_bit, "{len} bytes");
        }
        assert_eq!(key_slot(b"foo"), Slot(12182));
        assert_eq!(key_slot(b"{user1000}.following"), key_slot(b"{user1000}.followers"));
        assert_eq!(key_slot(b"foo{}{bar}"), Slot(crc16(b"foo{}{bar}") % SLOT_COUNT));
        assert_eq!(key_slot(b"foo{{bar}}zap"), key_slot(b"{bar"));
    }
}
