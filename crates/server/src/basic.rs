//! `Authorization: Basic ...`: the user and the password that a request by HTTP brings along, read and written.

use axum::http::{HeaderMap, header};

/// A user and a password; the header is there and is something else: `Err`.
pub fn of(headers: &HeaderMap) -> Result<Option<(String, String)>, ()> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    parse(value.as_bytes()).map(Some).ok_or(())
}

fn parse(value: &[u8]) -> Option<(String, String)> {
    let (scheme, text) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = String::from_utf8(base64(text.trim_ascii())?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// What the header says for a user and a password.
pub fn authorization(user: &str, password: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = "Basic ".to_owned();
    for three in format!("{user}:{password}").as_bytes().chunks(3) {
        let bits = (0..3)
            .fold(0u32, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at > three.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

/// Decodes base64 (RFC 4648, section 4), with its padding or without.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let text = &text[..text.len() - padding];
    if padding > 2 || text.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for quad in text.chunks(4) {
        let mut bits = 0u32;
        for at in 0..4 {
            bits = bits << 6 | quad.get(at).map_or(Some(0), |byte| sextet(*byte))?;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..quad.len()]);
    }
    Some(bytes)
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_password_are_read_and_anything_else_is_refused() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(parse(b"Basic YWxpY2U6czNj"), pair("alice", "s3c"));
        assert_eq!(parse(b"basic OnA="), pair("", "p"));
        assert_eq!(parse(b"Basic YTpiOmM="), pair("a", "b:c"));
        assert_eq!(parse(b"Basic YTpiOmM"), pair("a", "b:c"));
        for wrong in [
            &b"Basic"[..],
            b"Bearer YTpi",
            b"Basic YWI=",
            b"Basic Y",
            b"Basic Y*==",
            b"Basic YTpi====",
        ] {
            assert_eq!(parse(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (user, password) in [("default", "a"), ("u", "pässword"), ("", "x:y"), ("ab", "")] {
            let pair = Some((user.to_owned(), password.to_owned()));
            assert_eq!(parse(authorization(user, password).as_bytes()), pair);
        }
        assert_eq!(authorization("alice", "s3c"), "Basic YWxpY2U6czNj");
    }

    #[test]
    fn base64_is_decoded_as_the_standard_says() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b"Zg==", b"f"),
            (b"Zm8=", b"fo"),
            (b"Zm9v", b"foo"),
            (b"Zm9vYg==", b"foob"),
            (b"Zm9vYmE=", b"fooba"),
            (b"Zm9vYmFy", b"foobar"),
        ];
        for (text, bytes) in cases {
            assert_eq!(base64(text).as_deref(), Some(bytes));
        }
    }
}
