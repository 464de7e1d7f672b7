//! The states of a session: its life, and what it does with the next request. The crate's page has them as a diagram.

use super::Session;
use crate::mode::{Blocked, Life, Mode, Multi, ReplyMode};
use crate::sessions::Ready;

/// Its life.
impl Session {
    /// Whether it takes no further request.
    #[inline]
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.life != Life::Open
    }

    /// Whether nothing is written to its client any more.
    #[inline]
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.life == Life::Killed
    }

    /// Whether the world is to close it once what it has to say is written.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self.life {
            Life::Open => false,
            Life::Closing => self.is_idle(),
            Life::Killed => true,
        }
    }

    /// It closes once everything is answered and written.
    pub fn close_when_answered(&mut self) {
        if self.life == Life::Open {
            self.life = Life::Closing;
        }
    }

    /// Has the connection closed at once; what it still would be answered is dropped.
    pub fn kill(&mut self, ready: &mut Ready) {
        self.life = Life::Killed;
        self.reply_mode = ReplyMode::Off;
        self.replies.out.clear();
        self.touch(ready);
    }
}

/// Its mode: transactions and waits.
impl Session {
    /// The commands between MULTI and EXEC, when it stands there.
    #[inline]
    #[must_use]
    pub fn multi(&self) -> Option<&Multi> {
        match &self.mode {
            Mode::Queueing(multi) => Some(multi),
            _ => None,
        }
    }

    /// As [`Self::multi`], to be added to.
    #[inline]
    pub fn multi_mut(&mut self) -> Option<&mut Multi> {
        match &mut self.mode {
            Mode::Queueing(multi) => Some(multi),
            _ => None,
        }
    }

    /// MULTI.
    pub fn begin_multi(&mut self) {
        self.mode = Mode::Queueing(Multi::default());
    }

    /// EXEC or DISCARD: what was queued since MULTI, if it stood there.
    pub fn end_multi(&mut self) -> Option<Multi> {
        match std::mem::replace(&mut self.mode, Mode::Plain) {
            Mode::Queueing(multi) => Some(multi),
            other => {
                self.mode = other;
                None
            }
        }
    }

    /// What it waits for, as long as a blocking command is not answered.
    #[inline]
    #[must_use]
    pub fn blocked(&self) -> Option<&Blocked> {
        match &self.mode {
            Mode::Blocked(blocked) => Some(blocked),
            _ => None,
        }
    }

    /// As [`Self::blocked`], to be changed.
    pub fn blocked_mut(&mut self) -> Option<&mut Blocked> {
        match &mut self.mode {
            Mode::Blocked(blocked) => Some(blocked),
            _ => None,
        }
    }

    /// A blocking command is under way.
    pub fn block(&mut self, blocked: Blocked) {
        self.mode = Mode::Blocked(blocked);
    }

    /// Whether there is room for these keys under WATCH, whether or not they are among those that are.
    #[must_use]
    pub fn may_watch(&self, keys: &[&[u8]]) -> bool {
        self.watches.has_room(keys)
    }

    /// WATCH: keys and the versions that they have.
    pub fn watch(&mut self, versions: impl IntoIterator<Item = (Vec<u8>, u64)>) {
        versions.into_iter().for_each(|(key, version)| self.watches.insert(key, version));
    }

    /// EXEC, DISCARD, UNWATCH: the keys under WATCH and their versions; there are none from now on.
    pub fn end_watches(&mut self) -> Vec<(Vec<u8>, u64)> {
        self.watches.take()
    }
}
