//! What a sector looks like when it was never written, and how written ones are kept from looking so.
//!
//! Segments are zeroed before use, so a sector that a crash swallowed reads as zeros. For the reverse to
//! hold as well, no sector of a batch may be zeros by itself: a batch that would have such a sector is
//! XORed with a word that prevents it. Recovery can then say "this sector was never written" for sure.

use crate::disk::SECTOR_BYTES;
use std::collections::BTreeSet;

/// Every written sector holds at least this many bytes that are not zero, so that no damage to fewer
/// bytes makes it look unwritten.
pub(crate) const NONZERO_MIN: usize = 8;

/// Rounds up to whole sectors.
pub(crate) const fn round_up(bytes: usize) -> usize {
    bytes.div_ceil(SECTOR_BYTES) * SECTOR_BYTES
}

/// Whether there is nothing but zeros.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().all(|word| *word == [0; 8]) && rest.iter().all(|byte| *byte == 0)
}

/// Whether some whole sector of `bytes` is nothing but zeros.
pub(crate) fn has_zero_sector(bytes: &[u8]) -> bool {
    bytes.chunks(SECTOR_BYTES).any(is_zero)
}

/// Whether the sector would have too few non-zero bytes once XORed with `mask`.
fn is_thin(sector: &[u8], mask: u64) -> bool {
    let mut nonzero = 0;
    for word in sector.as_chunks::<8>().0 {
        let bytes = (u64::from_le_bytes(*word) ^ mask).to_le_bytes();
        nonzero += bytes.iter().filter(|byte| **byte != 0).count();
        if nonzero >= NONZERO_MIN {
            return false;
        }
    }
    true
}

/// The one word that most of a sector's words may equal (Boyer and Moore's majority vote). If the sector
/// is thin for any mask, it is this one: all but `NONZERO_MIN - 1` of its words equal the mask then.
fn majority(sector: &[u8]) -> u64 {
    let (mut word_most, mut lead) = (0, 0u32);
    for word in sector.as_chunks::<8>().0 {
        let word = u64::from_le_bytes(*word);
        if lead == 0 {
            word_most = word;
        }
        if word == word_most { lead += 1 } else { lead -= 1 }
    }
    word_most
}

/// A word that leaves no sector of `bytes` thin; 0 if none is thin as it is.
///
/// Each sector rules out one word at most, so a word is found, and in time that grows with the length
/// only, whatever a client put into its values.
pub(crate) fn choose_mask(bytes: &[u8]) -> u64 {
    if !bytes.chunks(SECTOR_BYTES).any(|sector| is_thin(sector, 0)) {
        return 0;
    }
    let majorities = bytes.chunks(SECTOR_BYTES).map(|sector| (sector, majority(sector)));
    let ruled_out: BTreeSet<u64> =
        majorities.filter(|(sector, word)| is_thin(sector, *word)).map(|(_, word)| word).collect();
    let mut mask = 0u64;
    while ruled_out.contains(&mask) {
        // An odd step visits every word before it repeats one.
        mask = mask.wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
    mask
}

/// XORs every word with `mask`; doing it twice changes nothing.
pub(crate) fn apply_mask(bytes: &mut [u8], mask: u64) {
    if mask == 0 {
        return;
    }
    for word in bytes.as_chunks_mut::<8>().0 {
        *word = (u64::from_le_bytes(*word) ^ mask).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_found_for_sectors_made_to_defeat_it() {
        assert_eq!(choose_mask(&[7; SECTOR_BYTES]), 0);
        let mut bytes = Vec::new();
        let mut word = 0u64;
        for _ in 0..40 {
            for _ in 0..SECTOR_BYTES / 8 {
                bytes.extend_from_slice(&word.to_le_bytes());
            }
            word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
        let mask = choose_mask(&bytes);
        assert_eq!(mask, word);
        let before = bytes.clone();
        apply_mask(&mut bytes, mask);
        for sector in bytes.chunks(SECTOR_BYTES) {
            assert!(sector.iter().filter(|byte| **byte != 0).count() >= NONZERO_MIN);
        }
        apply_mask(&mut bytes, mask);
        assert_eq!(bytes, before);
    }
}
