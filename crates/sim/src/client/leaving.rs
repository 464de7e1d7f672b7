//! A client that leaves while CLIENT PAUSE holds its write back, in runs with the fault `held-back`: what was not begun
//! when it left is not begun, so its value is one that nobody may ever read.

use super::{Waiting, words};
use crate::faults::Fault;
use crate::random::Random;
use crate::world::{Event, World};
use synod_checker::{Input, Outcome};
use synod_wire::resp::Value;

/// The client that does so; with two, one might end the pause of the other.
const CLIENT: usize = 0;
/// How often it does, in a thousand.
const SHARE: u64 = 60;
/// How long writes are held back, in milliseconds.
const PAUSE_MS: (u64, u64) = (900, 2_500);
/// How long after its request it leaves, in microseconds.
const LEAVES_US: (u64, u64) = (3_000, 60_000);
/// How long after that its node has certainly learned of it, if it stood still meanwhile for no reason that is known.
const LEARNED_US: u64 = 300_000;
/// Clocks are off by so much at most, in parts of the time.
const DRIFT_ONE_IN: u64 = 1_000;

/// What is drawn for it.
#[derive(Default)]
pub(crate) struct Leaving {
    /// Only in runs that have it.
    random: Option<Random>,
}

/// A write that its client left behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeftBehind {
    op: usize,
    node: usize,
    life: u64,
    /// The connection that it was asked on.
    conn: u64,
    left_us: u64,
    /// Until then its node holds writes back.
    held_until_us: u64,
}

impl World {
    /// The run has such a client.
    pub(crate) fn let_clients_leave(&mut self, random: &mut Random) -> String {
        self.leaving.random = Some(random.split());
        format!("client {CLIENT}")
    }

    /// Whether the client has writes held back now.
    pub(super) fn ask_to_hold_back(&mut self, at: usize) -> bool {
        let Some(random) = self.leaving.random.as_mut().filter(|_| at == CLIENT) else {
            return false;
        };
        if !random.permille(SHARE) {
            return false;
        }
        let ms = random.between(PAUSE_MS.0, PAUSE_MS.1);
        let held_until_us = self.time + ms * (1_000 - 1_000 / DRIFT_ONE_IN);
        let request = words(&["CLIENT", "PAUSE", &ms.to_string(), "WRITE"]);
        self.request(at, request, Waiting::HeldBack { held_until_us });
        true
    }

    /// The node holds writes back: now the client asks for one, and will be gone before it is begun.
    pub(super) fn held_back(&mut self, at: usize, held_until_us: u64, value: &Value) {
        if !matches!(value, Value::Simple(_)) {
            return self.fail("replies", format!("CLIENT PAUSE was answered {value:?}"));
        }
        self.clients[at].served += 1;
        let (Some((node, life)), Some(random)) =
            (self.clients[at].node, self.leaving.random.as_mut())
        else {
            return;
        };
        let left_us = self.time + random.between(LEAVES_US.0, LEAVES_US.1);
        let n = random.below(self.keys);
        let (key, input) = (self.key('r', n), Input::Write(self.fresh()));
        self.ask(at, key, input);
        let op = self.history.len() - 1;
        let conn = self.clients[at].conn;
        let left = LeftBehind { op, node, life, conn, left_us, held_until_us };
        self.at(left_us, Event::Leave(left));
    }

    /// The client leaves, and some time later it is looked whether its node knows.
    pub(crate) fn leave(&mut self, left: LeftBehind) {
        if self.time > left.left_us {
            return self.left_behind(left);
        }
        let client = &self.clients[CLIENT];
        let waits =
            client.waiting.iter().any(|(_, w)| matches!(w, Waiting::Op(op) if *op == left.op));
        if client.conn == left.conn && client.node.is_some() && waits {
            self.disconnect(CLIENT);
            self.act_later(CLIENT);
            self.at(left.left_us + LEARNED_US, Event::Leave(left));
        }
    }

    /// Its node has learned that it left before writes were let go on.
    fn left_behind(&mut self, left: LeftBehind) {
        let machine = &self.machines[left.node];
        let ran = machine.life == left.life
            && machine.process.is_some()
            && machine.paused_until <= left.left_us;
        if ran && self.time < left.held_until_us {
            self.count(Fault::HeldBack);
            self.history[left.op].outcome = Outcome::Refused;
        }
    }
}
