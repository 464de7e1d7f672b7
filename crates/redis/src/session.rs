//! One connection's session: what it has said of itself, the state that it is in, and its replies.

use crate::calls::Called;
use crate::errors::ErrorCounts;
use crate::identity::Identity;
use crate::mode::{Blocked, Fence, Flow, Life, Mode, Multi, ReplyMode, Waits};
use crate::pubsub::Subscriptions;
use crate::replies::{Filled, Kind, Replies};
use crate::sessions::Ready;
use crate::tracking::Tracking;
use synod_types::{ClientId, PartitionId, limits};
use synod_wire::resp::{Proto, RespWriter};

/// The place of the reply to a command that a transaction runs for the session: it becomes part of the transaction's.
pub(crate) const CAPTURED: u64 = u64::MAX;

/// One connection.
#[derive(Debug)]
pub struct Session {
    id: ClientId,
    /// Counts the connections of this worker; never used twice.
    number: u64,
    addr: String,
    /// Whether its bytes are encrypted.
    tls: bool,
    identity: Identity,
    proto: Proto,
    name: Vec<u8>,
    lib_name: Vec<u8>,
    lib_ver: Vec<u8>,
    opened_us: u64,
    active_us: u64,
    last_command: &'static str,
    /// The same as the counts of calls know it.
    called: Called,
    life: Life,
    mode: Mode,
    /// CLIENT FENCE.
    fence: Option<Box<Fence>>,
    /// What was asked for by CLIENT ORDER; `None`: as the node has it.
    ordered: Option<bool>,
    /// The partition of the writes under way, if they are all of one; looked at where order is strict.
    written: Option<PartitionId>,
    /// Keys under WATCH and the versions they had.
    watches: Vec<(Vec<u8>, u64)>,
    subscriptions: Subscriptions,
    /// MONITOR.
    monitor: bool,
    /// A transaction runs a command whose reply is to come.
    expects_captured: bool,
    /// CLIENT TRACKING.
    tracking: Option<Box<Tracking>>,
    /// The place of the last reply with values that the client may keep.
    last_read: u64,
    /// What is said behind the replies at these places, whatever they are.
    behind: Vec<(u64, Vec<u8>)>,
    reply_mode: ReplyMode,
    captured: Vec<u8>,
    /// What the next request waits for, if it was offered and not taken.
    waits: Option<Waits>,
    replies: Replies,
    /// Whether it is among those that have something to write.
    dirty: bool,
    /// The errors that were answered.
    errors: ErrorCounts,
}

impl Session {
    pub(crate) fn new(id: ClientId, number: u64, addr: String, now_us: u64) -> Self {
        Self {
            id,
            number,
            addr,
            tls: false,
            identity: Identity::default(),
            proto: Proto::Resp2,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_ver: Vec::new(),
            opened_us: now_us,
            active_us: now_us,
            last_command: "NULL",
            called: Called::NONE,
            life: Life::Open,
            mode: Mode::Plain,
            fence: None,
            ordered: None,
            written: None,
            watches: Vec::new(),
            subscriptions: Subscriptions::default(),
            monitor: false,
            expects_captured: false,
            tracking: None,
            last_read: 0,
            behind: Vec::new(),
            reply_mode: ReplyMode::On,
            captured: Vec::new(),
            waits: None,
            replies: Replies::default(),
            dirty: false,
            errors: ErrorCounts::default(),
        }
    }
}

/// What it says of itself.
impl Session {
    /// Its id.
    #[inline]
    #[must_use]
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// Its number among the connections of this worker, never used twice.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The client's address.
    #[must_use]
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// Whether its client came with TLS.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.tls
    }

    /// Its client came with TLS.
    pub fn set_tls(&mut self) {
        self.tls = true;
    }

    /// Who it acts for.
    #[inline]
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// It acts for somebody else from now on, or what that one may do has changed.
    pub fn set_identity(&mut self, identity: Identity) {
        self.identity = identity;
    }

    /// The protocol that replies are spelled in.
    #[inline]
    #[must_use]
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Spells replies in this protocol from now on.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// The name that the client gave itself; empty: none.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The client names itself.
    pub fn set_name(&mut self, name: &[u8]) {
        self.name = name.to_vec();
    }

    /// What every write of the connection carries, if it carries something.
    #[inline]
    #[must_use]
    pub fn fence(&self) -> Option<&Fence> {
        self.fence.as_deref()
    }

    /// Whether writes to different partitions are to take effect in their order; `None`: as the node has it.
    #[must_use]
    pub const fn is_ordered(&self) -> Option<bool> {
        self.ordered
    }

    /// CLIENT ORDER.
    pub const fn set_ordered(&mut self, ordered: Option<bool>) {
        self.ordered = ordered;
    }

    /// A write is let through: to this partition, or to several. Whether it may not overtake what is under way.
    pub fn overtakes(&mut self, to: Option<PartitionId>) -> bool {
        let overtakes = self.is_writing() && (to.is_none() || to != self.written);
        if !overtakes {
            self.written = to;
        }
        overtakes
    }

    /// CLIENT FENCE: what every write of the connection carries from now on.
    pub fn set_fence(&mut self, fence: Option<Fence>) {
        self.fence = fence.map(Box::new);
    }

    /// The name of the client's library and its version, as it told them.
    #[must_use]
    pub fn library(&self) -> (&[u8], &[u8]) {
        (&self.lib_name, &self.lib_ver)
    }

    /// The client tells its library's name.
    pub fn set_library_name(&mut self, name: &[u8]) {
        self.lib_name = name.to_vec();
    }

    /// The client tells its library's version.
    pub fn set_library_version(&mut self, version: &[u8]) {
        self.lib_ver = version.to_vec();
    }

    /// When it was opened.
    #[must_use]
    pub fn opened_us(&self) -> u64 {
        self.opened_us
    }

    /// When its last request came.
    #[must_use]
    pub fn active_us(&self) -> u64 {
        self.active_us
    }

    /// A request comes.
    #[inline]
    pub fn be_active(&mut self, now_us: u64) {
        self.active_us = now_us;
    }

    /// The last command's name, with its subcommand.
    #[must_use]
    pub fn last_command(&self) -> &'static str {
        self.last_command
    }

    /// The command that was sent last.
    #[inline]
    pub fn set_last_command(&mut self, name: &'static str, called: Called) {
        (self.last_command, self.called) = (name, called);
    }

    /// The command that was sent last, as the counts of calls know it.
    #[must_use]
    pub fn called(&self) -> Called {
        self.called
    }

    /// How many requests are under way and how many errors were answered so far: whether either grows with a request
    /// tells what became of it.
    #[inline]
    #[must_use]
    pub fn outcomes(&self) -> (usize, u64) {
        let (reads, writes) = self.under_way();
        (reads + writes, self.errors.total)
    }

    /// What it listens to.
    #[inline]
    #[must_use]
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    pub(crate) fn subscriptions_mut(&mut self) -> &mut Subscriptions {
        &mut self.subscriptions
    }

    /// Whether it hears of all commands.
    #[must_use]
    pub fn is_monitor(&self) -> bool {
        self.monitor
    }

    /// MONITOR.
    pub fn set_monitor(&mut self, monitor: bool) {
        self.monitor = monitor;
    }

    /// What it keeps copies of, if it does.
    #[inline]
    #[must_use]
    pub fn tracking(&self) -> Option<&Tracking> {
        self.tracking.as_deref()
    }

    /// As [`Self::tracking`], to be changed.
    #[inline]
    pub fn tracking_mut(&mut self) -> Option<&mut Tracking> {
        self.tracking.as_deref_mut()
    }

    /// CLIENT TRACKING; what was in force before.
    pub fn set_tracking(&mut self, tracking: Option<Tracking>) -> Option<Tracking> {
        std::mem::replace(&mut self.tracking, tracking.map(Box::new)).map(|before| *before)
    }

    pub(crate) fn errors(&self) -> &ErrorCounts {
        &self.errors
    }

    pub(crate) fn reset_errors(&mut self) {
        self.errors = ErrorCounts::default();
    }
}

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

    /// How many keys are under WATCH.
    #[must_use]
    pub fn watches_len(&self) -> usize {
        self.watches.len()
    }

    /// WATCH: keys and the versions that they have.
    pub fn watch(&mut self, versions: impl IntoIterator<Item = (Vec<u8>, u64)>) {
        self.watches.extend(versions);
    }

    /// EXEC, DISCARD, UNWATCH: the keys under WATCH and their versions; there are none from now on.
    pub fn end_watches(&mut self) -> Vec<(Vec<u8>, u64)> {
        std::mem::take(&mut self.watches)
    }
}

/// The order of its requests.
impl Session {
    /// What a request has to wait for before it is looked at, if anything.
    #[inline]
    #[must_use]
    pub fn obstacle(&self) -> Option<Waits> {
        if self.replies.barriers() > 0 {
            return Some(Waits::Barrier);
        }
        (self.replies.len() >= limits::INFLIGHT_MAX).then_some(Waits::Room)
    }

    /// Has the next request offered again when this is over.
    pub fn wait_for(&mut self, what: Waits) -> Flow {
        self.waits = Some(what);
        Flow::Stalled
    }

    /// What the next request waits for, if it was offered and not taken.
    #[must_use]
    pub fn waits(&self) -> Option<Waits> {
        self.waits
    }

    /// The next request is offered again, if it waits; whether it does.
    pub(crate) fn go_on(&mut self, ready: &mut Ready) {
        self.waits = None;
        ready.resumed.push(self.id);
    }

    /// Whether what the next request waits for is over.
    pub(crate) fn may_go_on(&self) -> bool {
        match self.waits {
            None | Some(Waits::Pause | Waits::NodeRoom) => false,
            Some(Waits::Barrier) => self.replies.barriers() == 0,
            Some(Waits::Room) => self.replies.len() < limits::INFLIGHT_MAX,
            Some(Waits::Writes) => self.replies.writes() == 0,
            Some(Waits::Idle) => self.is_idle(),
        }
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.replies.len() == 0
    }

    /// Whether a transaction runs a command of it. What comes behind it is not taken until that is over.
    #[must_use]
    pub fn is_inside_exec(&self) -> bool {
        self.reply_mode == ReplyMode::Captured
    }

    /// How many requests wait for their reply, or for that of one before them.
    #[inline]
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.replies.len()
    }

    /// How many reads and how many writes are under way.
    #[inline]
    #[must_use]
    pub fn under_way(&self) -> (usize, usize) {
        (self.replies.reads(), self.replies.writes())
    }

    /// Whether a write is under way.
    #[inline]
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.replies.writes() > 0 && self.reply_mode != ReplyMode::Captured
    }

    /// Whether a write came behind the request at this place.
    #[must_use]
    pub fn has_written_behind(&self, seq: u64) -> bool {
        self.replies.has_written_behind(seq)
    }

    /// Takes a place in the order of replies. What runs for a transaction has its own, [`CAPTURED`].
    #[inline]
    pub fn reserve(&mut self, kind: Kind) -> u64 {
        if self.reply_mode == ReplyMode::Captured {
            self.expects_captured = true;
            return CAPTURED;
        }
        let quiet = self.reply_mode != ReplyMode::On;
        self.replies.reserve(kind, self.called, self.active_us, quiet)
    }

    /// Takes a place in the order of replies, and lets everything behind it wait until it is filled.
    pub fn reserve_barrier(&mut self, kind: Kind) -> u64 {
        let seq = self.reserve(kind);
        if seq != CAPTURED {
            self.replies.close_behind();
        }
        seq
    }
}

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
