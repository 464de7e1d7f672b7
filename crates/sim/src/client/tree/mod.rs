//! Sessions of ZooKeeper: data that is watched, sequences, ephemerals, sessions that move, end and are left behind.
//!
//! | rule | what it says |
//! |---|---|
//! | watch order | a watch is told before any reply that shows its change, and after no reply that showed it before |
//! | watch lost | what was watched and has changed is told, though the client went on at another node |
//! | sequence | no number comes twice, and a later create has a greater one |
//! | zxid | what a client is shown never goes back, on whichever node |
//! | ephemeral | it is there as long as its session, and not longer |
//! | session | it ends no earlier than its timeout after its leader has heard from it |

mod book;
mod frames;

pub(crate) use book::Trees;

use super::{ToClient, Waiting};
use crate::machine::Mail;
use crate::world::World;
use frames::{Fields, opcode};
use std::collections::BTreeMap;
use std::fmt;

/// How many znodes are written and watched.
const WATCHED: u64 = 3;
/// The timeout that clients ask for, in milliseconds.
const TIMEOUT_MS: (u64, u64) = (4_000, 8_000);
/// Clocks are off by so much at most, in parts of the time.
const DRIFT_ONE_IN: u64 = 1_000;
const NO_NODE: i32 = -101;
const NODE_EXISTS: i32 = -110;
const SESSION_EXPIRED: i32 = -112;
const SESSION_MOVED: i32 = -118;
/// The disk is full: nobody was asked.
const NO_ROOM: i32 = -1;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Connect,
    /// A znode that everybody needs.
    Prepare(String),
    Write(String),
    /// With a watch.
    Read(String),
    /// The number has to be greater than this one.
    Sequence(i64),
    /// A znode of a sequence goes.
    Drop(String),
    Own(String),
    LookOwn(String),
    /// The session of this ephemeral is known to be over.
    LookGone(String),
    SetWatches,
    Ping,
    Leave,
}

/// A question, its number, and when it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    xid: i32,
    pub(super) ask: Ask,
    call_us: u64,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} as {}", self.ask, self.xid)
    }
}

/// A client's session.
#[derive(Default)]
pub(crate) struct Session {
    id: i64,
    password: [u8; 16],
    timeout_us: u64,
    /// The timeout that it asks for.
    wanted_ms: Option<i32>,
    last_zxid: i64,
    xid: i32,
    /// Whether its present connection is granted.
    open: bool,
    /// Paths that it watches, with the change that it has seen of each.
    pub(super) armed: BTreeMap<String, i64>,
    /// Paths of which a watch was told, what was seen of them before, and when: a read that is asked for later shows a
    /// later change.
    told: BTreeMap<String, (i64, u64)>,
    /// Every ephemeral that it has tried to create, and the one that it knows to be there.
    owned: Vec<String>,
    own: Option<String>,
    /// When it asked what was answered last by the tree's leader.
    heard_us: u64,
    /// Its end was asked for.
    leaving: bool,
    /// The znodes that everybody needs were asked for.
    prepared: bool,
}

impl World {
    pub(super) fn ask_tree(&mut self, at: usize) {
        if !self.clients[at].session.open {
            return;
        }
        if !std::mem::replace(&mut self.clients[at].session.prepared, true) {
            let shared = ["/e".to_owned(), "/q".to_owned()];
            let watched = (0..WATCHED).map(|n| format!("/w{n}"));
            for path in shared.into_iter().chain(watched) {
                self.ask_znode(at, Ask::Prepare(path));
            }
            return;
        }
        for _ in 0..=self.random.skewed(0, 2) {
            let ask = self.draw_ask(at);
            let last = ask == Ask::Leave;
            self.ask_znode(at, ask);
            if last {
                return;
            }
        }
    }

    fn draw_ask(&mut self, at: usize) -> Ask {
        let path = format!("/w{}", self.random.below(WATCHED));
        match self.random.below(100) {
            0..25 => Ask::Write(path),
            25..55 => Ask::Read(path),
            55..65 => Ask::Sequence(self.trees.greatest()),
            65..70 => self.trees.dropped().map_or(Ask::Ping, Ask::Drop),
            70..86 => match &self.clients[at].session.own {
                Some(own) => Ask::LookOwn(own.clone()),
                None => Ask::Own(format!("/e/{}", self.fresh())),
            },
            86..94 => {
                let nth = self.random.next();
                self.trees.gone(nth).map_or(Ask::Ping, Ask::LookGone)
            }
            94..98 => Ask::Ping,
            _ => Ask::Leave,
        }
    }

    fn ask_znode(&mut self, at: usize, ask: Ask) {
        let (number, fields) = match &ask {
            Ask::Connect => return,
            Ask::Prepare(path) => (opcode::CREATE, frames::create(path, 0)),
            Ask::Write(path) => {
                let value = self.fresh().to_string();
                (opcode::SET_DATA, frames::set(path, &value))
            }
            Ask::Read(path) => (opcode::GET_DATA, frames::watching(path, true)),
            Ask::Sequence(_) => (opcode::CREATE, frames::create("/q/n-", frames::SEQUENTIAL)),
            Ask::Drop(path) => (opcode::DELETE, frames::any_version(path)),
            Ask::Own(path) => {
                self.clients[at].session.owned.push(path.clone());
                (opcode::CREATE, frames::create(path, frames::EPHEMERAL))
            }
            Ask::LookOwn(path) | Ask::LookGone(path) => {
                (opcode::EXISTS, frames::watching(path, false))
            }
            Ask::SetWatches => {
                let session = &self.clients[at].session;
                let paths: Vec<&str> = session.armed.keys().map(String::as_str).collect();
                (opcode::SET_WATCHES, frames::set_watches(session.last_zxid, &paths))
            }
            Ask::Ping => (opcode::PING, Vec::new()),
            Ask::Leave => {
                self.clients[at].session.leaving = true;
                (opcode::CLOSE, Vec::new())
            }
        };
        let session = &mut self.clients[at].session;
        session.xid += 1;
        let xid = match ask {
            Ask::Ping => -2,
            Ask::SetWatches => -8,
            _ => session.xid,
        };
        self.send_frame(at, frames::request(xid, number, &fields), xid, ask);
    }

    fn send_frame(&mut self, at: usize, frame: Vec<u8>, xid: i32, ask: Ask) {
        let asked = Asked { xid, ask, call_us: self.time };
        let waiting = Waiting::Tree(asked);
        let number = self.tell_request(at, &[], &waiting);
        let client = &mut self.clients[at];
        client.waiting.push_back((number, waiting));
        let conn = client.conn;
        self.send_to_node(at, Mail::GateBytes { client: at, conn, bytes: frame });
    }

    /// The first message of a connection that was just opened.
    pub(super) fn begin_session(&mut self, at: usize) {
        if self.random.below(100) < 5 {
            self.leave_session_behind(at);
        }
        let timeout_ms = self.random.between(TIMEOUT_MS.0, TIMEOUT_MS.1) as i32;
        let session = &mut self.clients[at].session;
        session.open = false;
        // A session asks for the same on every connection: of one that is lost it is not known which timeout counts.
        let timeout_ms = *session.wanted_ms.get_or_insert(timeout_ms);
        let (seen, id) = (session.last_zxid, session.id);
        let frame = frames::connect(seen, timeout_ms, id, &session.password);
        self.send_frame(at, frame, 0, Ask::Connect);
    }

    /// Its process is as good as dead: nobody goes on with the session, and it has to end by itself.
    fn leave_session_behind(&mut self, at: usize) {
        let session = std::mem::take(&mut self.clients[at].session);
        self.clients[at].session.last_zxid = session.last_zxid;
        self.trees.left_behind(session.owned);
    }

    /// The session is known to be over.
    fn session_over(&mut self, at: usize) {
        let session = std::mem::take(&mut self.clients[at].session);
        self.clients[at].session.last_zxid = session.last_zxid;
        self.trees.over(session.owned);
    }

    /// Bytes reach a client.
    pub(super) fn tree_hears(&mut self, at: usize, bytes: &[u8]) {
        self.clients[at].input.extend_from_slice(bytes);
        while self.failure.is_none() {
            let input = std::mem::take(&mut self.clients[at].input);
            let Some((payload, used)) = frames::take(&input) else {
                self.clients[at].input = input;
                break;
            };
            let understood = self.hear(at, &mut Fields(payload));
            self.clients[at].input = input[used..].to_vec();
            if understood.is_none() && self.failure.is_none() {
                self.fail("replies", format!("a message that is none: {payload:?}"));
            }
        }
        if self.clients[at].waiting.is_empty() && self.clients[at].node.is_some() {
            self.act_later(at);
        }
    }

    fn hear(&mut self, at: usize, fields: &mut Fields<'_>) -> Option<()> {
        let connecting = matches!(
            self.clients[at].waiting.front(),
            Some((_, Waiting::Tree(Asked { ask: Ask::Connect, .. })))
        );
        if connecting {
            return self.hear_connect(at, fields);
        }
        let (xid, zxid, code) = (fields.int()?, fields.long()?, fields.int()?);
        if xid == -1 {
            let (_kind, _state) = (fields.int()?, fields.int()?);
            self.hear_event(at, fields.string()?);
            return Some(());
        }
        let (number, waiting) = self.clients[at].waiting.pop_front()?;
        self.tell_reply(number, &waiting, None);
        let Waiting::Tree(asked) = waiting else { return None };
        if asked.xid != xid {
            self.fail("replies", format!("{asked:?} was answered as {xid}"));
            return Some(());
        }
        self.clients[at].served += 1;
        self.hear_reply(at, &asked, (zxid, code), fields)
    }

    fn hear_connect(&mut self, at: usize, fields: &mut Fields<'_>) -> Option<()> {
        let (_version, timeout_ms, id) = (fields.int()?, fields.int()?, fields.long()?);
        let password: [u8; 16] = fields.buffer()?.try_into().ok()?;
        let (number, waiting) = self.clients[at].waiting.pop_front()?;
        self.tell_reply(number, &waiting, None);
        let Waiting::Tree(asked) = waiting else { return None };
        let session = &mut self.clients[at].session;
        if id == 0 {
            let until = session.heard_us + session.timeout_us;
            if session.id != 0 && !session.leaving && self.time < until {
                let detail = format!("{:#x} was over before {until}", session.id);
                self.fail("session", detail);
            }
            self.session_over(at);
            return Some(());
        }
        let timeout_us = u64::try_from(timeout_ms).ok()? * 1_000;
        (session.id, session.password, session.open) = (id, password, true);
        session.timeout_us = timeout_us - timeout_us / DRIFT_ONE_IN;
        session.heard_us = asked.call_us;
        if !session.armed.is_empty() {
            self.ask_znode(at, Ask::SetWatches);
        }
        Some(())
    }

    fn hear_event(&mut self, at: usize, path: &str) {
        let time = self.time;
        let session = &mut self.clients[at].session;
        match session.armed.remove(path) {
            Some(seen) => _ = session.told.insert(path.to_owned(), (seen, time)),
            None => self.fail("watch order", format!("client {at} does not watch {path}")),
        }
    }

    fn hear_reply(
        &mut self,
        at: usize,
        asked: &Asked,
        (zxid, code): (i64, i32),
        fields: &mut Fields<'_>,
    ) -> Option<()> {
        if matches!(code, SESSION_EXPIRED | SESSION_MOVED) {
            return Some(()); // its connection is closed next, and tells more
        }
        if asked.ask == Ask::Ping {
            return Some(());
        }
        let session = &mut self.clients[at].session;
        if code != NO_ROOM {
            session.heard_us = session.heard_us.max(asked.call_us);
        }
        let before = session.last_zxid;
        session.last_zxid = zxid.max(before);
        if zxid < before {
            self.fail("zxid", format!("client {at} saw {before} and is shown {zxid}"));
        }
        match (&asked.ask, code) {
            (Ask::Write(path), 0) => {
                let _czxid = fields.long()?;
                self.trees.wrote(path, fields.long()?);
            }
            (Ask::Read(path), 0) => {
                let _data = fields.buffer()?;
                let _czxid = fields.long()?;
                self.hear_read(at, path, fields.long()?, asked.call_us);
            }
            (Ask::Sequence(floor), 0) => {
                let path = fields.string()?.to_owned();
                if let Some(detail) = self.trees.numbered(path, *floor) {
                    self.fail("sequence", detail);
                }
            }
            (Ask::Own(path), 0) => self.clients[at].session.own = Some(path.clone()),
            (Ask::LookOwn(path), NO_NODE) => {
                self.fail("ephemeral", format!("{path} is gone, its session is not"));
            }
            (Ask::LookGone(path), 0) => {
                self.fail("ephemeral", format!("{path} is there, its session is over"));
            }
            (Ask::LookGone(path), NO_NODE) => self.trees.seen_gone(path),
            (Ask::Leave, 0) => self.session_over(at),
            (Ask::Prepare(_), 0 | NODE_EXISTS) | (Ask::Drop(_), 0 | NO_NODE) => {}
            (Ask::LookOwn(_) | Ask::SetWatches, 0) => {}
            (_, NO_ROOM) => {}
            (ask, code) => self.fail("replies", format!("{ask:?} was answered {code}")),
        }
        self.expect_told(at, zxid);
        Some(())
    }

    fn hear_read(&mut self, at: usize, path: &str, mzxid: i64, call_us: u64) {
        let session = &mut self.clients[at].session;
        let told = session.told.remove(path);
        if told.is_some_and(|(seen, told_us)| told_us < call_us && mzxid <= seen) {
            let detail = format!("client {at} was told of a change of {path} that it had seen");
            return self.fail("watch order", detail);
        }
        if session.armed.get(path).is_some_and(|seen| mzxid > *seen) {
            let detail = format!("client {at} sees {mzxid} of {path} and was not told before");
            return self.fail("watch order", detail);
        }
        session.armed.insert(path.to_owned(), mzxid);
    }

    /// A reply showed everything up to a change: what was watched until then was told.
    fn expect_told(&mut self, at: usize, zxid: i64) {
        if let Some(path) = self.trees.untold(&self.clients[at].session.armed, zxid) {
            let detail = format!("client {at} is shown {zxid} and was not told of {path}");
            self.fail("watch order", detail);
        }
    }

    /// A watch of a connected client that was not told though something is known to have changed.
    pub(crate) fn lost_watch(&self) -> Option<String> {
        self.clients.iter().enumerate().find_map(|(client, state)| {
            let session = &state.session;
            let here = session.open && state.node.is_some();
            let path = self.trees.untold(&session.armed, i64::MAX).filter(|_| here)?;
            Some(format!("client {client} was not told of {path}"))
        })
    }

    /// Whether all ephemerals of sessions that nobody went on with are gone; looks for one that was not seen to be.
    pub(crate) fn look_for_left_behind(&mut self, at: usize) -> bool {
        let Some(path) = self.trees.not_seen_gone() else { return true };
        if self.connect(at) && self.clients[at].session.open {
            self.ask_znode(at, Ask::LookGone(path));
            self.expect_answer(at);
        }
        false
    }

    /// From now on nothing may be left of the sessions that nobody went on with.
    pub(crate) fn all_are_over(&mut self) {
        self.trees.all_are_over();
    }

    pub(super) fn gate_closed(&mut self, at: usize) {
        self.clients[at].session.open = false;
    }
}

impl ToClient {
    /// Whether it is the end of the connection.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Closed)
    }
}
