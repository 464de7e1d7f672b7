//! Numbers and strings as calls, answers and snapshots write them: varints, lengths first.

use synod_types::varint;

/// Appends a signed number, small ones of either sign in few bytes.
pub(crate) fn put_signed(out: &mut Vec<u8>, n: i64) {
    varint::put(out, ((n << 1) ^ (n >> 63)) as u64);
}

pub(crate) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let n = varint::take(bytes)?;
    Some((n >> 1) as i64 ^ -((n & 1) as i64))
}

pub(crate) fn take_int(bytes: &mut &[u8]) -> Option<i32> {
    take_signed(bytes)?.try_into().ok()
}

pub(crate) fn put_str(out: &mut Vec<u8>, text: &str) {
    varint::put_bytes(out, text.as_bytes());
}

pub(crate) fn take_str<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(varint::take_bytes(bytes)?).ok()
}

pub(crate) fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*byte)
}

/// A list of things of at least one byte each: a count beyond the bytes left is refused before anything is allocated.
pub(crate) fn take_list<'a, T>(
    bytes: &mut &'a [u8],
    mut take: impl FnMut(&mut &'a [u8]) -> Option<T>,
) -> Option<Vec<T>> {
    let count = usize::try_from(varint::take(bytes)?).ok().filter(|n| *n <= bytes.len())?;
    (0..count).map(|_| take(bytes)).collect()
}

pub(crate) fn put_list<T>(out: &mut Vec<u8>, list: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) {
    varint::put(out, list.len() as u64);
    list.iter().for_each(|item| put(out, item));
}
