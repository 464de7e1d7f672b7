//! How often each error was answered, by its code: the first word of the error.

use std::collections::BTreeMap;

/// The most codes that are told apart; the errors of further ones are only summed up (Redis: 128).
const CODES_MAX: usize = 128;
/// The longest code.
const CODE_BYTES_MAX: usize = 32;

/// Counts of errors. `total` is at least the sum of `by_code`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorCounts {
    /// By their codes.
    pub by_code: BTreeMap<String, u64>,
    /// All of them.
    pub total: u64,
}

impl ErrorCounts {
    /// Counts a reply if it is an error.
    #[inline]
    pub fn note(&mut self, reply: &[u8]) {
        if reply.first() == Some(&b'-') {
            self.note_error(&reply[1..]);
        }
    }

    #[cold]
    fn note_error(&mut self, text: &[u8]) {
        self.total += 1;
        let len = text.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(text.len());
        if let Ok(code) = std::str::from_utf8(&text[..len.min(CODE_BYTES_MAX)]) {
            self.add(code, 1);
        }
    }

    /// Adds `times` errors of a code, without counting them in the total.
    pub fn add(&mut self, code: &str, times: u64) {
        if let Some(count) = self.by_code.get_mut(code) {
            *count += times;
        } else if self.by_code.len() < CODES_MAX {
            self.by_code.insert(code.to_owned(), times);
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        self.total += other.total;
        other.by_code.iter().for_each(|(code, times)| self.add(code, *times));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_their_first_word() {
        let mut counts = ErrorCounts::default();
        for reply in
            [&b"-ERR syntax error\r\n"[..], b"+OK\r\n", b"-ERR other\r\n", b"-NOSCRIPT\r\n", b""]
        {
            counts.note(reply);
        }
        let expected = [("ERR".to_owned(), 2), ("NOSCRIPT".to_owned(), 1)];
        assert_eq!(counts.by_code.clone().into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(counts.total, 3);
        for n in 0..2 * CODES_MAX {
            counts.note(format!("-CODE{n} text").as_bytes());
        }
        assert_eq!(counts.by_code.len(), CODES_MAX);
        assert_eq!(counts.total, 3 + 2 * CODES_MAX as u64);
    }
}
