//! RESP: requests out, replies counted. Replies of collections are not asked for and not understood.

use crate::driver::{Outcome, Protocol, Reply};
use crate::keys::key;
use crate::workload::{Action, ELEMENTS, Kind, Request};

/// Redis's protocol, version 2.
pub struct Resp;

impl Protocol for Resp {
    fn put(&self, request: Request, out: &mut Vec<u8>) {
        let key = key(request.key);
        match request.action {
            Action::Get => command(out, &[b"GET", &key]),
            Action::Set { size } => {
                head(out, 3);
                bulk(out, b"SET");
                bulk(out, &key);
                number(out, b'$', size);
                out.resize(out.len() + size, b'x');
                out.extend_from_slice(b"\r\n");
            }
            Action::Collect(kind) => collect(out, kind, request.key, &key),
        }
    }

    fn take(&self, input: &[u8]) -> Option<Reply> {
        let line = input.iter().position(|byte| *byte == b'\n')?;
        let whole = line + 1;
        let text = input[1..line].trim_ascii_end();
        match input[0] {
            b'$' if text == b"-1" => Some(Reply { len: whole, outcome: Outcome::Missing }),
            b'$' => {
                let size: usize = std::str::from_utf8(text).ok()?.parse().ok()?;
                let len = whole + size + 2;
                (input.len() >= len).then_some(Reply { len, outcome: Outcome::Good })
            }
            b'-' => Some(Reply { len: whole, outcome: Outcome::Refused }),
            _ => Some(Reply { len: whole, outcome: Outcome::Good }),
        }
    }
}

/// Appends one command.
pub fn command(out: &mut Vec<u8>, args: &[&[u8]]) {
    head(out, args.len());
    args.iter().for_each(|arg| bulk(out, arg));
}

fn head(out: &mut Vec<u8>, args: usize) {
    number(out, b'*', args);
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn number(out: &mut Vec<u8>, kind: u8, n: usize) {
    let mut digits = [0u8; 20];
    let (mut at, mut rest) = (digits.len(), n);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

/// A command that writes ten elements: members `member:<n>`, values and scores that differ by key.
fn collect(out: &mut Vec<u8>, kind: Kind, n: u32, key: &[u8]) {
    let (name, width): (&[u8], usize) = match kind {
        Kind::Hash => (b"HSET", 2),
        Kind::List => (b"RPUSH", 1),
        Kind::Set => (b"SADD", 1),
        Kind::Zset => (b"ZADD", 2),
        Kind::String => (b"APPEND", 1),
    };
    head(out, 2 + width * ELEMENTS as usize);
    bulk(out, name);
    bulk(out, key);
    for element in 0..ELEMENTS {
        let member = format!("member:{element}");
        let other = format!("{}", u64::from(n) * 10 + u64::from(element));
        match kind {
            Kind::Hash => {
                bulk(out, member.as_bytes());
                bulk(out, other.as_bytes());
            }
            Kind::Zset => {
                bulk(out, other.as_bytes());
                bulk(out, member.as_bytes());
            }
            _ => bulk(out, format!("{member}:{n}").as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spelled_as_redis_reads_them() {
        let mut out = Vec::new();
        Resp.put(Request { key: 7, action: Action::Get }, &mut out);
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000007\r\n");
        out.clear();
        Resp.put(Request { key: 7, action: Action::Set { size: 3 } }, &mut out);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000007\r\n$3\r\nxxx\r\n");
        out.clear();
        Resp.put(Request { key: 7, action: Action::Collect(Kind::Hash) }, &mut out);
        assert!(out.starts_with(b"*22\r\n$4\r\nHSET\r\n"));
        assert_eq!(out.iter().filter(|byte| **byte == b'$').count(), 22);
    }

    #[test]
    fn replies_are_taken_whole_or_not_at_all() {
        let cases: [(&[u8], Outcome); 5] = [
            (b"+OK\r\n", Outcome::Good),
            (b":12\r\n", Outcome::Good),
            (b"$3\r\nabc\r\n", Outcome::Good),
            (b"$-1\r\n", Outcome::Missing),
            (b"-ERR no\r\n", Outcome::Refused),
        ];
        for (bytes, outcome) in cases {
            let longer = [bytes, b"+next\r\n"].concat();
            assert_eq!(Resp.take(&longer), Some(Reply { len: bytes.len(), outcome }));
            for cut in 0..bytes.len() {
                assert_eq!(Resp.take(&bytes[..cut]), None);
            }
        }
    }
}
