//! All users of a cluster.

use crate::change::{Change, Changed};
use crate::password::Digest;
use crate::rule::{Rule, Why};
use crate::user::User;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_types::limits::{ACL_BYTES_MAX, ACL_USER_BYTES_MAX, ACL_USERS_MAX};

/// The user of connections that name none.
pub const DEFAULT: &[u8] = b"default";

/// The users by name, in the order of their bytes; `default` is always among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users {
    pub(crate) users: BTreeMap<Vec<u8>, Arc<User>>,
    /// How many were made besides the default user.
    pub(crate) made: u64,
}

impl Default for Users {
    fn default() -> Self {
        Self { users: [(DEFAULT.to_vec(), Arc::new(User::open()))].into(), made: 0 }
    }
}

impl Users {
    /// Those that a cluster begins with whose `default` user has this password.
    #[must_use]
    pub fn with_password(password: Digest) -> Self {
        let mut user = User::open();
        (user.no_password, user.passwords) = (false, vec![password]);
        Self { users: [(DEFAULT.to_vec(), Arc::new(user))].into(), made: 0 }
    }

    /// The user with this name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.users.get(name)
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Arc<User>)> {
        self.users.iter().map(|(name, user)| (name.as_slice(), user))
    }

    /// Whether whoever connects may do everything.
    #[must_use]
    pub fn are_untouched(&self) -> bool {
        *self == Self::default()
    }

    /// Whether connections that name nobody are the default user's without a password.
    #[must_use]
    pub fn admit_anybody(&self) -> bool {
        self.get(DEFAULT).is_some_and(|user| user.enabled && user.no_password)
    }

    /// Makes a change, or says which of its rules is refused and why; then nothing has changed.
    ///
    /// # Errors
    /// See above.
    pub fn apply(&mut self, change: &Change) -> Result<Changed, (usize, Why)> {
        match change {
            Change::Set { name, rules } => self.set(name, rules),
            Change::Delete(names) => {
                let deleted = names.iter().filter(|name| {
                    name.as_slice() != DEFAULT && self.users.remove(name.as_slice()).is_some()
                });
                Ok(Changed { deleted: deleted.count() })
            }
        }
    }

    fn set(&mut self, name: &[u8], rules: &[Rule]) -> Result<Changed, (usize, Why)> {
        let known = self.users.get(name);
        let last = rules.len().saturating_sub(1);
        if known.is_none() && self.users.len() >= ACL_USERS_MAX {
            return Err((last, Why::TooManyUsers));
        }
        let new = || User { serial: self.made + 1, ..User::default() };
        let mut user = known.map_or_else(new, |user| User::clone(user));
        for (at, rule) in rules.iter().enumerate() {
            user.apply(rule).map_err(|why| (at, why))?;
        }
        let (old, new) = (known.map_or(0, |old| old.size()), user.size());
        if name.len() + new > ACL_USER_BYTES_MAX {
            return Err((last, Why::UserTooLarge));
        }
        // One that grows smaller is always welcome.
        if new > old && self.size() + name.len() + new - old > ACL_BYTES_MAX {
            return Err((last, Why::TooLarge));
        }
        self.made = self.made.max(user.serial);
        self.users.insert(name.to_vec(), Arc::new(user));
        Ok(Changed { deleted: 0 })
    }

    /// How many bytes they take when they are written.
    fn size(&self) -> usize {
        self.users.iter().map(|(name, user)| name.len() + user.size()).sum()
    }
}
