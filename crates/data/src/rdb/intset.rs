//! Redis's intset: integers of one width, sorted.
//!
//! ```text
//! width u32 | integers u32 | integer of that many bytes | ...
//! ```

/// The integers of an intset that may be anything; `None` when it is malformed.
pub(super) fn open(bytes: &[u8]) -> Option<impl Iterator<Item = i64> + '_> {
    let (width, rest) = bytes.split_first_chunk::<4>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let width = u32::from_le_bytes(*width) as usize;
    let fits = matches!(width, 2 | 4 | 8)
        && (u32::from_le_bytes(*count) as usize).checked_mul(width) == Some(rest.len());
    fits.then(|| {
        rest.chunks_exact(width).map(move |content| {
            let mut le = if content[width - 1] & 0x80 == 0 { [0; 8] } else { [0xff; 8] };
            le[..width].copy_from_slice(content);
            i64::from_le_bytes(le)
        })
    })
}
