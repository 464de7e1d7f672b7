//! Numbers to text and back, exactly as Redis reads and spells them, without allocating.

/// The longest text of an i64.
pub const I64_TEXT_MAX: usize = 20;

/// Reads an integer as strictly as Redis: no plus sign, no space, no leading zero, no "-0".
#[must_use]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] => return (!negative).then_some(0),
        [b'1'..=b'9', ..] if digits.len() < I64_TEXT_MAX => {}
        _ => return None,
    }
    let mut n = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 19 digits cannot overflow a u64.
        n = n * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(n) } else { i64::try_from(n).ok() }
}

/// The decimal text of an integer, on the stack.
#[derive(Clone, Copy)]
pub struct I64Text {
    buffer: [u8; I64_TEXT_MAX],
    start: u8,
}

impl I64Text {
    /// Spells `n`.
    #[must_use]
    pub fn new(n: i64) -> Self {
        let mut buffer = [0; I64_TEXT_MAX];
        let mut start = I64_TEXT_MAX;
        let mut rest = n.unsigned_abs();
        loop {
            start -= 1;
            buffer[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if n < 0 {
            start -= 1;
            buffer[start] = b'-';
        }
        Self { buffer, start: start as u8 }
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[usize::from(self.start)..]
    }
}

/// Reads a floating-point number as Redis's `strtod` use does: no spaces, no NaN, infinities allowed.
#[must_use]
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let x: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!x.is_nan()).then_some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_strictly_as_redis_reads_them() {
        for n in [0, 1, -1, 9, 10, -10, i64::MAX, i64::MIN, 1234567890] {
            let text = I64Text::new(n);
            assert_eq!(text.as_bytes(), n.to_string().as_bytes());
            assert_eq!(parse_i64(text.as_bytes()), Some(n));
        }
        for bad in ["", "-", "-0", "+1", " 1", "1 ", "01", "1a", "9223372036854775808"] {
            assert_eq!(parse_i64(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse_i64(b"-9223372036854775809"), None);
        assert_eq!(parse_i64(b"99999999999999999999"), None);
    }
}
