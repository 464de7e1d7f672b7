//! What nodes say to each other about one transaction.

use crate::telling;
use std::fmt;
use synod_consensus::{self as consensus, Body};
use synod_txn::{Answer, Step};

/// A message. Participants are named by their number.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// Between the replicas of a partition.
    Peer(usize, consensus::Message),
    /// A step for the one who leads the partition.
    Ask { of: usize, ticket: u64, step: Vec<u8> },
    /// The answer to that.
    Answer { of: usize, ticket: u64, answer: Answer },
}

pub(super) fn encode(step: &Step<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    step.put(&mut bytes);
    bytes
}

impl Message {
    pub fn ask(of: usize, ticket: u64, step: &Step<'_>) -> Self {
        Self::Ask { of, ticket, step: encode(step) }
    }

    /// Whether it only says that somebody lives.
    pub fn is_beat(&self) -> bool {
        let Self::Peer(_, message) = self else { return false };
        matches!(message.body, Body::Heartbeat { .. } | Body::HeartbeatReply { .. })
    }
}

/// An answer in a word.
pub(super) fn said(answer: &Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::Staged => "staged",
        _ => "no",
    }
}

/// A step in a word.
pub(super) fn word(step: &[u8]) -> &'static str {
    match Step::take(&mut &step[..]) {
        Some(Step::Prepare { .. }) => "prepare",
        Some(Step::Decide { .. }) => "decide",
        Some(Step::Stage { .. }) => "stage",
        Some(Step::Conclude { commit: true, .. }) => "conclude: commit",
        Some(Step::Conclude { commit: false, .. }) => "conclude: abort",
        Some(Step::Inquire { .. }) => "inquire",
        Some(Step::Resolve { .. }) => "resolve",
        Some(Step::Finish { commit: true, .. }) => "finish: commit",
        Some(Step::Finish { commit: false, .. }) => "finish: abort",
        Some(Step::Forget { .. }) => "forget",
        Some(
            Step::Fetch { .. } | Step::Verify { .. } | Step::Release { .. } | Step::Await { .. },
        )
        | None => "a read",
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(of, message) => write!(f, "p{of} {}", telling::consensus(message)),
            Self::Ask { of, step, .. } => write!(f, "p{of} forward: {}", word(step)),
            Self::Answer { of, answer, .. } => {
                write!(f, "p{of} answer: {}", said(answer))
            }
        }
    }
}
