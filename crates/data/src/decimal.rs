//! Decimal addition for INCRBYFLOAT and HINCRBYFLOAT.
//!
//! Redis adds in the processor's 80-bit format, which not every processor has and Rust does not offer.
//! What clients see of that is decimal text rounded to 17 places, so ordinary numbers are added here as
//! decimals, exactly: 0.1 + 0.2 is 0.3 as in Redis, and on every machine alike. Numbers of more than 18
//! digits, with an exponent or infinite are added as f64, whose last digit can differ from Redis's.

use crate::error::{Failure, NAN_OR_INFINITY, NOT_FLOAT};
use crate::number::parse_f64;

/// How many decimal places are kept, as in Redis (`%.17Lf`).
const PLACES: usize = 17;
/// The most digits of a number that is added exactly: 10^18 * 10^17 is far below i128's range.
const DIGITS_MAX: usize = 18;

/// The sum of two numbers in text, spelled as Redis does: no exponent, no trailing zero.
///
/// # Errors
/// `NOT_FLOAT` when either is no number, `NAN_OR_INFINITY` when the sum is none.
pub fn add(a: &[u8], b: &[u8]) -> Result<String, Failure> {
    if let (Some(a), Some(b)) = (parse(a), parse(b)) {
        return Ok(spell(a + b));
    }
    let sum = parse_f64(a).ok_or(NOT_FLOAT)? + parse_f64(b).ok_or(NOT_FLOAT)?;
    if !sum.is_finite() {
        return Err(NAN_OR_INFINITY);
    }
    // The shortest text that reads back as the same number, unless that has more places than Redis keeps.
    let shortest = sum.to_string();
    let places = shortest.find('.').map_or(0, |point| shortest.len() - point - 1);
    Ok(trimmed(if places > PLACES { format!("{sum:.PLACES$}") } else { shortest }))
}

/// A plain decimal as a count of 10^-17; `None` when it is not plain or has too many digits.
fn parse(text: &[u8]) -> Option<i128> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let point = text.iter().position(|b| *b == b'.').unwrap_or(text.len());
    let places = text.len().saturating_sub(point + 1);
    let digits = text.len() - usize::from(point < text.len());
    if digits == 0 || digits > DIGITS_MAX || places > PLACES {
        return None;
    }
    let mut n = 0i128;
    for byte in text[..point].iter().chain(text.get(point + 1..).unwrap_or(&[])) {
        n = n * 10 + i128::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    n *= 10i128.pow((PLACES - places) as u32);
    Some(if negative { -n } else { n })
}

fn spell(n: i128) -> String {
    let unit = 10u128.pow(PLACES as u32);
    let sign = if n < 0 { "-" } else { "" };
    let (whole, fraction) = (n.unsigned_abs() / unit, n.unsigned_abs() % unit);
    trimmed(format!("{sign}{whole}.{fraction:0PLACES$}"))
}

fn trimmed(mut text: String) -> String {
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if text == "-0" { "0".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_spelled_as_redis_spells_them() {
        for (a, b, expected) in [
            ("0.1", "0.2", "0.3"),
            ("10.5", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3", "0.0", "3"),
            ("-1", "1", "0"),
            ("-0", "-0", "0"),
            ("1.5", "17179869184", "17179869185.5"),
            ("0.00000000000000001", "0", "0.00000000000000001"),
            ("1e-20", "0", "0"),
            ("1", "-1.1", "-0.1"),
            ("1e30", "0", "1000000000000000000000000000000"),
        ] {
            assert_eq!(add(a.as_bytes(), b.as_bytes()).as_deref(), Ok(expected), "{a} + {b}");
        }
        assert_eq!(add(b"", b"1"), Err(NOT_FLOAT));
        assert_eq!(add(b".", b"1"), Err(NOT_FLOAT));
        assert_eq!(add(b"nan", b"1"), Err(NOT_FLOAT));
        assert_eq!(add(b"1 ", b"1"), Err(NOT_FLOAT));
        assert_eq!(add(b"inf", b"1"), Err(NAN_OR_INFINITY));
        assert_eq!(add(b"1e308", b"1e308"), Err(NAN_OR_INFINITY));
    }
}
