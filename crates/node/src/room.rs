//! For what there is no room: writes while the disk is full, further requests while much is held for those under way.

use synod_types::plant::planted;

/// What has run out.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Whether the log refuses entries for want of space: writes are refused, reads go on.
    disk_full: bool,
    /// Whether sessions wait until less is held for requests under way.
    wanted: bool,
}

impl Room {
    /// Whether writes are refused because the disk is full.
    #[inline]
    pub(crate) fn disk_is_full(&self) -> bool {
        self.disk_full
    }

    /// Writes are refused from now on because the disk is full, or are not.
    pub(crate) fn refuse_writes(&mut self, refuse: bool) {
        self.disk_full = refuse || (self.disk_full && planted("disk-full-forever"));
    }

    /// A session waits until less is held for requests under way.
    pub(crate) fn wait(&mut self) {
        self.wanted = true;
    }

    /// Whether a session waits.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// There is room again: nobody waits any longer.
    pub(crate) fn has_come(&mut self) {
        self.wanted = false;
    }
}
