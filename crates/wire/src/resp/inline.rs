//! Inline commands: words and quotes, for people with telnet. Same rules as Redis's `sdssplitargs`,
//! except that a zero byte is a byte like any other: Redis stops reading the line there and waits for
//! ever.

use super::ProtocolError;
use super::decode::Span;

/// Splits a line (without its end) into words. The words, unquoted, are put one behind the other into
/// `words`, and where each lies into `spans`. Both are left half filled when quotes are unbalanced.
pub(super) fn split_words(
    line: &[u8],
    words: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<(), ProtocolError> {
    let mut rest = line;
    loop {
        rest = trim_start(rest);
        if rest.is_empty() {
            return Ok(());
        }
        let start = words.len();
        rest = word(rest, words).ok_or(ProtocolError::UnbalancedQuotes)?;
        spans.push(Span::new(start, words.len() - start));
    }
}

/// Takes one word off the front and returns what is left; `None` when quotes are unbalanced.
fn word<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [b'"', tail @ ..] => return closed(double_quoted(tail, words)?),
            [b'\'', tail @ ..] => return closed(single_quoted(tail, words)?),
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Some(rest),
            [byte, tail @ ..] => {
                words.push(*byte);
                rest = tail;
            }
        }
    }
}

/// A closing quote must be followed by a space or by nothing at all.
fn closed(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|byte| is_space(*byte)).then_some(rest)
}

fn single_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [b'\\', b'\'', tail @ ..] => {
                words.push(b'\'');
                rest = tail;
            }
            [b'\'', tail @ ..] => return Some(tail),
            [] => return None,
            [byte, tail @ ..] => {
                words.push(*byte);
                rest = tail;
            }
        }
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                words.push(hex_digit(*high) << 4 | hex_digit(*low));
                rest = tail;
            }
            [b'\\', byte, tail @ ..] => {
                words.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest = tail;
            }
            [b'"', tail @ ..] => return Some(tail),
            [] => return None,
            [byte, tail @ ..] => {
                words.push(*byte);
                rest = tail;
            }
        }
    }
}

const fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}

/// C's `isspace`, which unlike `is_ascii_whitespace` counts the vertical tab.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| !is_space(*b)).unwrap_or(bytes.len());
    &bytes[start..]
}
