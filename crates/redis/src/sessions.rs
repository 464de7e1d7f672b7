//! All sessions of a worker, and which of them the world has to look at.

use crate::calls::Answered;
use crate::errors::ErrorCounts;
use crate::latency::Latency;
use crate::mode::Waits;
use crate::replies::{Filled, Kind};
use crate::session::{CAPTURED, Session};
use crate::slowlog::SlowLog;
use synod_types::ClientId;
use synod_wire::resp::RespWriter;

/// The sessions that the world has to look at after a turn.
#[derive(Debug, Default)]
pub struct Ready {
    /// Those with something to write, or to close. May name one twice.
    pub dirty: Vec<ClientId>,
    /// Those whose stalled request may be offered again.
    pub resumed: Vec<ClientId>,
}

/// All sessions of a worker. An id is a place in the table and a count of how often it was used.
#[derive(Debug, Default)]
pub struct Sessions {
    table: Vec<(u32, Option<Box<Session>>)>,
    free: Vec<u32>,
    len: usize,
    latency: Latency,
    slow: SlowLog,
    /// Sessions whose waits a leader gave back.
    given_back: Vec<ClientId>,
    /// How many sessions there have ever been.
    opened: u64,
    /// What was answered since [`Self::answered`] was emptied last.
    answered: Vec<Answered>,
    /// Sessions that have the reply to a command that a transaction ran. May name one twice.
    captured: Vec<ClientId>,
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
        self.errors.merge(session.errors());
        Some(session)
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The session, if it is still open.
    #[inline]
    pub fn get(&mut self, id: ClientId) -> Option<&mut Session> {
        let session = self.table.get_mut(id.0 as u32 as usize)?.1.as_deref_mut()?;
        (session.id() == id).then_some(session)
    }

    /// Every session, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.table.iter().filter_map(|(_, session)| session.as_deref())
    }

    /// Every session, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.table.iter_mut().filter_map(|(_, session)| session.as_deref_mut())
    }

    /// How long requests take.
    pub fn latency(&mut self) -> &mut Latency {
        &mut self.latency
    }

    /// How long requests took, to be looked at.
    #[must_use]
    pub fn latencies(&self) -> &Latency {
        &self.latency
    }

    /// What was answered in this turn, for whoever counts it.
    pub fn answered(&mut self) -> &mut Vec<Answered> {
        &mut self.answered
    }

    /// The slow log.
    pub fn slow(&mut self) -> &mut SlowLog {
        &mut self.slow
    }

    /// Lets requests be offered again that wait for this.
    pub fn resume(&mut self, what: Waits, ready: &mut Ready) {
        self.iter_mut().filter(|s| s.waits() == Some(what)).for_each(|s| s.go_on(ready));
    }

    /// Lets all stalled requests be offered again.
    pub fn resume_all(&mut self, ready: &mut Ready) {
        self.iter_mut().filter(|s| s.waits().is_some()).for_each(|s| s.go_on(ready));
    }

    /// A leader gave the wait of this session back.
    pub fn give_back(&mut self, id: ClientId) {
        self.given_back.push(id);
    }

    /// The sessions whose waits leaders gave back since the last call.
    pub fn take_given_back(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.given_back)
    }

    /// The sessions that had such a reply since the last call.
    pub fn take_captured(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.captured)
    }

    /// The errors answered so far, by their code.
    #[must_use]
    pub fn errors(&self) -> ErrorCounts {
        let mut all = self.errors.clone();
        self.iter().for_each(|session| all.merge(session.errors()));
        all
    }

    /// Counts errors from zero again.
    pub fn reset_errors(&mut self) {
        self.errors = ErrorCounts::default();
        self.iter_mut().for_each(Session::reset_errors);
    }

    /// The turn is over: what was slow in it goes to the slow log.
    pub fn close_slow_turn(&mut self, turn_us: u64, at_s: u64, id: impl Fn(u64) -> u64) {
        let table = &self.table;
        let whom = |client: ClientId| {
            let session = table.get(client.0 as u32 as usize).and_then(|(_, s)| s.as_deref());
            match session.filter(|session| session.id() == client) {
                Some(session) => (session.addr().as_bytes().to_vec(), session.name().to_vec()),
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
        ready: &mut Ready,
        write: &mut dyn FnMut(&mut RespWriter<'_>),
    ) {
        let Some(session) = self.get(id) else { return };
        if seq == CAPTURED {
            session.complete_captured(write);
            return self.captured.push(id);
        }
        let waited = session.blocked().is_some_and(|blocked| blocked.seq() == seq);
        let filled = session.complete(seq, write);
        if session.has_waiting() {
            session.push_waiting(ready);
        }
        session.touch(ready);
        if session.may_go_on() {
            session.go_on(ready);
        }
        if let Some(Filled { kind, called, since_us, failed }) = filled {
            self.latency.done(kind == Kind::Read, since_us);
            // Waiting for a key takes no time of anybody.
            let us = if waited { 0 } else { self.latency.last_us() };
            self.answered.push(Answered { called, us, failed });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::{Blocked, Flow};
    use synod_types::{PartitionId, ReplySink, limits};

    #[test]
    fn replies_leave_in_the_order_of_requests_whatever_order_they_come_in() {
        let mut sessions = Sessions::default();
        let mut ready = Ready::default();
        let id = sessions.open("test".into(), 0);
        let session = sessions.get(id).unwrap();
        let (a, b) = (session.reserve(Kind::Write), session.reserve(Kind::Write));
        session.reply_now(|out| out.integer(3));
        sessions.complete(id, b, &mut ready, &mut |out| out.integer(2));
        assert!(sessions.get(id).unwrap().out().is_empty());
        sessions.complete(id, a, &mut ready, &mut |out| out.integer(1));
        let session = sessions.get(id).unwrap();
        assert_eq!(session.out(), b":1\r\n:2\r\n:3\r\n");
        assert!(session.is_idle() && session.under_way() == (0, 0));
        sessions.close(id);
        let again = sessions.open("test".into(), 0);
        assert_ne!(id, again);
        assert!(sessions.get(id).is_none());
    }

    #[test]
    fn what_a_transaction_runs_has_a_place_of_its_own() {
        let mut sessions = Sessions::default();
        let mut ready = Ready::default();
        let id = sessions.open("test".into(), 0);
        let session = sessions.get(id).unwrap();
        let exec = session.reserve_barrier(Kind::Write);
        assert!(session.is_writing() && !session.is_idle());
        let before = session.begin_capture();
        assert!(!session.is_writing() && session.is_inside_exec());
        let seq = session.reserve_barrier(Kind::Read);
        assert!(session.expects_captured());
        sessions.complete(id, seq, &mut ready, &mut |out| out.integer(1));
        assert_eq!(sessions.take_captured(), [id]);
        let session = sessions.get(id).unwrap();
        assert!(!session.expects_captured() && session.out().is_empty());
        assert_eq!(session.end_capture(before), b":1\r\n");
        sessions.complete(id, exec, &mut ready, &mut |out| out.integer(2));
        let session = sessions.get(id).unwrap();
        assert_eq!((&session.out()[..], session.obstacle()), (&b":2\r\n"[..], None));
    }

    #[test]
    fn what_is_to_stand_behind_a_reply_stands_there() {
        let mut sessions = Sessions::default();
        let mut ready = Ready::default();
        let id = sessions.open("test".into(), 0);
        let session = sessions.get(id).unwrap();
        let null = || b"N".to_vec();
        session.reply_now(|out| out.integer(1));
        let first = session.begin_read();
        assert_eq!(session.reserve(Kind::Read), first);
        let second = session.begin_read();
        assert_eq!(session.reserve(Kind::Read), second);
        session.push_behind(first - 1, b"a".to_vec(), null, &mut ready);
        session.push_behind(first, b"b".to_vec(), null, &mut ready);
        session.push_behind(second, b"c".to_vec(), null, &mut ready);
        sessions.complete(id, second, &mut ready, &mut |out| out.integer(3));
        assert_eq!(sessions.get(id).unwrap().out(), b":1\r\na");
        sessions.complete(id, first, &mut ready, &mut |out| out.integer(2));
        let session = sessions.get(id).unwrap();
        assert_eq!(session.out(), b":1\r\na:2\r\n:3\r\nbc");
        let third = session.begin_read();
        session.reserve(Kind::Read);
        for _ in 0..=limits::INVALIDATIONS_BEHIND_MAX {
            session.push_behind(third, b"d".to_vec(), null, &mut ready);
        }
        sessions.complete(id, third, &mut ready, &mut |out| out.integer(4));
        assert_eq!(sessions.get(id).unwrap().out(), b":1\r\na:2\r\n:3\r\nbc:4\r\nN");
    }

    #[test]
    fn what_comes_behind_a_barrier_waits_for_its_answer() {
        let mut sessions = Sessions::default();
        let mut ready = Ready::default();
        let id = sessions.open("test".into(), 0);
        let session = sessions.get(id).unwrap();
        let first = session.reserve(Kind::Write);
        assert_eq!(session.obstacle(), None);
        let watch = session.reserve_barrier(Kind::Read);
        assert_eq!(session.obstacle(), Some(Waits::Barrier));
        assert_eq!(session.wait_for(Waits::Barrier), Flow::Stalled);
        sessions.complete(id, first, &mut ready, &mut |out| out.simple("OK"));
        assert_eq!(ready.resumed, []);
        sessions.complete(id, watch, &mut ready, &mut |out| out.simple("OK"));
        assert_eq!(ready.resumed, [id]);
        let session = sessions.get(id).unwrap();
        assert_eq!((session.obstacle(), session.waits()), (None, None));
    }

    #[test]
    fn a_blocked_session_is_blocked_until_its_own_answer_and_a_killed_one_hears_nothing() {
        let mut sessions = Sessions::default();
        let mut ready = Ready::default();
        let id = sessions.open("test".into(), 0);
        let session = sessions.get(id).unwrap();
        let before = session.reserve(Kind::Read);
        let seq = session.reserve_barrier(Kind::Write);
        session.block(Blocked::new(seq, PartitionId(1), Vec::new(), None));
        assert!(session.end_multi().is_none(), "it is in no transaction");
        sessions.complete(id, before, &mut ready, &mut |out| out.simple("OK"));
        assert!(sessions.get(id).unwrap().blocked().is_some());
        sessions.get(id).unwrap().kill(&mut ready);
        sessions.complete(id, seq, &mut ready, &mut |out| out.simple("OK"));
        let session = sessions.get(id).unwrap();
        assert!(session.blocked().is_none() && session.is_over() && session.out().is_empty());
        session.close_when_answered();
        assert!(session.is_killed(), "there is no way back");
    }
}
