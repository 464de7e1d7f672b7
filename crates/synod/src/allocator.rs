//! The allocator of the program.

use libmimalloc_sys as sys;

/// Keys and values are many small allocations of few sizes: mimalloc packs them closer and faster than the system's
/// allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A process that may have less memory than this gives back at once what it frees, in bytes.
const LITTLE_BYTES: u64 = 2 << 30;
/// `mi_option_purge_delay` of mimalloc 3 (its mimalloc.h): how long what was freed is kept for the next who ask, in milliseconds.
const PURGE_DELAY: sys::mi_option_t = 15;

/// Freed memory goes back to the system at once where the process may have so little that it is missed; 0 bytes: nobody
/// knows. Elsewhere it is kept for a while, which is faster.
pub fn fit_into(bytes: u64) {
    if bytes != 0 && bytes < LITTLE_BYTES {
        #[expect(unsafe_code, reason = "a setting that mimalloc's crate has no safe function for")]
        // SAFETY: it stores a number in a table of the allocator, at any time and from any thread.
        unsafe {
            sys::mi_option_set(PURGE_DELAY, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(unsafe_code, reason = "as above")]
    fn delay() -> i64 {
        // SAFETY: as above, and it reads.
        unsafe { sys::mi_option_get(PURGE_DELAY) as i64 }
    }

    #[test]
    fn what_is_freed_is_kept_only_where_there_is_enough() {
        let before = delay();
        assert!(before > 0, "{before}");
        fit_into(0);
        fit_into(LITTLE_BYTES);
        assert_eq!(delay(), before);
        fit_into(LITTLE_BYTES - 1);
        assert_eq!(delay(), 0);
    }
}
