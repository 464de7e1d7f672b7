//! One connection's session: what it has said of itself, the state that it is in, and its replies.

mod facts;
mod order;
mod replies;
mod states;

use crate::calls::Called;
use crate::errors::ErrorCounts;
use crate::identity::Identity;
use crate::mode::{Fence, Life, Mode, ReplyMode, Waits};
use crate::pubsub::Subscriptions;
use crate::replies::Replies;
use crate::tracking::Tracking;
use crate::watches::Watches;
use synod_types::{ClientId, PartitionId};
use synod_wire::resp::Proto;

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
    watches: Watches,
    subscriptions: Subscriptions,
    /// MONITOR.
    monitor: bool,
    /// CLIENT NO-EVICT.
    kept: bool,
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
            watches: Watches::default(),
            subscriptions: Subscriptions::default(),
            monitor: false,
            kept: false,
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
