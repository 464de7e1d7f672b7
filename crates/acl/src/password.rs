//! What is known of a password.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::hint::black_box;

/// The SHA-256 of a password.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub(crate) [u8; Self::BYTES]);

impl Digest {
    pub(crate) const BYTES: usize = 32;

    /// That of a password.
    #[must_use]
    pub fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// Reads 64 hexadecimal digits in lower case, as access lists are written.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != 2 * Self::BYTES {
            return None;
        }
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; Self::BYTES];
        for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// Whether both are the same. How long this takes says nothing of where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        let differing = self.0.iter().zip(&other.0).fold(0, |all, (a, b)| black_box(all | (a ^ b)));
        differing == 0
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A digest is no secret by itself, but nobody needs it in a log of what went wrong.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_redis_writes() {
        let pw = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4";
        let digest = Digest::of(b"pw");
        assert_eq!(digest.to_string(), pw);
        assert_eq!(Digest::parse(pw.as_bytes()), Some(digest));
        assert!(digest.matches(&Digest::of(b"pw")) && !digest.matches(&Digest::of(b"pW")));
        for wrong in [&pw[1..], &pw.to_uppercase(), &format!("{pw}0"), &format!("g{}", &pw[1..])] {
            assert_eq!(Digest::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
