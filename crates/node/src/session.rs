//! Client sessions: what a connection has said of itself, and its replies in order.

use crate::errors::ErrorCounts;
use crate::fence::Fence;
use crate::latency::Latency;
use crate::output::Output;
use crate::pubsub::Subscriptions;
use crate::requests::Flow;
use crate::slowlog::SlowLog;
use crate::waits::Blocked;
use smallvec::SmallVec;
use std::collections::VecDeque;
use synod_replica::Access;
use synod_types::{ClientId, limits};
use synod_wire::resp::{Proto, RespWriter};

/// What a request does, as far as the order of requests on one connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

/// What a request waits for that was offered and not taken. It is offered again when that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
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

/// Replies up to this length wait for their turn without an allocation; most replies to writes do.
const REPLY_INLINE_BYTES: usize = 24;

/// A place in the order of replies.
#[derive(Debug)]
struct Place {
    /// `None` for a reply that was ready at once and only waits for its turn.
    kind: Option<Kind>,
    /// When the request came.
    since_us: u64,
    /// CLIENT REPLY had it dropped when the request came, whatever was asked for since.
    quiet: bool,
    /// Whatever comes behind it waits until it is answered.
    barrier: bool,
    reply: Option<SmallVec<[u8; REPLY_INLINE_BYTES]>>,
}

/// Between MULTI and EXEC.
#[derive(Debug, Default)]
pub(crate) struct Multi {
    /// The commands, arguments owned.
    pub commands: Vec<Vec<Vec<u8>>>,
    /// The bytes of all arguments so far.
    pub bytes: usize,
    /// A command was refused, so EXEC will be too.
    pub refused: bool,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    #[default]
    On,
    Off,
    /// The reply to the next command is dropped.
    SkipNext,
    /// The reply to this command is dropped.
    Skip,
    /// Replies go into [`Session::captured`].
    Captured,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub id: ClientId,
    /// Counts the connections of this worker; never used twice.
    pub number: u64,
    pub addr: String,
    pub proto: Proto,
    pub name: Vec<u8>,
    pub lib_name: Vec<u8>,
    pub lib_ver: Vec<u8>,
    pub opened_us: u64,
    pub active_us: u64,
    pub last_command: &'static str,
    pub multi: Option<Multi>,
    /// CLIENT FENCE.
    pub fence: Option<Box<Fence>>,
    /// Keys under WATCH and the versions they had.
    pub watches: Vec<(Vec<u8>, u64)>,
    /// Requests without an answer that everything behind them waits for: a WATCH, since a read that overtook it could
    /// miss a change that it then does not see either; an EXEC that runs commands of this session once its partition
    /// has answered; calls of the workers of this node.
    barriers: usize,
    /// What it waits for, as long as a blocking command is not answered.
    pub blocked: Option<Blocked>,
    /// What it listens to.
    pub subscriptions: Subscriptions,
    pub captured: Vec<u8>,
    pub reply_mode: ReplyMode,
    /// Close once `out` is written and nothing is in flight.
    pub closing: bool,
    /// Close at once, whatever is in flight.
    pub killed: bool,
    /// What the next request waits for, if it was offered and not taken.
    waits: Option<Waits>,
    /// Replies ready to be written to the socket.
    pub out: Vec<u8>,
    dirty: bool,
    /// Replies in order; the first belongs to request `head`.
    places: VecDeque<Place>,
    head: u64,
    /// The place of the last write.
    last_write: Option<u64>,
    pub reads: usize,
    pub writes: usize,
    /// The errors that were answered.
    pub errors: ErrorCounts,
}

impl Session {
    fn new(id: ClientId, number: u64, addr: String, now_us: u64) -> Self {
        Self {
            id,
            number,
            addr,
            proto: Proto::Resp2,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_ver: Vec::new(),
            opened_us: now_us,
            active_us: now_us,
            last_command: "NULL",
            multi: None,
            fence: None,
            watches: Vec::new(),
            barriers: 0,
            blocked: None,
            subscriptions: Subscriptions::default(),
            captured: Vec::new(),
            reply_mode: ReplyMode::On,
            closing: false,
            killed: false,
            waits: None,
            out: Vec::new(),
            dirty: false,
            places: VecDeque::new(),
            head: 0,
            last_write: None,
            reads: 0,
            writes: 0,
            errors: ErrorCounts::default(),
        }
    }

    /// What a request has to wait for before it is looked at, if anything.
    #[inline]
    pub fn obstacle(&self) -> Option<Waits> {
        if self.barriers > 0 {
            return Some(Waits::Barrier);
        }
        (self.places.len() >= limits::INFLIGHT_MAX).then_some(Waits::Room)
    }

    /// Has the next request offered again when this is over.
    pub fn wait_for(&mut self, what: Waits) -> Flow {
        self.waits = Some(what);
        Flow::Stalled
    }

    /// What the next request waits for, if it was offered and not taken.
    pub fn waits(&self) -> Option<Waits> {
        self.waits
    }

    /// Whether what the next request waits for is over.
    fn may_go_on(&self) -> bool {
        match self.waits {
            None | Some(Waits::Pause | Waits::NodeRoom) => false,
            Some(Waits::Barrier) => self.barriers == 0,
            Some(Waits::Room) => self.places.len() < limits::INFLIGHT_MAX,
            Some(Waits::Writes) => self.writes == 0,
            Some(Waits::Idle) => self.is_idle(),
        }
    }

    /// Whether nothing is in flight.
    pub fn is_idle(&self) -> bool {
        self.places.is_empty()
    }

    /// How many requests wait for their reply, or for that of one before them.
    pub fn unanswered(&self) -> usize {
        self.places.len()
    }

    /// How a request of this kind stands in the order of this connection.
    #[inline]
    pub fn access(&self, kind: Kind) -> Access {
        match kind {
            Kind::Write => Access::Write,
            Kind::Read if self.writes > 0 => Access::ReadBehind,
            Kind::Read => Access::Read,
        }
    }

    /// Takes a place in the order of replies, and lets everything behind it wait until it is filled.
    pub fn reserve_barrier(&mut self, kind: Kind) -> u64 {
        let seq = self.reserve(kind);
        if let Some(place) = self.places.back_mut() {
            place.barrier = true;
            self.barriers += 1;
        }
        seq
    }

    /// Takes a place in the order of replies.
    pub fn reserve(&mut self, kind: Kind) -> u64 {
        let seq = self.head + self.places.len() as u64;
        match kind {
            Kind::Read => self.reads += 1,
            Kind::Write => {
                self.writes += 1;
                self.last_write = Some(seq);
            }
        }
        let since_us = self.active_us;
        let quiet = self.reply_mode != ReplyMode::On;
        let kind = Some(kind);
        self.places.push_back(Place { kind, since_us, quiet, barrier: false, reply: None });
        seq
    }

    /// Whether a write came behind the request at this place.
    pub fn has_written_behind(&self, seq: u64) -> bool {
        self.last_write.is_some_and(|last| last > seq)
    }

    /// Writes a reply at once, behind those still awaited.
    #[inline]
    pub fn reply_now(&mut self, write: impl FnOnce(&mut RespWriter<'_>)) {
        let proto = self.proto;
        if self.reply_mode != ReplyMode::On {
            return self.capture(write);
        }
        let start = self.out.len();
        write(&mut RespWriter::new(&mut self.out, proto));
        self.errors.note(&self.out[start..]);
        if !self.places.is_empty() {
            let reply = Some(SmallVec::from_slice(&self.out[start..]));
            self.out.truncate(start);
            let since_us = self.active_us;
            let (kind, quiet, barrier) = (None, false, false);
            self.places.push_back(Place { kind, since_us, quiet, barrier, reply });
        }
    }

    #[cold]
    fn capture(&mut self, write: impl FnOnce(&mut RespWriter<'_>)) {
        if self.reply_mode == ReplyMode::Captured {
            let start = self.captured.len();
            write(&mut RespWriter::new(&mut self.captured, self.proto));
            self.errors.note(&self.captured[start..]);
        }
    }

    /// Fills a place reserved before, and says of what kind the request was and when it came. A place that is
    /// unknown is passed over.
    pub fn complete(
        &mut self,
        seq: u64,
        write: &mut dyn FnMut(&mut RespWriter<'_>),
    ) -> Option<(Kind, u64)> {
        let at = seq.checked_sub(self.head)? as usize;
        let place = self.places.get_mut(at)?;
        let request = (place.kind?, place.since_us);
        if std::mem::take(&mut place.barrier) {
            self.barriers -= 1;
        }
        self.blocked.take_if(|blocked| blocked.seq == seq);
        let quiet = place.quiet || self.killed;
        let start = self.out.len();
        write(&mut RespWriter::new(&mut self.out, self.proto));
        self.errors.note(&self.out[start..]);
        if quiet {
            self.out.truncate(start);
        }
        if at == 0 {
            self.pop();
            while let Some(reply) = self.places.front_mut().and_then(|p| p.reply.take()) {
                self.out.extend_from_slice(&reply);
                self.pop();
            }
        } else if let Some(place) = self.places.get_mut(at) {
            place.reply = Some(SmallVec::from_slice(&self.out[start..]));
            self.out.truncate(start);
        }
        Some(request)
    }

    fn pop(&mut self) {
        self.head += 1;
        match self.places.pop_front().and_then(|p| p.kind) {
            Some(Kind::Read) => self.reads -= 1,
            Some(Kind::Write) => self.writes -= 1,
            None => {}
        }
    }
}

/// All sessions of a worker. An id is a place in the table and a count of how often it was used.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    table: Vec<(u32, Option<Box<Session>>)>,
    free: Vec<u32>,
    pub len: usize,
    pub latency: Latency,
    pub slow: SlowLog,
    /// Sessions whose waits a leader gave back.
    pub given_back: Vec<ClientId>,
    /// How many sessions there have ever been.
    opened: u64,
    /// The errors answered to sessions that are closed.
    errors: ErrorCounts,
}

impl Sessions {
    /// Opens a session.
    pub fn open(&mut self, addr: String, now_us: u64) -> ClientId {
        let at = self.free.pop().unwrap_or_else(|| {
            self.table.push((0, None));
            self.table.len() as u32 - 1
        });
        let (generation, place) = &mut self.table[at as usize];
        *generation += 1;
        let id = ClientId(u64::from(*generation) << 32 | u64::from(at));
        self.opened += 1;
        *place = Some(Box::new(Session::new(id, self.opened, addr, now_us)));
        self.len += 1;
        id
    }

    /// Closes a session; answers still to come are dropped.
    pub fn close(&mut self, id: ClientId) -> Option<Box<Session>> {
        let at = id.0 as u32;
        self.get(id)?;
        self.len -= 1;
        self.free.push(at);
        let session = self.table[at as usize].1.take()?;
        self.errors.merge(&session.errors);
        Some(session)
    }

    /// The session, if it is still open.
    #[inline]
    pub fn get(&mut self, id: ClientId) -> Option<&mut Session> {
        let session = self.table.get_mut(id.0 as u32 as usize)?.1.as_deref_mut()?;
        (session.id == id).then_some(session)
    }

    /// Every session, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.table.iter().filter_map(|(_, session)| session.as_deref())
    }

    /// Every session, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.table.iter_mut().filter_map(|(_, session)| session.as_deref_mut())
    }

    /// Lets requests be offered again that wait for this.
    pub fn resume(&mut self, what: Waits, output: &mut Output) {
        for session in self.iter_mut().filter(|s| s.waits == Some(what)) {
            session.waits = None;
            output.resumed.push(session.id);
        }
    }

    /// Lets all stalled requests be offered again.
    pub fn resume_all(&mut self, output: &mut Output) {
        for session in self.iter_mut().filter(|s| s.waits.is_some()) {
            session.waits = None;
            output.resumed.push(session.id);
        }
    }

    /// The errors answered so far, by their code.
    pub fn errors(&self) -> ErrorCounts {
        let mut all = self.errors.clone();
        self.iter().for_each(|session| all.merge(&session.errors));
        all
    }

    /// Counts errors from zero again.
    pub fn reset_errors(&mut self) {
        self.errors = ErrorCounts::default();
        self.iter_mut().for_each(|session| session.errors = ErrorCounts::default());
    }

    /// The turn is over: what was slow in it goes to the slow log.
    pub fn close_slow_turn(&mut self, turn_us: u64, at_s: u64, id: impl Fn(u64) -> u64) {
        let table = &self.table;
        let whom = |client: ClientId| {
            let session = table.get(client.0 as u32 as usize).and_then(|(_, s)| s.as_deref());
            match session.filter(|session| session.id == client) {
                Some(session) => (session.addr.clone().into_bytes(), session.name.clone()),
                None => Default::default(),
            }
        };
        self.slow.close_turn(turn_us, at_s, whom, id);
    }

    /// Fills a reply and notes who has to be written to and who may go on.
    pub fn complete(
        &mut self,
        id: ClientId,
        seq: u64,
        output: &mut Output,
        write: &mut dyn FnMut(&mut RespWriter<'_>),
    ) {
        let Some(session) = self.get(id) else { return };
        if let Some((kind, since_us)) = session.complete(seq, write) {
            self.latency.done(kind == Kind::Read, since_us);
        }
        let Some(session) = self.get(id) else { return };
        session.touch(output);
        if session.may_go_on() {
            session.waits = None;
            output.resumed.push(id);
        }
    }
}

impl Session {
    /// Notes that there is something to write.
    #[inline]
    pub fn touch(&mut self, output: &mut Output) {
        if !self.dirty {
            self.dirty = true;
            output.dirty.push(self.id);
        }
    }

    /// Has the connection closed at once; what it still would be answered is dropped.
    pub fn kill(&mut self, output: &mut Output) {
        self.closing = true;
        self.killed = true;
        self.reply_mode = ReplyMode::Off;
        self.out.clear();
        self.touch(output);
    }

    /// The world has taken note.
    pub fn untouch(&mut self) {
        self.dirty = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_types::ReplySink;

    #[test]
    fn replies_leave_in_the_order_of_requests_whatever_order_they_come_in() {
        let mut sessions = Sessions::default();
        let mut output = Output::default();
        let id = sessions.open("test".into(), 0);
        let session = sessions.get(id).unwrap();
        let (a, b) = (session.reserve(Kind::Write), session.reserve(Kind::Write));
        session.reply_now(|out| out.integer(3));
        sessions.complete(id, b, &mut output, &mut |out| out.integer(2));
        assert!(sessions.get(id).unwrap().out.is_empty());
        sessions.complete(id, a, &mut output, &mut |out| out.integer(1));
        let session = sessions.get(id).unwrap();
        assert_eq!(session.out, b":1\r\n:2\r\n:3\r\n");
        assert!(session.is_idle() && session.reads == 0 && session.writes == 0);
        sessions.close(id);
        let again = sessions.open("test".into(), 0);
        assert_ne!(id, again);
        assert!(sessions.get(id).is_none());
    }

    #[test]
    fn what_comes_behind_a_barrier_waits_for_its_answer() {
        let mut sessions = Sessions::default();
        let mut output = Output::default();
        let id = sessions.open("test".into(), 0);
        let session = sessions.get(id).unwrap();
        let first = session.reserve(Kind::Write);
        assert_eq!(session.obstacle(), None);
        let watch = session.reserve_barrier(Kind::Read);
        assert_eq!(session.obstacle(), Some(Waits::Barrier));
        assert_eq!(session.wait_for(Waits::Barrier), Flow::Stalled);
        sessions.complete(id, first, &mut output, &mut |out| out.simple("OK"));
        assert_eq!(output.resumed, []);
        sessions.complete(id, watch, &mut output, &mut |out| out.simple("OK"));
        assert_eq!(output.resumed, [id]);
        let session = sessions.get(id).unwrap();
        assert_eq!((session.obstacle(), session.waits()), (None, None));
    }
}
