//! All connections of a gate, and what passes through it.

use crate::connection::{Connection, ConnectionId, Phase, State, Waiting};
use crate::follower::Follower;
use crate::latency::Latency;
use crate::pending::Pending;
use crate::submit::{Asker, Outcome, Submit};
use crate::surroundings::{Hearing, Surroundings};
use crate::translate::{UNIMPLEMENTED, translate};
use crate::watchers::Watchers;
use crate::words::{self, Facts};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use synod_tree::events::Kind;
use synod_tree::{Call, Reply, Request};
use synod_types::DEFAULT_NAMESPACE;
use synod_wire::jute::{self, ConnectRequest, Op, opcode, take_frame};

/// What clients may ask for as the timeout of a session, in milliseconds (ZooKeeper: 2 and 20 ticks of 2 s).
pub(crate) const TIMEOUT_MS_MIN: i32 = 4_000;
pub(crate) const TIMEOUT_MS_MAX: i32 = 40_000;
/// How often the leader is told which sessions were heard from.
const TOUCH_US: u64 = 500_000;
/// Room for most calls, so that they are written without growing.
const CALL_BYTES: usize = 192;
/// ZooKeeper's number for a server that could not do what it should.
const SYSTEM_ERROR: i32 = -1;
/// ZooKeeper's number for an identity that is not accepted.
const AUTH_FAILED: i32 = -115;

/// Where the list of members is read.
pub(crate) const CONFIG: &str = "/zookeeper/config";

/// ZooKeeper's number for members that do not change by this protocol.
const RECONFIG_DISABLED: i32 = -123;

/// The gate of one worker.
#[derive(Debug)]
pub struct Gate {
    /// Whose tree the clients find.
    pub(crate) namespace: Box<str>,
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    pub(crate) sessions: BTreeMap<i64, ConnectionId>,
    pub(crate) follower: Follower,
    pub(crate) watchers: Watchers,
    /// Connections with a reply that is held back until the gate has followed to it.
    pub(crate) held: BTreeSet<ConnectionId>,
    askers: BTreeMap<u64, Asker>,
    submits: Vec<Submit>,
    pub(crate) dirty: BTreeSet<ConnectionId>,
    next_connection: u64,
    next_ticket: u64,
    pub(crate) now_us: u64,
    touched_us: u64,
    pub(crate) hearing: Hearing,
    /// Since when an answer to "what has happened?" is on its way.
    pub(crate) asking_since_us: Option<u64>,
    /// Whether an answer to "are you there?" is on its way.
    probing: bool,
    pub(crate) facts: Facts,
    /// Since when the tree has not answered.
    pub(crate) silent_since_us: Option<u64>,
    pub(crate) around: Surroundings,
    /// The digest of who may do everything, if there is somebody.
    superuser: Option<String>,
}

impl Gate {
    /// A gate without connections. `process` is a number that no other process of the cluster has, ever.
    #[must_use]
    pub fn new(process: u32) -> Self {
        Self {
            namespace: DEFAULT_NAMESPACE.into(),
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            follower: Follower::default(),
            watchers: Watchers::default(),
            held: BTreeSet::new(),
            askers: BTreeMap::new(),
            submits: Vec::new(),
            dirty: BTreeSet::new(),
            next_connection: u64::from(process) << 32,
            next_ticket: 0,
            now_us: 0,
            touched_us: 0,
            hearing: Hearing::default(),
            asking_since_us: None,
            probing: false,
            facts: Facts { serving: true, ..Facts::default() },
            silent_since_us: None,
            around: Surroundings::default(),
            superuser: None,
        }
    }

    /// Whoever proves to have this digest (`USER:BASE64`, ZooKeeper's `superDigest`) may do everything.
    #[must_use]
    pub fn with_superuser(self, digest: Option<String>) -> Self {
        Self { superuser: digest, ..self }
    }

    /// The clients find this namespace.
    #[must_use]
    pub fn of_namespace(self, namespace: &str) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    /// How it is around the gate. Who watches the list of members is told when it is another one.
    pub fn surround(&mut self, around: Surroundings) {
        let before = std::mem::replace(&mut self.around, around);
        if before.config != self.around.config && !before.config.is_empty() {
            for id in self.watchers.concerned(CONFIG) {
                self.fire(id, Kind::DataChanged, CONFIG);
            }
        }
    }

    /// A client connected.
    pub fn open(&mut self, address: IpAddr) -> ConnectionId {
        self.next_connection += 1;
        let id = ConnectionId(self.next_connection);
        self.connections.insert(id, Connection::new(address));
        id
    }

    /// A client's socket is closed. Its session lives on until it expires.
    pub fn close(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        self.held.remove(&id);
        connection.watches.paths().for_each(|path| self.watchers.remove(path, id));
        connection.watches.recursive().for_each(|path| self.watchers.remove_recursive(path, id));
        if self.sessions.get(&connection.session) == Some(&id) {
            self.sessions.remove(&connection.session);
        }
        if self.connections.is_empty() {
            self.follower.stop();
        }
    }

    /// What is to be written to the client, and whether it is to be closed behind it; `None` when it is unknown.
    pub fn output(&mut self, id: ConnectionId) -> Option<(&mut Vec<u8>, bool)> {
        let connection = self.connections.get_mut(&id)?;
        let close = connection.phase == Phase::Closing;
        Some((&mut connection.output, close))
    }

    /// Whether more should be read from the client.
    #[must_use]
    pub fn wants_input(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(Connection::wants_input)
    }

    /// How many requests wait for their replies.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.connections.values().map(Connection::waiting).sum()
    }

    /// The operations that are to be run.
    pub fn take_submits(&mut self) -> Vec<Submit> {
        std::mem::take(&mut self.submits)
    }

    /// Whether there are any.
    #[must_use]
    pub fn has_submits(&self) -> bool {
        !self.submits.is_empty()
    }

    /// The connections whose output has to be looked at.
    pub fn take_dirty(&mut self) -> BTreeSet<ConnectionId> {
        std::mem::take(&mut self.dirty)
    }

    /// Up to which change the gate follows; `None` while it does not.
    #[must_use]
    pub fn follows(&self) -> Option<i64> {
        self.follower.seen()
    }

    /// Bytes came from a client.
    pub fn input(&mut self, id: ConnectionId, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.phase != Phase::Closing {
            connection.input.extend_from_slice(bytes);
            self.take_input(id);
        }
    }

    /// Takes the messages of a client as far as they are complete and there is room for them.
    pub(crate) fn take_input(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let input = std::mem::take(&mut connection.input);
        let mut used = 0;
        while self.takes_message(id) {
            let rest = &input[used..];
            if self.is_greeting(id) && self.word(id, rest) {
                used = input.len();
                break;
            }
            match take_frame(rest) {
                Ok(Some((payload, consumed))) => {
                    used += consumed;
                    self.message(id, payload);
                }
                Ok(None) => break,
                Err(_) => self.hang_up(id),
            }
        }
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.phase != Phase::Closing
        {
            connection.input.extend_from_slice(&input[used..]);
        }
        self.go_on(id);
    }

    fn takes_message(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(Connection::wants_input)
    }

    fn is_greeting(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|c| c.phase == Phase::Greeting)
    }

    /// Answers a four-letter word, if the connection begins with one.
    fn word(&mut self, id: ConnectionId, bytes: &[u8]) -> bool {
        let Some(word) = bytes.first_chunk::<4>() else { return false };
        if let Some(request) = words::asks_the_tree(*word) {
            self.ask_for_word(id, *word, request);
            return true;
        }
        if let Some(text) = self.listing(*word) {
            self.answer_word(id, &text);
            return true;
        }
        let Some(text) = words::answer(*word, self.facts()) else { return false };
        self.answer_word(id, &text);
        if matches!(word, b"srst" | b"crst") {
            (self.facts.received, self.facts.sent) = (0, 0);
            self.facts.latency = Latency::default();
        }
        true
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts {
            connections: self.connections.len(),
            watching: self.connections.values().filter(|c| !c.watches.is_empty()).count(),
            watches: self.connections.values().map(|c| c.watches.len()).sum(),
            paths: self.watchers.paths(),
            outstanding: self.waiting(),
            zxid: self.follower.seen().unwrap_or_default(),
            ..self.facts
        }
    }

    /// Writes the answer to a word and closes the connection.
    pub(crate) fn answer_word(&mut self, id: ConnectionId, text: &str) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.output.extend_from_slice(text.as_bytes());
        }
        self.hang_up(id);
    }

    fn message(&mut self, id: ConnectionId, payload: &[u8]) {
        self.facts.received += 1;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.heard = true;
        let taken = match connection.phase {
            Phase::Greeting => self.connect(id, payload),
            _ => self.request(id, payload),
        };
        if taken.is_err() {
            self.hang_up(id);
        }
    }

    fn connect(&mut self, id: ConnectionId, payload: &[u8]) -> Result<(), jute::Malformed> {
        let asked = ConnectRequest::decode(payload)?;
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        connection.phase = Phase::Connecting;
        connection.takes_read_only = asked.read_only == Some(true);
        let timeout_ms = asked.timeout_ms.clamp(TIMEOUT_MS_MIN, TIMEOUT_MS_MAX).unsigned_abs();
        if self.facts.read_only && connection.takes_read_only {
            self.connect_read_only(id, &asked, timeout_ms);
            return Ok(());
        }
        let request = match asked.session {
            0 => Request::Open { timeout_ms },
            _ => Request::Attach { password: asked.password, timeout_ms },
        };
        let pending = Pending::Connect { read_only: asked.read_only, last_zxid: asked.last_zxid };
        connection.session = asked.session;
        let call = Call { session: asked.session, owner: id.0, ids: Vec::new(), request };
        connection.push(Waiting::new(0, pending, held(&self.namespace, &call)), self.now_us);
        Ok(())
    }

    fn request(&mut self, id: ConnectionId, payload: &[u8]) -> Result<(), jute::Malformed> {
        let request = jute::Request::decode(payload)?;
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        let xid = request.xid;
        let local = |pending| Waiting::new(xid, pending, State::local());
        let waiting = match &request.op {
            Op::Ping => local(Pending::Local(Ok(()))),
            Op::Auth { scheme, auth } => {
                match connection.ids.add(scheme, auth, self.superuser.as_deref()) {
                    true => local(Pending::Local(Ok(()))),
                    false => local(Pending::Refused(AUTH_FAILED)),
                }
            }
            Op::RemoveWatches { path, kind, check_only } => {
                local(Pending::unwatch(path, *kind, *check_only))
            }
            Op::WhoAmI => local(Pending::Who(connection.ids.told())),
            Op::Other(opcode::SASL) => local(Pending::Refused(AUTH_FAILED)),
            Op::Other(opcode::RECONFIG) => local(Pending::Local(Err(RECONFIG_DISABLED))),
            Op::Other(_) => local(Pending::Local(Err(UNIMPLEMENTED))),
            op if connection.read_only => self.read_only_request(id, xid, op),
            op => match translate(op) {
                Ok((request, pending)) => {
                    let (session, ids) = (connection.session, connection.ids.all());
                    let call = Call { session, owner: id.0, ids, request };
                    Waiting::new(xid, pending, held(&self.namespace, &call))
                }
                Err(code) => local(Pending::Local(Err(code))),
            },
        };
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.push(waiting, self.now_us);
        }
        Ok(())
    }

    /// Sends what may set out, and writes the replies that may leave.
    pub(crate) fn go_on(&mut self, id: ConnectionId) {
        while let Some(connection) = self.connections.get_mut(&id) {
            let Some((place, op, read)) = connection.next_to_send() else { break };
            let local = connection.read_only;
            let ticket = self.ticket(Asker::Connection(id, place));
            self.submits.push(Submit { ticket, op, read, local });
        }
        self.deliver(id);
    }

    fn ticket(&mut self, asker: Asker) -> u64 {
        self.next_ticket += 1;
        self.askers.insert(self.next_ticket, asker);
        self.next_ticket
    }

    /// The outcome of an operation.
    pub fn outcome(&mut self, ticket: u64, outcome: Outcome<'_>) {
        let Some(asker) = self.askers.remove(&ticket) else { return };
        let reply = match outcome {
            Outcome::Done(bytes) => Reply::decode(bytes),
            Outcome::DiskFull | Outcome::Lost => None,
        };
        let is_local = matches!(&asker, Asker::Connection(id, _)
            if self.connections.get(id).is_some_and(|connection| connection.read_only));
        if !is_local {
            self.facts.serving = outcome != Outcome::Lost;
        }
        match asker {
            Asker::Connection(id, place) => self.answered(id, place, reply, outcome),
            Asker::Follower => self.question_answered(reply),
            Asker::Touch(ids, sent_us) if reply.is_some() => {
                for id in ids {
                    if let Some(connection) = self.connections.get_mut(&id) {
                        connection.confirmed_us = connection.confirmed_us.max(sent_us);
                    }
                }
            }
            Asker::Touch(..) => {}
            Asker::Probe => self.probing = false,
        }
    }

    fn answered(
        &mut self,
        id: ConnectionId,
        place: u64,
        reply: Option<Reply>,
        outcome: Outcome<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match reply {
            Some(reply) => connection.answer(place, reply),
            None if outcome == Outcome::DiskFull && connection.phase == Phase::Connected => {
                connection.refuse(place, SYSTEM_ERROR);
            }
            None if connection.asks_for_word() => return self.answer_word(id, words::DOWN),
            None => return self.hang_up(id),
        }
        self.go_on(id);
        self.take_input(id);
    }

    /// Closes a connection once its output is written.
    pub(crate) fn hang_up(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.close();
            self.dirty.insert(id);
        }
    }

    pub(crate) fn submit(&mut self, call: &Call<'_>, asker: Asker) {
        let ticket = self.ticket(asker);
        let op = encoded(&self.namespace, call);
        self.submits.push(Submit { ticket, op, read: call.request.is_read(), local: false });
    }

    /// It is that late now.
    pub const fn pass_time(&mut self, now_us: u64) {
        self.now_us = now_us;
    }

    /// Time has passed, and this is how the gate hears of changes.
    pub fn tick(&mut self, now_us: u64, hearing: Hearing) {
        (self.now_us, self.hearing) = (now_us, hearing);
        if hearing == Hearing::Never && !self.sessions.is_empty() {
            self.ask();
        }
        self.ask_for_watchers();
        if now_us >= self.touched_us + TOUCH_US {
            self.touched_us = now_us;
            self.touch();
            self.probe();
        }
        self.tend_read_only(hearing != Hearing::Never);
    }

    /// Tells the leader which sessions were heard from, and closes those that it may have let expire.
    fn touch(&mut self) {
        let mut heard = (Vec::new(), Vec::new());
        let mut late = Vec::new();
        for (id, connection) in &mut self.connections {
            if connection.phase != Phase::Connected || connection.read_only {
                continue;
            }
            if self.now_us > connection.confirmed_us + connection.timeout_us {
                late.push(*id);
            }
            if std::mem::take(&mut connection.heard) {
                heard.0.push(*id);
                heard.1.push(connection.session);
            }
        }
        late.into_iter().for_each(|id| self.hang_up(id));
        if !heard.1.is_empty() {
            let request = Request::Touch(heard.1);
            let call = Call { session: 0, owner: 0, ids: Vec::new(), request };
            self.submit(&call, Asker::Touch(heard.0, self.now_us));
        }
    }

    /// Asks a tree that did not answer whether it does now, so that clients that look for a server find this one.
    fn probe(&mut self) {
        if !self.facts.serving && !std::mem::replace(&mut self.probing, true) {
            let request = Request::Census;
            self.submit(&Call { session: 0, owner: 0, ids: Vec::new(), request }, Asker::Probe);
        }
    }

    pub(crate) fn count_reply(&mut self, since_us: u64) {
        self.facts.sent += 1;
        self.facts.latency.add(self.now_us.saturating_sub(since_us));
    }
}

/// A call that is to be sent.
pub(crate) fn held(namespace: &str, call: &Call<'_>) -> State {
    State::Held(encoded(namespace, call), call.request.is_read())
}

fn encoded(namespace: &str, call: &Call<'_>) -> Vec<u8> {
    let mut op = Vec::with_capacity(CALL_BYTES);
    call.put(namespace, &mut op);
    op
}
