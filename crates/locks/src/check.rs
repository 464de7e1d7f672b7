//! Whether a token may still write.

use crate::table::Locks;
use synod_types::plant::planted;
use synod_types::tree_path;

/// Why a write is refused; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fenced {
    /// Somebody else has got the lock since: this is the late write that the token is there to stop.
    #[error("the lock was granted anew since this token was")]
    Stale,
    /// No grant of this lock had this token.
    #[error("this lock never had this token")]
    Unknown,
    /// The lock is one of a tree, and whoever has this token does not hold it, or no longer.
    #[error("this token does not hold the lock")]
    NoHolder,
    /// There is no such lock, or it was forgotten: whether somebody got it since is not known.
    #[error("no such lock")]
    NoLock,
}

impl Locks {
    /// Whether the holder of this token may write what the lock guards. The end of its lease alone does not forbid it:
    /// as long as nobody else has got the lock, nobody is disturbed. A lock of a tree has to be held.
    ///
    /// # Errors
    /// [`Fenced`] says why not.
    pub fn check(&self, name: &[u8], token: u64) -> Result<(), Fenced> {
        // One that is known by its tokens alone came from another partition.
        if tree_path(name).is_some() && self.get(name).is_none() {
            return self.followed.check(name, token);
        }
        let lock = self.get(name).ok_or(Fenced::NoLock)?;
        if token > lock.newest || token == 0 {
            return Err(Fenced::Unknown);
        }
        if token < lock.floor && !planted("stale-token-writes") {
            return Err(Fenced::Stale);
        }
        Ok(())
    }
}
