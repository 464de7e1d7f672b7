//! A key as it is kept: whole if it is short, else how it begins, its length and a hash.

use std::cmp::Ordering;
use synod_types::varint;

/// So many bytes of a key are kept.
pub const HEAD_BYTES_MAX: usize = 128;

/// A key. Two of the same length and hash count as one; by chance that happens to one pair in 2^64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    hash: u64,
    len: u64,
    /// `head.len() == min(len, HEAD_BYTES_MAX)`.
    head: Vec<u8>,
}

impl Key {
    /// The key with these bytes, whose [`hash_of`] is `hash`.
    #[must_use]
    pub fn new(bytes: &[u8], hash: u64) -> Self {
        let head = bytes[..bytes.len().min(HEAD_BYTES_MAX)].into();
        Self { hash, len: bytes.len() as u64, head }
    }

    /// Becomes another key, in the memory that it has.
    pub(crate) fn replace(&mut self, bytes: &[u8], hash: u64) {
        (self.hash, self.len) = (hash, bytes.len() as u64);
        self.head.clear();
        self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD_BYTES_MAX)]);
    }

    /// Whether it is this key.
    #[inline]
    #[must_use]
    pub(crate) fn is(&self, hash: u64, len: usize) -> bool {
        self.hash == hash && self.len == len as u64
    }

    /// How it begins: the whole key if [`Self::is_whole`].
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Its hash takes the place of its name.
    pub(crate) fn forget_name(&mut self) {
        self.head = format!("#{:016x}", self.hash).into_bytes();
        self.len = self.head.len() as u64;
    }

    /// Whether nothing of it is left out.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.len == self.head.len() as u64
    }

    /// How long it is, in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is the empty key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its bytes for a client: a key of which something is left out ends with how much, and its hash.
    #[must_use]
    pub fn shown(&self) -> Vec<u8> {
        let mut shown = self.head.to_vec();
        if !self.is_whole() {
            let more = self.len - self.head.len() as u64;
            shown.extend_from_slice(
                format!("... ({more} more bytes, {:016x})", self.hash).as_bytes(),
            );
        }
        shown
    }

    /// As text of at most `chars` characters, for people and labels: printable ASCII as it is, but for `"` and `\`, which are
    /// escaped as all other bytes are (`\xff`).
    #[must_use]
    pub fn text(&self, chars: usize) -> String {
        const MORE: &str = "...";
        let mut text = String::new();
        for byte in self.head.iter() {
            match byte {
                b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
                b' '..=b'~' => text.push(char::from(*byte)),
                _ => text.push_str(&format!("\\x{byte:02x}")),
            }
        }
        if text.len() > chars || !self.is_whole() {
            text.truncate(chars.saturating_sub(MORE.len()));
            // Half an escape would be another one, or none.
            if let Some(cut) = text.rfind('\\').filter(|at| text.len() - at < "\\xff".len()) {
                let whole = &text[cut..];
                if whole.len() < 2 || (whole.starts_with("\\x") && whole.len() < 4) {
                    text.truncate(cut);
                }
            }
            text.push_str(MORE);
        }
        text
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hash.to_le_bytes());
        varint::put(out, self.len);
        varint::put_bytes(out, &self.head);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (hash, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        let len = varint::take(bytes)?;
        let head = varint::take_bytes(bytes)?;
        let fits = head.len() as u64 == len.min(HEAD_BYTES_MAX as u64);
        fits.then(|| Self { hash: u64::from_le_bytes(*hash), len, head: head.into() })
    }

    /// The order of ties, the same everywhere.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        (&self.head, self.len, self.hash).cmp(&(&other.head, other.len, other.hash))
    }
}

/// The hash that names a key: eight bytes at a time, multiplied and folded. It is the same on all nodes.
#[must_use]
pub fn hash_of(key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |hash: u64, word: u64| {
        let wide = u128::from(hash ^ word) * u128::from(FACTOR);
        (wide as u64) ^ ((wide >> 64) as u64)
    };
    let (words, rest) = key.as_chunks::<8>();
    let hash =
        words.iter().fold(key.len() as u64, |hash, word| fold(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(fold(hash, u64::from_le_bytes(last)), FACTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> Key {
        Key::new(bytes, hash_of(bytes))
    }

    #[test]
    fn a_long_key_keeps_how_it_begins_and_is_told_from_others_that_begin_so() {
        let long = vec![b'k'; 5 << 20];
        let mut other = long.clone();
        other[5 << 19] = b'x';
        let (one, two) = (key(&long), key(&other));
        assert_eq!(one.head(), two.head());
        assert_ne!(one, two);
        assert!(!one.is_whole() && one.head().len() == HEAD_BYTES_MAX && one.len() == 5 << 20);
        assert!(one.shown().starts_with(b"kkkk") && one.shown().len() < 200);
        assert!(String::from_utf8_lossy(&one.shown()).contains("more bytes"));
        assert!(key(b"short").is_whole() && key(b"short").shown() == b"short");
    }

    #[test]
    fn text_is_printable_and_bounded() {
        assert_eq!(key(b"user:1 a").text(20), "user:1 a");
        assert_eq!(key(b"a\"b\\c\n\xff").text(40), "a\\\"b\\\\c\\x0a\\xff");
        for chars in 3..30 {
            let text = key(&[0xff; 100]).text(chars);
            assert!(text.len() <= chars && text.ends_with("..."), "{text}");
            assert_eq!((text.len() - 3) % 4, 0, "half an escape in {text}");
        }
        assert_eq!(key(&[b'x'; 500]).text(1000).len(), HEAD_BYTES_MAX + 3);
    }

    #[test]
    fn keys_round_trip() {
        for bytes in [&b""[..], b"a", &[0xff; 128], &[7; 129], &[9; 100_000]] {
            let mut out = Vec::new();
            key(bytes).encode(&mut out);
            assert_eq!(Key::decode(&mut &out[..]), Some(key(bytes)));
            for cut in 0..out.len() {
                assert_eq!(Key::decode(&mut &out[..cut]), None);
            }
        }
    }
}
