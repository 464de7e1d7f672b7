//! The numbers inside RESP headers, as strict as Redis reads them: no plus sign, no leading zero, no
//! space.

/// Reads a whole decimal i64; `None` when the text is anything else.
pub(super) fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // Accumulated below zero, where the range is wider by one.
    let mut n = 0i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        n = n.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    if negative { Some(n) } else { n.checked_neg() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_numbers_are_read() {
        for n in [0, 1, -1, 9, 10, 512 << 20, i64::MAX, i64::MIN] {
            assert_eq!(parse_i64(n.to_string().as_bytes()), Some(n));
        }
        for text in ["", "-", "-0", "+1", "01", "1 ", " 1", "1a", "9223372036854775808", "--1"] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
    }
}
