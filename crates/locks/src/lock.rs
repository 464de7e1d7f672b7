//! One lock: who holds it, and which tokens may still write.

use std::collections::BTreeMap;

/// One grant that has neither been given back nor come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// How long its lease is, from the grant or the newest renewal on, in milliseconds.
    pub lease_ms: u64,
    /// How often it was renewed.
    pub renewals: u64,
}

/// A lock that was granted at least once.
///
/// Invariants: `0 < floor <= newest`; every holder's token is between the two; one that is not shared has one holder at
/// most, whose token is `newest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The token of the newest grant.
    pub(crate) newest: u64,
    /// The oldest token that is still good. An exclusive grant raises it to its own, the first shared grant after an
    /// exclusive one too; further shared grants leave it, since their holders do not exclude each other.
    pub(crate) floor: u64,
    /// Whether the newest grant was a shared one.
    pub(crate) shared: bool,
    pub(crate) holders: BTreeMap<u64, Holder>,
}

impl Lock {
    /// The token of the newest grant.
    #[must_use]
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether nobody holds it.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.holders.is_empty()
    }

    /// Whether the newest grant was a shared one.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    /// Who holds it: tokens, the oldest first, with their leases.
    pub fn holders(&self) -> impl ExactSizeIterator<Item = (u64, Holder)> {
        self.holders.iter().map(|(token, holder)| (*token, *holder))
    }

    /// Whether it can be granted now, shared or to one alone.
    #[must_use]
    pub fn admits(&self, shared: bool) -> bool {
        self.is_free() || (shared && self.shared && self.holders.len() < crate::HOLDERS_MAX)
    }

    /// Grants it; it admits that.
    pub(crate) fn grant(&mut self, token: u64, shared: bool, lease_ms: u64) {
        if !(shared && self.shared) {
            self.floor = token;
        }
        (self.newest, self.shared) = (token, shared);
        self.holders.insert(token, Holder { lease_ms, renewals: 0 });
    }
}
