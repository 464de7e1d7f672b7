//! The states of a session. See the crate's page for how they follow each other.

use synod_data::op::put_command;
use synod_types::{PartitionId, RequestId};

/// Whether the next request of the connection may be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Yes.
    Next,
    /// No: this one was not taken. Offer it again when the session is among [`crate::Ready::resumed`].
    Stalled,
    /// No: the session closes once its output is written.
    Closing,
}

/// What a request waits for that was offered and not taken. It is offered again when that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// The answer to a request that everything behind it waits for.
    Barrier,
    /// Fewer requests without an answer: `limits::INFLIGHT_MAX`.
    Room,
    /// The answers to all writes.
    Writes,
    /// The answers to all requests.
    Idle,
    /// The node to hold less for the requests of all connections: `limits::HELD_BYTES_MAX`.
    NodeRoom,
    /// The end of CLIENT PAUSE.
    Pause,
}

/// The lock and the token that a connection's writes carry.
#[derive(Clone, Debug)]
pub struct Fence {
    /// The name of the lock.
    pub name: Vec<u8>,
    /// Its token, in digits.
    pub token: Vec<u8>,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Every command is answered.
    #[default]
    On,
    /// None is.
    Off,
    /// The reply to the next command is dropped.
    SkipNext,
    /// The reply to this command is dropped.
    Skip,
    /// Replies are kept for a transaction that runs commands of the session.
    Captured,
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Open,
    /// Closes once everything is answered and written.
    Closing,
    /// Closes at once, whatever is under way.
    Killed,
}

/// What a session does with the next request.
#[derive(Debug)]
pub(crate) enum Mode {
    /// It is run.
    Plain,
    /// Between MULTI and EXEC it is queued.
    Queueing(Multi),
    /// It waits until the blocking command before it is answered.
    Blocked(Blocked),
}

/// Between MULTI and EXEC.
#[derive(Debug, Default)]
pub struct Multi {
    /// The commands, arguments owned.
    pub commands: Vec<Vec<Vec<u8>>>,
    /// The bytes of all arguments so far.
    pub bytes: usize,
    /// A command was refused, so EXEC will be too.
    pub refused: bool,
}

/// What a session waits for.
#[derive(Clone, Debug)]
pub struct Blocked {
    seq: u64,
    partition: PartitionId,
    /// The command as an operation.
    op: Vec<u8>,
    deadline_us: Option<u64>,
    request: Option<RequestId>,
}

impl Blocked {
    /// A wait for the answer at this place in the order of replies, to a command that goes to this partition.
    /// `deadline_us`: the end of its time, if it has one.
    #[must_use]
    pub fn new(seq: u64, partition: PartitionId, op: Vec<u8>, deadline_us: Option<u64>) -> Self {
        Self { seq, partition, op, deadline_us, request: None }
    }

    /// Its place in the order of replies.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Where it waits.
    #[must_use]
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// Its keys are in another partition now.
    pub fn wait_at(&mut self, partition: PartitionId) {
        self.partition = partition;
    }

    /// The command as an operation.
    #[must_use]
    pub fn op(&self) -> &[u8] {
        &self.op
    }

    /// The end of its time, if it has one.
    #[must_use]
    pub fn deadline_us(&self) -> Option<u64> {
        self.deadline_us
    }

    /// Its name where it waits for a leader or was forwarded, once it has one.
    #[must_use]
    pub fn request(&self) -> Option<RequestId> {
        self.request
    }

    /// It was sent out under this name.
    pub fn sent(&mut self, request: RequestId) {
        self.request = Some(request);
    }

    /// The wait has begun: it is this command that is armed at the next leader.
    pub fn begin(&mut self, args: &[&[u8]]) {
        self.op.clear();
        put_command(&mut self.op, args);
    }
}
