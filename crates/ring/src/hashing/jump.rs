//! Jump consistent hashing: buckets numbered from 0, of which the last one may come or go.
//!
//! Source: Lamping, Veach 2014, "A Fast, Minimal Memory, Consistent Hash Algorithm". The paper divides in floating
//! point; its figures are part of what others compute, so this does too: IEEE 754 leaves one result for each step.

/// The bucket of `key`, below `buckets`; `None` when there is none.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub fn jump(mut key: u64, buckets: u32) -> Option<u32> {
    let mut bucket = None;
    let mut next: u64 = 0;
    while next < u64::from(buckets) {
        bucket = Some(next as u32);
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let step = (1u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        // At most 2^32 * 2^31: exact enough, and it fits.
        next = ((next + 1) as f64 * step) as u64;
    }
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_those_that_others_compute() {
        // From the implementations in Guava and in Go that are widely used.
        let cases = [
            (1, 1, 0),
            (42, 57, 43),
            (0xDEAD_10CC, 1, 0),
            (0xDEAD_10CC, 666, 361),
            (256, 1024, 520),
            (0, 1000, 0),
        ];
        for (key, buckets, bucket) in cases {
            assert_eq!(jump(key, buckets), Some(bucket), "{key} of {buckets}");
        }
        assert_eq!(jump(7, 0), None);
        assert!(jump(u64::MAX, u32::MAX).is_some());
    }
}
