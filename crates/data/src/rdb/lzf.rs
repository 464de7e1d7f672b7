//! LZF, in which Redis compresses long strings: runs of literal bytes, and references to what came before.

/// Unpacks into exactly `len` bytes; `None` when the input gives anything else.
pub(super) fn unpack(mut packed: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(len);
    while let [control, rest @ ..] = packed {
        packed = rest;
        let control = usize::from(*control);
        if control < 32 {
            let (literal, rest) = packed.split_at_checked(control + 1)?;
            out.extend_from_slice(literal);
            packed = rest;
        } else {
            let mut copied = control >> 5;
            if copied == 7 {
                copied += usize::from(take(&mut packed)?);
            }
            let back = ((control & 0x1f) << 8 | usize::from(take(&mut packed)?)) + 1;
            let from = out.len().checked_sub(back)?;
            // What is copied may overlap what it makes.
            for at in from..from + copied + 2 {
                out.push(out[at]);
            }
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

fn take(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::unpack;

    #[test]
    fn literals_and_references() {
        assert_eq!(unpack(b"\x02abc", 3).as_deref(), Some(&b"abc"[..]));
        // "a", then 9 bytes from 1 back: 7 + 0 + 2.
        assert_eq!(unpack(b"\x00a\xe0\x00\x00", 10).as_deref(), Some(&b"aaaaaaaaaa"[..]));
        assert_eq!(unpack(b"\x01ab\x20\x01", 5).as_deref(), Some(&b"ababa"[..]));
        assert_eq!(unpack(b"", 0).as_deref(), Some(&b""[..]));
    }

    #[test]
    fn anything_else_is_refused() {
        for (packed, len) in [
            (&b"\x02ab"[..], 3),
            (b"\x02abc", 2),
            (b"\x02abc", 4),
            (b"\x20\x00", 3),
            (b"\x00a\xe0", 10),
            (b"\x00a\x20", 4),
        ] {
            assert_eq!(unpack(packed, len), None, "{packed:?}");
        }
    }
}
