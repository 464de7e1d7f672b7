//! The replies of a session, in the order of its requests.

use super::Session;
use crate::mode::{Mode, ReplyMode};
use crate::replies::Filled;
use crate::sessions::Ready;
use synod_types::limits;
use synod_wire::resp::RespWriter;

/// Its replies.
impl Session {
    /// Replies that are ready to be written to the socket.
    #[inline]
    #[must_use]
    pub fn out(&self) -> &Vec<u8> {
        &self.replies.out
    }

    /// What is ready, for the world to take.
    pub fn out_mut(&mut self) -> &mut Vec<u8> {
        &mut self.replies.out
    }

    /// Writes a reply at once, behind those still awaited.
    #[inline]
    pub fn reply_now(&mut self, write: impl FnOnce(&mut RespWriter<'_>)) {
        if self.reply_mode != ReplyMode::On {
            return self.capture(write);
        }
        self.replies.write(self.proto, self.active_us, &mut self.errors, write);
    }

    #[cold]
    fn capture(&mut self, write: impl FnOnce(&mut RespWriter<'_>)) {
        if self.reply_mode == ReplyMode::Captured {
            let start = self.captured.len();
            write(&mut RespWriter::new(&mut self.captured, self.proto));
            self.errors.note(&self.captured[start..]);
        }
    }

    /// Keeps the reply to a command that a transaction ran and that had to be waited for.
    pub(crate) fn complete_captured(&mut self, write: &mut dyn FnMut(&mut RespWriter<'_>)) {
        if std::mem::take(&mut self.expects_captured) {
            self.capture(write);
        }
    }

    /// Whether the reply to a command that a transaction ran is awaited.
    #[must_use]
    pub fn expects_captured(&self) -> bool {
        self.expects_captured
    }

    /// Fills a place reserved before, and says of what kind the request was and when it came. A place that is
    /// unknown is passed over.
    pub fn complete(
        &mut self,
        seq: u64,
        write: &mut dyn FnMut(&mut RespWriter<'_>),
    ) -> Option<Filled> {
        let mute = self.is_killed();
        let filled = self.replies.fill(seq, self.proto, mute, &mut self.errors, write)?;
        if self.blocked().is_some_and(|blocked| blocked.seq() == seq) {
            self.mode = Mode::Plain;
        }
        Some(filled)
    }

    /// Writes a message that answers no request, whatever replies are awaited; whether much is unread now. A session
    /// with too much unread is closed, and has nothing unread any more.
    pub fn push(&mut self, message: &[u8], ready: &mut Ready) -> bool {
        if self.is_closing() {
            return false;
        }
        self.replies.out.extend_from_slice(message);
        self.touch(ready);
        if self.replies.out.len() > limits::PUBSUB_OUTPUT_BYTES_MAX {
            self.kill(ready);
        }
        self.has_much_unread()
    }

    /// A command is about to read what the client may keep: the place of its reply.
    pub fn begin_read(&mut self) -> u64 {
        self.last_read = self.replies.next();
        self.last_read
    }

    /// Whether the reply at this place has left, or will never be.
    #[must_use]
    pub fn has_left(&self, seq: u64) -> bool {
        self.replies.has_left(seq)
    }

    /// The place of the last reply with values that the client may keep.
    #[must_use]
    pub fn last_read(&self) -> u64 {
        self.last_read
    }

    /// Writes a message as [`Self::push`] does, but behind the reply at this place, if that has not left. Should too much
    /// wait like that, `instead` stands for all of it.
    pub fn push_behind(
        &mut self,
        seq: u64,
        message: Vec<u8>,
        instead: impl FnOnce() -> Vec<u8>,
        ready: &mut Ready,
    ) {
        if self.replies.has_left(seq) {
            self.push(&message, ready);
            return;
        }
        if self.behind.len() < limits::INVALIDATIONS_BEHIND_MAX {
            return self.behind.push((seq, message));
        }
        let last = self.behind.iter().map(|(seq, _)| *seq).fold(seq, u64::max);
        self.behind = vec![(last, instead())];
    }

    /// Writes what waited for replies that have left.
    pub(crate) fn push_waiting(&mut self, ready: &mut Ready) {
        for (seq, message) in std::mem::take(&mut self.behind) {
            match self.replies.has_left(seq) {
                true => _ = self.push(&message, ready),
                false => self.behind.push((seq, message)),
            }
        }
    }

    /// Whether something waits for a reply to leave.
    #[inline]
    pub(crate) fn has_waiting(&self) -> bool {
        !self.behind.is_empty()
    }

    pub(crate) fn has_much_unread(&self) -> bool {
        self.replies.out.len() > limits::PUBSUB_OUTPUT_SOFT_BYTES
    }

    /// What CLIENT REPLY asked for.
    #[must_use]
    pub fn reply_mode(&self) -> ReplyMode {
        self.reply_mode
    }

    /// CLIENT REPLY.
    pub fn set_reply_mode(&mut self, mode: ReplyMode) {
        self.reply_mode = mode;
    }

    /// A command was taken: SKIP drops the reply of the one command behind it.
    #[inline]
    pub fn end_skip(&mut self) {
        self.reply_mode = match self.reply_mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            other => other,
        };
    }

    /// Replies are kept from now on; what CLIENT REPLY had asked for.
    pub fn begin_capture(&mut self) -> ReplyMode {
        std::mem::replace(&mut self.reply_mode, ReplyMode::Captured)
    }

    /// What was kept; replies are treated as before.
    pub fn end_capture(&mut self, before: ReplyMode) -> Vec<u8> {
        if !self.is_killed() {
            self.reply_mode = before;
        }
        std::mem::take(&mut self.captured)
    }

    /// Its user is gone: nothing more is taken from it. What it is about to be answered, it is answered, unless that may
    /// take any time.
    pub fn dismiss(&mut self, ready: &mut Ready) {
        match self.is_idle() || self.blocked().is_some() {
            true => self.kill(ready),
            false => self.close_when_answered(),
        }
    }

    /// Notes that there is something to write.
    #[inline]
    pub fn touch(&mut self, ready: &mut Ready) {
        if !self.dirty {
            self.dirty = true;
            ready.dirty.push(self.id);
        }
    }

    /// The world has taken note.
    pub fn untouch(&mut self) {
        self.dirty = false;
    }
}
