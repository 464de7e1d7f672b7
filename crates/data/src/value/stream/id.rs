//! The id of a stream entry: a time in milliseconds and a sequence number within it.

/// See the module. Ids order as (time, sequence).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    /// Unix time in milliseconds, or whatever the client takes for it.
    pub ms: u64,
    /// Tells entries of one millisecond apart.
    pub seq: u64,
}

/// The text of an id, `ms-seq`, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    text: [u8; 41],
    /// Where the text begins; it reaches to the end.
    start: usize,
}

impl IdText {
    /// The bytes of the text.
    #[must_use]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[self.start..]
    }

    fn prepend(&mut self, mut n: u64) {
        loop {
            self.start -= 1;
            self.text[self.start] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
    }
}

impl StreamId {
    /// The lowest id. No entry has it.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The highest id.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// The id after this one, if there is one.
    #[must_use]
    pub(crate) const fn next(self) -> Option<Self> {
        match (self.seq.checked_add(1), self.ms.checked_add(1)) {
            (Some(seq), _) => Some(Self { ms: self.ms, seq }),
            (None, Some(ms)) => Some(Self { ms, seq: 0 }),
            (None, None) => None,
        }
    }

    /// The id before this one, if there is one.
    #[must_use]
    pub(crate) const fn prev(self) -> Option<Self> {
        match (self.seq.checked_sub(1), self.ms.checked_sub(1)) {
            (Some(seq), _) => Some(Self { ms: self.ms, seq }),
            (None, Some(ms)) => Some(Self { ms, seq: u64::MAX }),
            (None, None) => None,
        }
    }

    /// Reads `ms` or `ms-seq`; the sequence number is `None` when it is not there.
    #[must_use]
    pub(crate) fn parse(text: &[u8]) -> Option<(u64, Option<u64>)> {
        match text.iter().position(|b| *b == b'-') {
            Some(at) => Some((number(&text[..at])?, Some(number(&text[at + 1..])?))),
            None => Some((number(text)?, None)),
        }
    }

    /// The text.
    #[must_use]
    pub(crate) fn text(self) -> IdText {
        let mut text = IdText { text: [b'-'; 41], start: 41 };
        text.prepend(self.seq);
        text.start -= 1;
        text.prepend(self.ms);
        text
    }
}

/// Reads digits, and nothing else, as a number of 64 bits.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_spelled_and_read() {
        for (id, text) in [
            (StreamId::MIN, "0-0"),
            (StreamId { ms: 1, seq: 20 }, "1-20"),
            (StreamId::MAX, "18446744073709551615-18446744073709551615"),
        ] {
            assert_eq!(id.text().as_bytes(), text.as_bytes());
            assert_eq!(StreamId::parse(text.as_bytes()), Some((id.ms, Some(id.seq))));
        }
        assert_eq!(StreamId::parse(b"7"), Some((7, None)));
        for text in ["", "-", "1-", "-1", "1-2-3", "a", "1-a", "+1", "18446744073709551616"] {
            assert_eq!(StreamId::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn next_and_prev_carry_over() {
        let edge = StreamId { ms: 4, seq: u64::MAX };
        assert_eq!(edge.next(), Some(StreamId { ms: 5, seq: 0 }));
        assert_eq!(StreamId { ms: 5, seq: 0 }.prev(), Some(edge));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::MIN.prev(), None);
    }
}
