//! Who a connection acts for.

use std::sync::Arc;
use synod_data::authority::Rights;

/// The user of a connection, as its last login or the last change of the user left it.
#[derive(Clone, Debug)]
pub struct Identity {
    name: Arc<[u8]>,
    /// What it may do; `None`: everything.
    rights: Option<Arc<Rights>>,
    /// Whether it has logged in, or had no need to.
    authenticated: bool,
    /// Whether it is the node's own coordinator of transactions.
    coordinates: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Self::new(Arc::from(&b"default"[..]), None, true)
    }
}

impl Identity {
    /// A user by name, what it may do (`None`: everything), and whether it has logged in.
    #[must_use]
    pub fn new(name: Arc<[u8]>, rights: Option<Arc<Rights>>, authenticated: bool) -> Self {
        Self { name, rights, authenticated, coordinates: false }
    }

    /// The node's own coordinator of transactions, which may do everything.
    #[must_use]
    pub fn coordinator() -> Self {
        Self { coordinates: true, ..Self::default() }
    }

    /// Whether it is that one.
    #[must_use]
    pub fn coordinates(&self) -> bool {
        self.coordinates
    }

    /// The user's name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// What it may do; `None`: everything.
    #[inline]
    #[must_use]
    pub fn rights(&self) -> Option<&Arc<Rights>> {
        self.rights.as_ref()
    }

    /// Whether it has logged in, or had no need to.
    #[inline]
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// Whether nothing has to be looked at before it may do something.
    #[inline]
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.authenticated && self.rights.is_none()
    }

    /// It has to log in.
    pub fn forget_login(&mut self) {
        self.authenticated = false;
    }

    /// What the user may do has changed.
    pub fn set_rights(&mut self, rights: Option<Arc<Rights>>) {
        self.rights = rights;
    }
}
