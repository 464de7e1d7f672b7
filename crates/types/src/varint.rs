//! LEB128 lengths, as used inside log entries and snapshots.

/// Appends `n` in seven-bit groups, least significant first; 1 to 10 bytes.
#[inline]
pub fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Takes a number off the front of `bytes`; `None` (and `bytes` unchanged) when it is cut short or
/// longer than 64 bits.
#[inline]
pub fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        if i == 9 && *byte > 1 {
            return None;
        }
        n |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            *bytes = &bytes[i + 1..];
            return Some(n);
        }
    }
    None
}

/// Appends a length and the bytes.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The bytes of a length that is known only afterwards: enough for 32 GiB.
const LATE_LEN_BYTES: usize = 5;

/// As [`put_bytes`], with the bytes that `write` appends; they are written in place, however many they are, behind a
/// length that is padded to a fixed width.
pub fn put_written(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; LATE_LEN_BYTES]);
    write(out);
    let len = out.len() - at - LATE_LEN_BYTES;
    assert!(len >> (7 * LATE_LEN_BYTES) == 0, "a text of {len} bytes");
    for (i, byte) in out[at..at + LATE_LEN_BYTES].iter_mut().enumerate() {
        let more = if i + 1 < LATE_LEN_BYTES { 0x80 } else { 0 };
        *byte = (len >> (7 * i)) as u8 & 0x7f | more;
    }
}

/// Takes what [`put_bytes`] or [`put_written`] wrote off the front; `None` (and `bytes` unchanged) when it is cut short.
#[inline]
pub fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = *bytes;
    let len = usize::try_from(take(&mut rest)?).ok()?;
    if rest.len() < len {
        return None;
    }
    let (head, tail) = rest.split_at(len);
    *bytes = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip_and_cut_ones_are_refused() {
        for n in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put(&mut out, n);
            assert_eq!(take(&mut &out[..]), Some(n));
            assert_eq!(take(&mut &out[..out.len() - 1]), None);
        }
        assert_eq!(take(&mut &[0xff; 10][..]), None);
    }

    #[test]
    fn a_text_written_in_place_is_taken_as_any_other() {
        for len in [0, 1, 127, 128, 300_000] {
            let text = vec![7; len];
            let mut out = vec![1];
            put_written(&mut out, |out| out.extend_from_slice(&text));
            put(&mut out, 9);
            let mut rest = &out[1..];
            assert_eq!(take_bytes(&mut rest), Some(&text[..]));
            assert_eq!(rest, [9]);
        }
    }
}
