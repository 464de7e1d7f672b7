//! Bugs planted on purpose. The simulator must find every one of them, which is the test of the simulator.
//!
//! Only a build with `--cfg synod_plants` has them, for `synod sim --plant` and `cargo xtask plants`. In every other
//! build [`planted`] is the constant `false`, and the compiler leaves out what stands behind it.

#[cfg(synod_plants)]
pub use selection::{planted, select};

/// Whether the bug of this name is at work: never, in this build.
#[cfg(not(synod_plants))]
#[must_use]
#[inline(always)]
pub const fn planted(_name: &str) -> bool {
    false
}

#[cfg(synod_plants)]
mod selection {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// The [`code`] of the bug at work in this process, 0 for none.
    static SELECTED: AtomicU64 = AtomicU64::new(0);

    /// A number for a name (FNV-1a), so that asking costs one load and one comparison.
    const fn code(name: &str) -> u64 {
        let (bytes, mut hash, mut at) = (name.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        hash
    }

    /// Whether the bug of this name is at work.
    #[must_use]
    #[inline]
    pub fn planted(name: &str) -> bool {
        SELECTED.load(Ordering::Relaxed) == code(name)
    }

    /// Puts one bug to work in the whole process, or none. Who selects checks the name first: an unknown one does
    /// nothing.
    pub fn select(name: Option<&str>) {
        SELECTED.store(name.map_or(0, code), Ordering::Relaxed);
    }
}

#[cfg(all(test, not(synod_plants)))]
mod tests {
    /// A constant can only be `false` here, so no build without the cfg can have a bug at work.
    #[test]
    fn nothing_is_planted_in_a_build_without_the_cfg() {
        const PLANTED: bool = super::planted("ack-before-fsync");
        const { assert!(!PLANTED) }
    }
}
