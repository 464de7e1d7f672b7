//! What the gate of Redis's clients keeps of them: sessions, the order of their replies, subscriptions, the slow log, and
//! how the answers of several become one.
//!
//! Bytes come in as decoded requests and leave as encoded replies; what a request does to data is not known here, and
//! neither is a replica, a node or a socket. A session is two machines side by side:
//!
//! ```text
//!   life   Open --QUIT, an error of protocol--> Closing --all is answered--> (closed by the world)
//!          Open, Closing --CLIENT KILL--> Killed
//!
//!   mode   Plain --MULTI--> Queueing --EXEC, DISCARD--> Plain
//!          Plain --BLPOP and the like--> Blocked --its answer--> Plain
//! ```
//!
//! Invariants:
//! - Replies of one session leave in the order of its requests, whatever order the answers come in.
//! - What a session may hold without an answer, queue between MULTI and EXEC, and subscribe to is bounded.

mod acl_log;
mod answers;
mod calls;
mod errors;
mod hotkeys;
mod identity;
mod info;
mod joins;
mod latency;
mod latency_events;
mod mode;
mod pubsub;
mod replies;
mod session;
mod sessions;
mod slowlog;
mod tracking;
mod watches;

pub use acl_log::{AclLog, Reason, Refusal};
pub use answers::{
    CallAnswer, Standing, Told, Tried, UsersChanged, call_answer, elements, encoded, standing,
    step_answer, told, tried, users_changed,
};
pub use calls::{Answered, CallCounts, Called, Calls, KnownName};
pub use errors::ErrorCounts;
pub use hotkeys::{TopQuery, no_answer};
pub use identity::Identity;
pub use info::{Facts, MemoryQuery, Page, Section, Tally, node_name, sections};
pub use joins::{Gather, Gathers, Join};
pub use latency::{Histogram, Latency};
pub use latency_events::{LatencyEvent, LatencyEvents, LatencyQuery};
pub use mode::{Blocked, Fence, Flow, Multi, ReplyMode, Waits};
pub use pubsub::{PubSub, Space, Subscriptions};
pub use replies::Kind;
pub use session::Session;
pub use sessions::{Ready, Sessions};
pub use slowlog::{Entry, SlowLog};
pub use tracking::{
    INVALIDATE_CHANNEL, Reader, Tracked, Tracking, invalidation, redirection_broken,
};

/// The version of Redis whose commands and texts this program follows.
pub const REDIS_VERSION: &str = "7.0.15";
