//! Floating-point numbers as Redis 7.2 and later spell them: the shortest digits that read back as the
//! same number, with an exponent only where it saves zeros. (Redis 7.0 printed 17 digits, so that 3.1
//! became 3.1000000000000001.)

/// The longest text: sign, 17 digits, seven zeros.
const TEXT_BYTES_MAX: usize = 32;

/// Whole numbers up to here are written out. (Redis: `LLONG_MAX / 2`, as a double.)
const INTEGER_MAX: f64 = (1u64 << 62) as f64;

/// The text of an f64, on the stack.
#[derive(Clone, Copy)]
pub struct DoubleText {
    buffer: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl DoubleText {
    /// Spells `x`.
    #[must_use]
    pub fn new(x: f64) -> Self {
        let mut text = Self { buffer: [0; TEXT_BYTES_MAX], len: 0 };
        if x.is_nan() {
            text.put(b"nan");
            return text;
        }
        if x.is_sign_negative() {
            text.put(b"-");
        }
        let magnitude = x.abs();
        if magnitude.is_infinite() {
            text.put(b"inf");
        } else if magnitude <= INTEGER_MAX && magnitude.fract() == 0.0 {
            text.put(itoa::Buffer::new().format(magnitude as u64).as_bytes());
        } else {
            text.put_shortest(magnitude);
        }
        text
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    fn put(&mut self, bytes: &[u8]) {
        self.buffer[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn put_zeros(&mut self, count: usize) {
        self.buffer[self.len..self.len + count].fill(b'0');
        self.len += count;
    }

    /// `x` is positive and finite. The rules are those of the `fpconv` library that Redis uses.
    fn put_shortest(&mut self, x: f64) {
        let decimal = Decimal::new(x);
        let digits = decimal.digits();
        let count = digits.len() as i32;
        let exponent = decimal.scale + count - 1;
        let scale = decimal.scale;
        if scale >= 0 && exponent < count + 7 {
            self.put(digits);
            self.put_zeros(scale as usize);
        } else if scale < 0 && (scale > -7 || exponent.abs() < 4) {
            let whole = count + scale;
            if whole <= 0 {
                self.put(b"0.");
                self.put_zeros(-whole as usize);
                self.put(digits);
            } else {
                let (whole, fraction) = digits.split_at(whole as usize);
                self.put(whole);
                self.put(b".");
                self.put(fraction);
            }
        } else {
            self.put(&digits[..1]);
            if count > 1 {
                self.put(b".");
                self.put(&digits[1..]);
            }
            self.put(if exponent < 0 { b"e-" } else { b"e+" });
            self.put(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
        }
    }
}

/// The number `digits * 10^scale`, without leading or trailing zeros in `digits`.
struct Decimal {
    buffer: [u8; 20],
    len: usize,
    scale: i32,
}

impl Decimal {
    /// Takes the shortest decimal apart. `x` is positive and finite.
    fn new(x: f64) -> Self {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(x).as_bytes();
        let mut decimal = Self { buffer: [0; 20], len: 0, scale: 0 };
        let mut rest = text.iter();
        let mut in_fraction = false;
        for byte in rest.by_ref() {
            match byte {
                b'.' => in_fraction = true,
                b'e' | b'E' => break,
                digit => {
                    decimal.scale -= i32::from(in_fraction);
                    decimal.push(*digit);
                }
            }
        }
        decimal.scale += exponent(rest.as_slice());
        while decimal.len > 1 && decimal.buffer[decimal.len - 1] == b'0' {
            decimal.len -= 1;
            decimal.scale += 1;
        }
        decimal
    }

    fn push(&mut self, digit: u8) {
        if self.len == 0 && digit == b'0' {
            return;
        }
        if self.len < self.buffer.len() {
            self.buffer[self.len] = digit;
            self.len += 1;
        } else {
            // A shortest decimal has 17 digits, so what does not fit is a zero before the point.
            self.scale += 1;
        }
    }

    fn digits(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

fn exponent(text: &[u8]) -> i32 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let n = digits.iter().fold(0, |n, digit| n * 10 + i32::from(digit - b'0'));
    if negative { -n } else { n }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(x: f64) -> String {
        String::from_utf8(DoubleText::new(x).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn doubles_are_spelled_as_redis_spells_them() {
        for (x, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (3.1, "3.1"),
            (-2.5, "-2.5"),
            (100.0, "100"),
            (0.1, "0.1"),
            (0.001, "0.001"),
            (0.000001, "0.000001"),
            (0.0000001, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (1e15, "1000000000000000"),
            (1e17, "100000000000000000"),
            (4611686018427387904.0, "4611686018427387904"),
            (-5e18, "-5e+18"),
            (1.25e25, "1.25e+25"),
            (1e100, "1e+100"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (9007199254740993.0, "9007199254740992"),
        ] {
            assert_eq!(text(x), expected);
        }
    }

    proptest! {
        #[test]
        fn every_double_reads_back_as_itself(bits in any::<u64>()) {
            let x = f64::from_bits(bits);
            prop_assume!(!x.is_nan());
            prop_assert_eq!(text(x).parse::<f64>().unwrap().to_bits(), x.to_bits());
        }

        #[test]
        fn ordinary_doubles_read_back_too(n in -1_000_000_000i64..1_000_000_000, scale in 0i32..12) {
            let x = n as f64 / 10f64.powi(scale);
            prop_assert_eq!(text(x).parse::<f64>().unwrap(), x);
        }
    }
}
