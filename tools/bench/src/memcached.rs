//! Memcached's text protocol: `set` and `get`.

use crate::driver::{Outcome, Protocol, Reply};
use crate::keys::key;
use crate::workload::{Action, Request};

/// The text protocol.
pub struct Memcached;

impl Protocol for Memcached {
    fn put(&self, request: Request, out: &mut Vec<u8>) {
        let key = key(request.key);
        let size = match request.action {
            Action::Get => {
                out.extend_from_slice(b"get ");
                out.extend_from_slice(&key);
                out.extend_from_slice(b"\r\n");
                return;
            }
            Action::Set { size } => size,
            // There are no collections here; their name stands for a string of ten elements.
            Action::Collect(_) => 100,
        };
        out.extend_from_slice(b"set ");
        out.extend_from_slice(&key);
        out.extend_from_slice(format!(" 0 0 {size}\r\n").as_bytes());
        out.resize(out.len() + size, b'x');
        out.extend_from_slice(b"\r\n");
    }

    fn take(&self, input: &[u8]) -> Option<Reply> {
        let whole = input.iter().position(|byte| *byte == b'\n')? + 1;
        let line = input[..whole].trim_ascii_end();
        if let Some(value) = line.strip_prefix(b"VALUE ") {
            let size = value.rsplit(|byte| *byte == b' ').next()?;
            let size: usize = std::str::from_utf8(size).ok()?.parse().ok()?;
            let len = whole + size + b"\r\nEND\r\n".len();
            return (input.len() >= len).then_some(Reply { len, outcome: Outcome::Good });
        }
        let outcome = match line {
            b"STORED" => Outcome::Good,
            b"END" => Outcome::Missing,
            _ => Outcome::Refused,
        };
        Some(Reply { len: whole, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_taken_whole_or_not_at_all() {
        let cases: [(&[u8], Outcome); 4] = [
            (b"STORED\r\n", Outcome::Good),
            (b"VALUE key 0 3\r\nabc\r\nEND\r\n", Outcome::Good),
            (b"END\r\n", Outcome::Missing),
            (b"SERVER_ERROR out of memory\r\n", Outcome::Refused),
        ];
        for (bytes, outcome) in cases {
            let longer = [bytes, b"END\r\n"].concat();
            assert_eq!(Memcached.take(&longer), Some(Reply { len: bytes.len(), outcome }));
            for cut in 0..bytes.len() {
                assert_eq!(Memcached.take(&bytes[..cut]), None);
            }
        }
    }
}
