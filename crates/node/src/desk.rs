//! Where answers leave: to a session, to a gather, or to the node that forwarded the request.

use crate::answers::{Asker, LongReplies, Status, put_reply};
use crate::attempts::Attempt;
use crate::forward;
use crate::guests;
use crate::heats::{CountedReply, Heats};
use crate::output::Output;
use synod_data::op::{Op, put_command};
use synod_machine::{MachineId, Operation};
use synod_redis::Sessions;
use synod_redis::{Gather, Gathers, Join, encoded};
use synod_replica::{Audience, Failure, Origin};
use synod_types::plant::planted;
use synod_types::{ClientId, Index, NodeId, PartitionId, ReplySink};
use synod_wire::resp::{Proto, RespWriter};

/// What a client is told when its request was not executed.
pub(crate) const NOT_EXECUTED: &str =
    "TRYAGAIN The partition's leader changed before the request was executed; nothing was written";
/// What a client is told when no leader was found in time.
pub(crate) const NO_LEADER: &str =
    "CLUSTERDOWN The partition has no reachable leader; nothing was written";
/// What a client is told when a write's fate is not known.
pub(crate) const UNKNOWN: &str =
    "UNKNOWN The partition's leader was lost; the write may or may not have been executed";
/// What a client is told when its write was accepted and then waits for space on the disk.
pub(crate) const STUCK: &str = "UNKNOWN The disk is full: the write waits and may still be executed. Reads go on; free some space to write again.";
/// What a client is told when a read cannot be executed in its place any more.
pub(crate) const UNREAD: &str = "TRYAGAIN The partition's leader was lost before the read was executed, and a write behind it may have been";
/// What a client is told when the disk takes no more.
pub(crate) const DISK_FULL: &str = "MISCONF The disk is full: the write was not executed. Reads go on; free some space to write again.";

pub(crate) fn text(failure: Failure) -> &'static str {
    match failure {
        Failure::NotExecuted(_) | Failure::NewerEpoch(_) => NOT_EXECUTED,
        Failure::Unknown if planted("error-for-committed") => NOT_EXECUTED,
        Failure::Unknown => UNKNOWN,
        Failure::Stuck => STUCK,
        Failure::DiskFull => DISK_FULL,
        Failure::Unread => UNREAD,
    }
}

/// Delivers the answers of one replica.
pub(crate) struct Desk<'a> {
    pub node: NodeId,
    pub group: PartitionId,
    pub sessions: &'a mut Sessions,
    pub gathers: &'a mut Gathers,
    pub long_replies: &'a mut LongReplies,
    pub now_us: u64,
    pub output: &'a mut Output,
    pub heats: &'a mut Heats,
}

impl Desk<'_> {
    fn deliver(&mut self, to: Origin, write: &mut dyn FnMut(&mut dyn ReplySink)) {
        match to {
            Origin::Internal => write(&mut ()),
            Origin::Call { ticket } => guests::end(self.output, ticket, write),
            Origin::Client { client, seq } => {
                self.sessions.complete(client, seq, &mut self.output.ready, &mut |out| write(out));
            }
            Origin::Step { ticket } => {
                self.output.steps.push(ticket, encoded(Proto::Resp2, |out| write(out)));
            }
            Origin::Gather { gather, part, resp3 } => {
                let proto = if resp3 { Proto::Resp3 } else { Proto::Resp2 };
                self.gathered(gather, part, encoded(proto, |out| write(out)));
            }
            Origin::Peer { node, worker, request, attempt, resp3 } => {
                let proto = if resp3 { Proto::Resp3 } else { Proto::Resp2 };
                let to = Asker { node, worker, request, attempt: Attempt(attempt) };
                let frames = forward::queue(self.output, self.node, node, worker);
                self.long_replies.put(frames, self.group, to, self.now_us, |body| {
                    write(&mut RespWriter::new(body, proto));
                });
            }
        }
    }
}

impl Audience for Desk<'_> {
    fn answer(&mut self, to: Origin, write: &mut dyn FnMut(&mut dyn ReplySink)) {
        let Some(begun) = self.heats.begin() else { return self.deliver(to, write) };
        let mut bytes = 0;
        self.deliver(to, &mut |out| {
            let mut counted = CountedReply::new(out);
            write(&mut counted);
            bytes = counted.bytes;
        });
        self.heats.end(begun, bytes);
    }

    fn ran_aside(&mut self, took_ns: u64, reply_bytes: usize) {
        self.heats.ran_aside(took_ns, reply_bytes);
    }

    fn proto(&mut self, to: Origin) -> Proto {
        let resp3 = match to {
            Origin::Internal | Origin::Call { .. } | Origin::Step { .. } => false,
            Origin::Client { client, .. } => {
                self.sessions.get(client).is_some_and(|session| session.proto() == Proto::Resp3)
            }
            Origin::Gather { resp3, .. } | Origin::Peer { resp3, .. } => resp3,
        };
        if resp3 { Proto::Resp3 } else { Proto::Resp2 }
    }

    fn answer_with(&mut self, to: Origin, reply: &[u8]) {
        match to {
            Origin::Peer { node, worker, request, attempt, .. } => {
                let to = Asker { node, worker, request, attempt: Attempt(attempt) };
                let frames = forward::queue(self.output, self.node, node, worker);
                self.long_replies.put(frames, self.group, to, self.now_us, |body| {
                    body.extend_from_slice(reply);
                });
            }
            to => self.relay(to, reply),
        }
    }

    fn answered(&mut self, to: Origin, op: Operation<'_>) {
        if self.heats.is_picked() {
            self.heats.note(self.group, op);
        }
        let Origin::Client { client, .. } = to else { return };
        let took_us = self.sessions.latencies().last_us();
        if self.sessions.slow().is_slow(took_us) {
            if op.machine != MachineId::KEYSPACE {
                return;
            }
            let op = Op::decode(op.body);
            match op.as_ref().map(Op::plain) {
                Some(Op::Command(args)) => self.sessions.slow().note(client, took_us, args),
                Some(Op::Transaction { .. }) => {
                    self.sessions.slow().note(client, took_us, &[b"EXEC"])
                }
                _ => {}
            }
        }
    }

    fn waiting(&mut self, to: Origin, since: Index, begun: Option<&[&[u8]]>) {
        match to {
            Origin::Peer { node, worker, request, attempt, .. } => {
                let to = Asker { node, worker, request, attempt: Attempt(attempt) };
                let frames = forward::queue(self.output, self.node, node, worker);
                put_reply(frames, self.group, to, Status::Waiting(since), |body| {
                    if let Some(args) = begun {
                        put_command(body, args);
                    }
                });
            }
            Origin::Client { client, seq } => {
                if let Some(args) = begun
                    && let Some(session) = self.sessions.get(client)
                    && let Some(blocked) = session.blocked_mut().filter(|b| b.seq() == seq)
                {
                    blocked.begin(args);
                }
            }
            _ => {}
        }
    }

    fn fail(&mut self, to: Origin, failure: Failure) {
        match to {
            Origin::Peer { node, worker, request, attempt, .. } => {
                let to = Asker { node, worker, request, attempt: Attempt(attempt) };
                let status = match failure {
                    Failure::NotExecuted(hint) => Status::NotLeader(hint),
                    Failure::NewerEpoch(epoch) => Status::NewerEpoch(epoch),
                    Failure::Unknown | Failure::Stuck | Failure::Unread => Status::Unknown,
                    Failure::DiskFull => Status::DiskFull,
                };
                let frames = forward::queue(self.output, self.node, node, worker);
                put_reply(frames, self.group, to, status, |_| ());
            }
            Origin::Client { client, seq }
                if matches!(failure, Failure::NotExecuted(_) | Failure::NewerEpoch(_))
                    && self.waits(client, seq) =>
            {
                self.sessions.give_back(client);
            }
            to => self.answer(to, &mut |out| out.error(text(failure))),
        }
    }
}

impl Desk<'_> {
    /// Whether this request of the client is one that waits.
    fn waits(&mut self, client: ClientId, seq: u64) -> bool {
        let session = self.sessions.get(client);
        session.and_then(|s| s.blocked()).is_some_and(|blocked| blocked.seq() == seq)
    }

    /// Hands over bytes that another node answered.
    pub fn relay(&mut self, to: Origin, reply: &[u8]) {
        match to {
            Origin::Client { client, seq } => {
                self.sessions
                    .complete(client, seq, &mut self.output.ready, &mut |out| out.raw(reply));
            }
            Origin::Gather { gather, part, .. } => self.gathered(gather, part, reply.to_vec()),
            Origin::Call { ticket } => guests::end_with(self.output, ticket, reply),
            Origin::Step { ticket } => self.output.steps.push(ticket, reply.to_vec()),
            Origin::Internal | Origin::Peer { .. } => {}
        }
    }

    /// Answers with bytes that are a reply in RESP2 already.
    pub fn hand_over(&mut self, to: Origin, reply: &[u8]) {
        match to {
            Origin::Peer { node, worker, request, attempt, .. } => {
                let to = Asker { node, worker, request, attempt: Attempt(attempt) };
                let frames = forward::queue(self.output, self.node, node, worker);
                put_reply(frames, self.group, to, Status::Done, |body| {
                    body.extend_from_slice(reply);
                });
            }
            to => self.relay(to, reply),
        }
    }

    fn gathered(&mut self, gather: u64, part: u32, reply: Vec<u8>) {
        let Some(mut whole) = self.gathers.complete(gather, part, reply) else { return };
        if matches!(whole.join(), Join::Watch(_)) {
            self.watched(&mut whole);
            return;
        }
        if matches!(whole.join(), Join::Exec(..) | Join::Users(..)) {
            self.gathers.set_aside(whole);
            return;
        }
        let (client, seq) = whole.asked_by();
        self.sessions.complete(client, seq, &mut self.output.ready, &mut |out| whole.write(out));
    }

    fn watched(&mut self, whole: &mut Gather) {
        let versions = whole.versions();
        let (client, seq) = whole.asked_by();
        let Some(session) = self.sessions.get(client) else { return };
        let outcome = versions.map(|versions| session.watch(versions));
        self.sessions.complete(client, seq, &mut self.output.ready, &mut |out| match &outcome {
            Ok(()) => out.simple("OK"),
            Err(text) => out.error(text),
        });
    }
}
