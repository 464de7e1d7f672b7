//! Locks whose line is in a tree of ZooKeeper's clients: `LOCK` on a name that begins with `{zookeeper}/`, or
//! `{zookeeper/NAME}/` for a namespace that has a name.
//!
//! Most of it is one operation of the tree. Who waits is in line there, and this worker asks for it where it stands:
//!
//! ```text
//!   Enqueue --a token--> answered
//!      |
//!      +--others are before--> Await --it holds the lock--> Renew (the lease begins) --> answered
//!                              |   ^
//!                              +---+ every half second, or at the next tick after an error
//!   time is over, CLIENT UNBLOCK, connection closed: Leave --> answered
//! ```
//!
//! The wait is state of the tree, and being asked for keeps it in line. So a leader that is lost costs nobody his place,
//! and a node that is lost leaves the line when its waiters' sessions are over.

use crate::colleagues::NODE;
use crate::desk::DISK_FULL;
use crate::node::Node;
use std::collections::BTreeMap;
use synod_data::{TreeCall, tree_call};
use synod_redis::{Flow, Kind, Standing, encoded, standing};
use synod_replica::{Access, Origin, WaitEnd};
use synod_tree::{Call, Contend, Request};
use synod_types::{ClientId, ReplySink, key_slot, namespace_key};
use synod_wire::resp::Proto;

/// The most clients of a worker that wait for locks of trees.
const CONTENDERS_MAX: usize = 16_384;
/// How many of those for whom no place was found to wait are asked for again at one tick.
const RESTED_MAX: usize = 1_024;
const TOO_MANY: &str = "TRYAGAIN too many requests wait for locks; nothing was done";
const LOST_PLACE: &str = "TRYAGAIN the place in line was lost; the lock is not held";
const NOT_TEXT: &str = "ERR a lock of the tree has a path of the tree as its name";

/// How far one who waits has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Enqueuing,
    Awaiting,
    /// To be asked for again at the next tick.
    Resting,
    Renewing,
    Leaving(WaitEnd),
}

/// One who waits for a lock of the tree.
#[derive(Debug)]
struct Contender {
    client: ClientId,
    seq: u64,
    namespace: String,
    path: String,
    lease_ms: u32,
    deadline_us: Option<u64>,
    shared: bool,
    token: i64,
    /// How it is to end, if that is asked for.
    end: Option<WaitEnd>,
    stage: Stage,
}

impl Contender {
    fn origin(&self) -> Origin {
        Origin::Client { client: self.client, seq: self.seq }
    }

    /// What has to be asked at this stage.
    fn ask(&self) -> Contend<'_> {
        let (path, token, lease_ms) = (&*self.path, self.token, self.lease_ms);
        match self.stage {
            Stage::Enqueuing => {
                Contend::Enqueue { path, lease_ms, shared: self.shared, wait: true }
            }
            Stage::Awaiting | Stage::Resting => Contend::Await { path, token },
            Stage::Renewing => Contend::Renew { path, token, lease_ms },
            Stage::Leaving(_) => Contend::Leave { path, token },
        }
    }
}

/// Those who wait at this worker.
#[derive(Debug, Default)]
pub(crate) struct Contenders {
    waiting: BTreeMap<u64, Contender>,
    last: u64,
    /// The last who had rested and was asked for again.
    rested: u64,
}

fn asked(namespace: &str, ask: Contend<'_>) -> (Vec<u8>, Access) {
    let access = if ask.is_read() { Access::Read } else { Access::Write };
    let mut op = Vec::new();
    let request = Request::Contend(ask);
    Call { session: 0, owner: 0, ids: Vec::new(), request }.put(namespace, &mut op);
    (op, access)
}

impl Node {
    /// LOCK with a name of the tree; `None` if it is one that the keyspace refuses.
    pub(crate) fn lock_in_tree(&mut self, client: ClientId, args: &[&[u8]]) -> Option<Flow> {
        let (namespace, path, call) = tree_call(args)?;
        let call = match call {
            Ok(call) => call,
            Err(text) => return Some(self.refuse_request(client, text)),
        };
        let Ok(path) = std::str::from_utf8(path) else {
            return Some(self.refuse_request(client, NOT_TEXT));
        };
        let partition = self.groups.map().partition_of(key_slot(args[2]));
        let Some(partition) = partition else {
            return Some(self.refuse_request(client, crate::requests::NOT_READY));
        };
        let ask = match call {
            TreeCall::Acquire { lease_ms, shared, wait_ms: Some(wait_ms) } => {
                let wish = (lease_ms, shared, wait_ms);
                return Some(self.stand_in_line(client, (namespace, path), wish));
            }
            TreeCall::Acquire { lease_ms, shared, wait_ms: None } => {
                Contend::Enqueue { path, lease_ms, shared, wait: false }
            }
            TreeCall::Renew { token, lease_ms } => Contend::Renew { path, token, lease_ms },
            TreeCall::Release { token } => Contend::Leave { path, token },
            TreeCall::Info => Contend::Inspect { path },
        };
        let kind = if ask.is_read() { Kind::Read } else { Kind::Write };
        let Some(session) = self.clients.session(client) else { return Some(Flow::Closing) };
        let access = crate::requests::access(session, kind);
        let origin = Origin::Client { client, seq: session.reserve(kind) };
        self.route(partition, origin, asked(namespace, ask).0, access);
        Some(Flow::Next)
    }

    fn stand_in_line(
        &mut self,
        client: ClientId,
        (namespace, path): (&str, &str),
        (lease_ms, shared, wait_ms): (u32, bool, Option<u64>),
    ) -> Flow {
        if self.room.disk_is_full() {
            return self.refuse_request(client, DISK_FULL);
        }
        if self.contenders.waiting.len() >= CONTENDERS_MAX {
            return self.refuse_request(client, TOO_MANY);
        }
        let now_us = self.local.now().mono_us;
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        let contender = Contender {
            client,
            seq: session.reserve_barrier(Kind::Write),
            namespace: namespace.to_owned(),
            path: path.to_owned(),
            lease_ms,
            deadline_us: wait_ms.map(|ms| now_us.saturating_add(ms.saturating_mul(1000))),
            shared,
            token: 0,
            end: None,
            stage: Stage::Enqueuing,
        };
        self.contenders.last += 1;
        let of = self.contenders.last;
        self.contenders.waiting.insert(of, contender);
        self.go_on_in_line(of, Stage::Enqueuing);
        Flow::Next
    }

    /// Asks what its stage wants to know.
    fn go_on_in_line(&mut self, of: u64, stage: Stage) {
        let Some(contender) = self.contenders.waiting.get_mut(&of) else { return };
        contender.stage = stage;
        // The tree may have gone to another partition since it was asked last.
        let slot = key_slot(&namespace_key(&contender.namespace));
        let Some(partition) = self.groups.map().partition_of(slot) else { return };
        let (op, access) = asked(&contender.namespace, contender.ask());
        let ticket = self.conductor.lock_ticket(of);
        self.route(partition, Origin::Step { ticket }, op, access);
    }

    /// The tree has answered.
    pub(crate) fn contender_answered(&mut self, of: u64, reply: &[u8]) {
        let Some(contender) = self.contenders.waiting.get_mut(&of) else { return };
        match (contender.stage, standing(reply)) {
            (Stage::Enqueuing, Standing::InLine(token)) => {
                contender.token = token.unwrap_or(contender.token);
                self.go_on_in_line(of, Stage::Awaiting);
            }
            (Stage::Awaiting, Standing::Number(1)) => self.go_on_in_line(of, Stage::Renewing),
            (Stage::Renewing, Standing::Number(1)) => {
                let token = contender.token;
                self.end_contender(of, &mut |out| out.integer(token));
            }
            (Stage::Enqueuing, Standing::Number(token)) => {
                self.end_contender(of, &mut |out| out.integer(token));
            }
            (Stage::Awaiting | Stage::Renewing, Standing::Number(_)) => {
                self.end_contender(of, &mut |out| out.error(LOST_PLACE));
            }
            (Stage::Awaiting, _) => contender.stage = Stage::Resting,
            // The answer to an earlier question.
            (Stage::Resting, _) => {}
            (Stage::Leaving(end), _) => self.end_contender(of, &mut |out| end.reply(out)),
            (Stage::Enqueuing | Stage::Renewing, reply) => {
                let text = match reply {
                    Standing::Refused(text) => text,
                    _ => crate::desk::UNKNOWN.to_owned(),
                };
                self.end_contender(of, &mut |out| out.error(&text));
            }
        }
    }

    fn end_contender(&mut self, of: u64, write: &mut dyn FnMut(&mut dyn ReplySink)) {
        let Some(contender) = self.contenders.waiting.remove(&of) else { return };
        let origin = contender.origin();
        let proto = self.clients.session(contender.client).map(|session| session.proto());
        let reply = encoded(proto.unwrap_or(Proto::Resp2), |out| write(out));
        self.desk(NODE).relay(origin, &reply);
    }

    /// A tick has passed: who rests is asked for again, and who has waited for long enough leaves.
    pub(crate) fn tend_contenders(&mut self) {
        let now_us = self.local.now().mono_us;
        let mut steps = Vec::new();
        let (waiting, rested) = (&self.contenders.waiting, self.contenders.rested);
        let (mut again, mut last) = (0, rested);
        for (of, contender) in waiting.range(rested + 1..).chain(waiting.range(..=rested)) {
            let late = contender.deadline_us.filter(|at| *at <= now_us);
            let end = contender.end.or(late.map(|_| WaitEnd::Timeout));
            match (contender.stage, end) {
                (Stage::Awaiting | Stage::Resting, Some(end)) => {
                    steps.push((*of, Stage::Leaving(end)));
                }
                (Stage::Resting, None) if again < RESTED_MAX => {
                    steps.push((*of, Stage::Awaiting));
                    (again, last) = (again + 1, *of);
                }
                _ => {}
            }
        }
        self.contenders.rested = last;
        steps.into_iter().for_each(|(of, stage)| self.go_on_in_line(of, stage));
    }

    /// Ends the wait of a client for a lock of the tree, if it has one; whether it has.
    pub(crate) fn leave_line(&mut self, client: ClientId, end: WaitEnd) -> bool {
        let mut all = self.contenders.waiting.iter_mut();
        let Some((of, contender)) = all.find(|(_, contender)| contender.client == client) else {
            return false;
        };
        contender.end = Some(end);
        let of = *of;
        if matches!(contender.stage, Stage::Awaiting | Stage::Resting) {
            self.go_on_in_line(of, Stage::Leaving(end));
        }
        true
    }
}
