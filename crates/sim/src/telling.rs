//! What the recorder is told about frames and requests, in words for people.

use crate::trace::{Fate, Item};
use crate::world::World;
use synod_checker::{Input, Outcome, Output};
use synod_consensus::Message;
use synod_consensus::raft::Body;
use synod_types::PartitionId;
use synod_wire::peer::{Frame, FrameKind};

impl World {
    pub(crate) fn tell_message(&mut self, from: usize, to: usize, fate: Fate, frames: &[Frame]) {
        let sent_us = self.time;
        self.recorder.keep(sent_us, || {
            let what: Vec<_> = frames.iter().map(frame).collect();
            Item::Message { from, to, fate, what: what.join("; ") }
        });
    }

    pub(crate) fn tell_asked(&mut self, op: usize) {
        let operation = &self.history[op];
        let client = operation.client as usize;
        let node = self.clients[client].node.map_or(0, |(node, _)| node);
        let time = self.time;
        self.recorder.keep(time, || {
            let what = format!("{} {}", operation.key, input(&operation.input));
            Item::Asked { op, client, node, what }
        });
    }

    pub(crate) fn tell_outcome(&mut self, op: usize) {
        let outcome = &self.history[op].outcome;
        let time = self.time;
        self.recorder.keep(time, || Item::Answered { op, outcome: ended(outcome) });
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
        FrameKind::Heartbeat => return "heartbeats of all groups".to_owned(),
        FrameKind::Forward => return format!("{name} forward of a request"),
        FrameKind::ForwardReply => return format!("{name} answer to a forward"),
        FrameKind::SnapshotFetch => return format!("{name} snapshot wanted"),
        FrameKind::SnapshotChunk => return format!("{name} snapshot piece"),
        FrameKind::Consensus => {}
    }
    let Some(Message::Raft(message)) = Message::decode(frame.body.clone()) else {
        return format!("{name} garbage");
    };
    let what = match &message.body {
        Body::Vote { pre, .. } => (if *pre { "pre-vote?" } else { "vote?" }).to_owned(),
        Body::VoteReply { granted, .. } => format!("vote: {}", if *granted { "yes" } else { "no" }),
        Body::Append { prev, commit, entries, .. } => {
            format!("append {} after {prev}, commit {commit}", entries.len())
        }
        Body::AppendReply { matched, .. } => format!("has {matched}"),
        Body::AppendReject { prev, .. } => format!("lacks {prev}"),
        Body::Heartbeat { commit, .. } => format!("heartbeat, commit {commit}"),
        Body::HeartbeatReply { .. } => "alive".to_owned(),
        Body::SnapshotOffer(meta) => format!("snapshot offered, up to {}", meta.index),
        Body::TimeoutNow => "take over".to_owned(),
    };
    format!("{name} t{}: {what}", message.term)
}

fn input(input: &Input) -> String {
    match input {
        Input::Read | Input::Count => "GET".to_owned(),
        Input::Write(value) => format!("SET {value}"),
        Input::Increment(by) => format!("INCRBY {by}"),
        Input::Members => "SMEMBERS".to_owned(),
        Input::Add(value) => format!("SADD {value}"),
        Input::Items => "LRANGE".to_owned(),
        Input::Append(value) => format!("RPUSH {value}"),
        Input::Swap { from, to } => format!("SET {to} if still {}", value(*from)),
    }
}

fn value(value: Option<u64>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |n| n.to_string())
}

fn ended(outcome: &Outcome) -> String {
    let output = match outcome {
        Outcome::Unknown => return "fate unknown".to_owned(),
        Outcome::Refused => return "refused".to_owned(),
        Outcome::Returned { output, .. } => output,
    };
    let text = match output {
        Output::Value(found) => value(*found),
        Output::Number(n) => n.to_string(),
        Output::Done | Output::Swapped(_) => "done".to_owned(),
        Output::Set(all) => format!("{} members", all.len()),
        Output::List(all) => format!("{} items", all.len()),
    };
    format!("answered {text}")
}
