//! Numbers as C's `printf` spells them with `%.17g` and `%.14g`: the first is how a number becomes an argument of a
//! command, the second how JSON gets it.

/// `x` with this many significant digits, without trailing zeros, with an exponent where C has one.
pub(crate) fn general(x: f64, digits: usize) -> String {
    if x.is_nan() {
        return if x.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if x.is_infinite() {
        return if x < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    if x == 0.0 {
        return if x.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{:.*e}", digits - 1, x);
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs());
    }
    let places = (digits as i32 - 1 - exponent).max(0) as usize;
    trimmed(&format!("{x:.places$}")).to_owned()
}

fn trimmed(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

/// A number as C turns it into a `long long` on the processors that Redis runs on: what does not fit is the smallest.
pub(crate) fn truncated(x: f64) -> i64 {
    // The bounds are exact as doubles: -2^63 fits, 2^63 does not.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x) {
        x as i64
    } else {
        i64::MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelled_as_printf_spells_them() {
        let cases: [(f64, usize, &str); 14] = [
            (0.0, 17, "0"),
            (-0.0, 17, "-0"),
            (3.0, 17, "3"),
            (0.1, 17, "0.10000000000000001"),
            (0.1, 14, "0.1"),
            (3.9, 17, "3.8999999999999999"),
            (1e15, 17, "1000000000000000"),
            (1e17, 17, "1e+17"),
            (1e14, 14, "1e+14"),
            (1.5e300, 17, "1.5000000000000001e+300"),
            (0.0001, 14, "0.0001"),
            (0.00001, 14, "1e-05"),
            (f64::INFINITY, 17, "inf"),
            (9.999_999_999_999_99e22, 14, "1e+23"),
        ];
        for (x, digits, want) in cases {
            assert_eq!(general(x, digits), want);
        }
    }

    #[test]
    fn what_does_not_fit_becomes_the_smallest_integer() {
        assert_eq!(truncated(3.99), 3);
        assert_eq!(truncated(-3.99), -3);
        for x in [f64::NAN, f64::INFINITY, 1e300, 9_223_372_036_854_775_808.0] {
            assert_eq!(truncated(x), i64::MIN);
        }
    }
}
