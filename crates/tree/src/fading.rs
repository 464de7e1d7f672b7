//! Containers and times to live, as ZooKeeper writes them into a stat: an owner that no session has.
//!
//! Source: `EphemeralType` of Apache ZooKeeper 3.8, with its extended types enabled.

use crate::call::Fading;

/// The owner of a container.
const CONTAINER: i64 = i64::MIN;
/// The uppermost byte of an owner that is a time to live; the 40 lowest bits are the milliseconds.
const TTL: i64 = 0xff << 56;

impl Fading {
    /// What stands in place of a session.
    pub(crate) const fn owner(self) -> i64 {
        match self {
            Self::No => 0,
            Self::Childless => CONTAINER,
            Self::After(ms) => TTL | ms as i64,
        }
    }

    /// What an owner says; sessions are positive.
    pub(crate) const fn of_owner(owner: i64) -> Self {
        match owner {
            CONTAINER => Self::Childless,
            owner if owner < 0 => Self::After((owner & !TTL) as u64),
            _ => Self::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TTL_MS_MAX;

    #[test]
    fn an_owner_says_how_a_znode_fades() {
        for fading in [Fading::No, Fading::Childless, Fading::After(1), Fading::After(TTL_MS_MAX)] {
            assert_eq!(Fading::of_owner(fading.owner()), fading);
        }
        assert_eq!(Fading::of_owner(7), Fading::No, "a session");
        assert_eq!(Fading::After(1000).owner() as u64, 0xff00_0000_0000_03e8);
    }
}
