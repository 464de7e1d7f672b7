//! What the recorder is told about frames and requests, in words for people.

use crate::client::{Waiting, fate};
use crate::trace::{Fate, Item};
use crate::world::World;
use synod_checker::{Input, Outcome};
use synod_consensus::{Body, Message, paxos, raft, zab};
use synod_types::PartitionId;
use synod_wire::peer::{Frame, FrameKind};
use synod_wire::resp::Value;

/// So many values of a reply are shown.
const SHOWN_MAX: usize = 5;
/// So many bytes of an argument are shown.
const ARG_SHOWN_MAX: usize = 64;

impl World {
    pub(crate) fn tell_message(&mut self, from: usize, to: usize, fate: Fate, frames: &[Frame]) {
        let sent_us = self.time;
        self.recorder.keep(sent_us, || {
            let what: Vec<_> = frames.iter().map(frame).collect();
            Item::Message { from, to, fate, what: what.join("; ") }
        });
    }

    /// A client asks something; the number of the request. The steps of a transaction are told with its EXEC.
    pub(crate) fn tell_request(
        &mut self,
        client: usize,
        args: &[Vec<u8>],
        waiting: &Waiting,
    ) -> u64 {
        self.requests += 1;
        let (request, time) = (self.requests, self.time);
        let node = self.clients[client].node.map_or(0, |(node, _)| node);
        let what = match waiting {
            Waiting::Step => return request,
            Waiting::Exec(op) => {
                let operation = &self.history[*op];
                format!("{} {}", operation.key, swap(&operation.input))
            }
            Waiting::Tree(asked) => asked.to_string(),
            Waiting::Settled => "EXEC of several writes".to_owned(),
            _ => {
                let beginning = |arg: &Vec<u8>| {
                    String::from_utf8_lossy(&arg[..arg.len().min(ARG_SHOWN_MAX)]).into_owned()
                };
                args.iter().map(beginning).collect::<Vec<_>>().join(" ")
            }
        };
        self.recorder.keep(time, || Item::Asked { request, client, node, what });
        request
    }

    /// The client has the reply to its request, or knows that none will come.
    pub(crate) fn tell_reply(&mut self, request: u64, waiting: &Waiting, reply: Option<&Value>) {
        if matches!(waiting, Waiting::Step) {
            return;
        }
        let time = self.time;
        self.recorder.keep(time, || {
            let transaction = matches!(waiting, Waiting::Exec(_) | Waiting::Settled);
            Item::Answered { request, outcome: ended(reply, transaction) }
        });
    }
}

fn group(group: PartitionId) -> String {
    match group {
        PartitionId::META => "meta".to_owned(),
        _ => format!("p{group}"),
    }
}

fn frame(frame: &Frame) -> String {
    let name = group(frame.group);
    match frame.kind {
        FrameKind::Hello => return "hello".to_owned(),
        FrameKind::Introduction => return "introduction".to_owned(),
        FrameKind::Members => return "who the members are".to_owned(),
        FrameKind::Heartbeat => return "heartbeats of all groups".to_owned(),
        FrameKind::Forward => return format!("{name} forward of a request"),
        FrameKind::Changed => return "keys that have changed".to_owned(),
        FrameKind::Publish => return "message for subscribers".to_owned(),
        FrameKind::Unwait => return format!("{name} end of a wait"),
        FrameKind::ForwardReply => return format!("{name} answer to a forward"),
        FrameKind::ReplyFetch => return format!("{name} more of an answer wanted"),
        FrameKind::SnapshotFetch => return format!("{name} snapshot wanted"),
        FrameKind::SnapshotChunk => return format!("{name} snapshot piece"),
        FrameKind::Consensus => {}
    }
    let Some(message) = Message::decode(frame.body.clone()) else {
        return format!("{name} garbage");
    };
    format!("{name} {}", consensus(&message))
}

/// What replicas of a group say to each other.
pub(crate) fn consensus(message: &Message) -> String {
    let what = match &message.body {
        Body::Raft(ask) => of_raft(ask),
        Body::Paxos(ask) => of_paxos(ask),
        Body::Zab(ask) => of_zab(ask),
        Body::Append { prev, commit, entries, .. } => {
            format!("append {} after {prev}, commit {commit}", entries.len())
        }
        Body::AppendReply { matched, .. } => format!("has {matched}"),
        Body::AppendReject { prev, .. } => format!("lacks {prev}"),
        Body::Heartbeat { commit, .. } => format!("heartbeat, commit {commit}"),
        Body::HeartbeatReply { .. } => "alive".to_owned(),
        Body::SnapshotOffer(meta) => format!("snapshot offered, up to {}", meta.index),
        Body::TimeoutNow => "take over".to_owned(),
        Body::Known { commit, .. } => format!("another engine; knows {commit}"),
        Body::Lacking { commit } => format!("lacks what is behind {commit}"),
        Body::Decided { prev, entries, .. } => format!("decided: {} after {prev}", entries.len()),
        Body::DecidedSnapshot(meta) => format!("decided: a snapshot, up to {}", meta.index),
    };
    format!("t{}: {what}", message.term)
}

fn of_raft(ask: &raft::Ask) -> String {
    match ask {
        raft::Ask::Vote { pre, .. } => (if *pre { "pre-vote?" } else { "vote?" }).to_owned(),
        raft::Ask::VoteReply { granted, .. } => {
            format!("vote: {}", if *granted { "yes" } else { "no" })
        }
    }
}

fn of_paxos(ask: &paxos::Ask) -> String {
    match ask {
        paxos::Ask::Survey { .. } => "do you hear a leader?".to_owned(),
        paxos::Ask::SurveyReply { free, .. } => {
            format!("hears a leader: {}", if *free { "no" } else { "yes" })
        }
        paxos::Ask::Prepare { after, .. } => format!("prepare after {after}"),
        paxos::Ask::Promise { last, after, entries, .. } => {
            format!("promise up to {last}, with {} after {after}", entries.len())
        }
        paxos::Ask::Offer(meta) => format!("has only a snapshot, up to {}", meta.index),
    }
}

fn of_zab(ask: &zab::Ask) -> String {
    match ask {
        zab::Ask::Notification { round, looking, leader, .. } => {
            let what = if *looking { "proposes" } else { "follows" };
            format!("round {round}: {what} {leader}")
        }
        zab::Ask::FollowerInfo => "FOLLOWERINFO".to_owned(),
        zab::Ask::NewEpoch { .. } => "NEWEPOCH".to_owned(),
        zab::Ask::AckEpoch { last, .. } => format!("ACKEPOCH up to {last}"),
    }
}

fn swap(input: &Input) -> String {
    match input {
        Input::Swap { from, to } => {
            let from = from.map_or_else(|| "nothing".to_owned(), |n| n.to_string());
            format!("SET {to} if still {from}")
        }
        other => format!("{other:?}"),
    }
}

/// How a request ended. A transaction that was not carried out is answered with nothing.
fn ended(reply: Option<&Value>, transaction: bool) -> String {
    match reply {
        None => "fate unknown".to_owned(),
        Some(Value::Error(text)) if fate(text) == Some(Outcome::Unknown) => ended(None, false),
        Some(Value::Error(_)) => "refused".to_owned(),
        Some(Value::Null) if transaction => "refused".to_owned(),
        Some(Value::Array(_)) if transaction => "answered done".to_owned(),
        Some(value) => format!("answered {}", short(value)),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Integer(n) => n.to_string(),
        Value::Array(all) if all.len() <= SHOWN_MAX => {
            all.iter().map(short).collect::<Vec<_>>().join(", ")
        }
        Value::Array(all) => format!("{} values", all.len()),
        other => {
            let text = other.as_str().map_or_else(|| format!("{other:?}"), str::to_owned);
            text.chars().take(ARG_SHOWN_MAX).collect()
        }
    }
}
