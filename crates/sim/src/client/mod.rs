//! Simulated clients: they connect, send, wait, lose patience, and write down what they were told.
//!
//! | module | what its clients do | who judges |
//! |---|---|---|
//! | [`single`] | one key: read, write, count, add, append; some keys are written several at once | `linear`, `durable`, `monotonic`, `set_full` |
//! | [`several`], also in runs with `--workload bank` | transactions: swaps, transfers between accounts, a ring that is rewired | `linear`, `bank`, `ring` |
//! | [`trails`], in runs with `--workload bank` | writes to several partitions, in strict order | itself |
//! | [`fading`] | values with a time to live | `expiry` |
//! | [`locks`], in runs with `--workload locks` | locks: taken, renewed, slept through, written under with any token | itself |
//! | [`tree`], in runs with `--workload tree` | ZooKeeper's sessions, ephemerals, sequences and watches | itself |
//! | [`queues`], in runs with `--workload queues` | lists: pushed to, and waited for | itself |
//! | [`copies`], in runs with `--workload copies` | clients that keep copies of what they read, and others that write | itself |
//! | [`users`], in runs with `--workload users` | users of the cluster: changed, and looked at | itself |
//! | [`large`], [`fillers`], [`leaving`], in runs with the faults of those names | long values; keys that may be evicted; writes left behind | `linear`, `durable`; itself |
//! | [`pipelined`] | long pipelines of reads and writes of keys of its own | itself, reply by reply |

mod copies;
mod fading;
mod fillers;
mod large;
mod leaving;
mod locks;
mod pipelined;
mod queues;
mod replies;
mod several;
mod single;
mod trails;
mod tree;
mod users;

use crate::machine::Mail;
use crate::params::Workload;
use crate::world::{Event, World};
use pipelined::OwnKeys;
use several::Plan;
use std::collections::VecDeque;
use synod_checker::Input;

pub(crate) use copies::Writes as CopiedWrites;
pub(crate) use fading::Fading;
pub(crate) use fillers::Fillers;
pub(crate) use large::Large;
pub(crate) use leaving::{Leaving, LeftBehind};
pub(crate) use locks::Locks;
pub(crate) use queues::Queues;
pub(crate) use replies::fate;
pub(crate) use several::{Books, Kind as Several};
pub(crate) use trails::Trails;
pub(crate) use tree::Trees;
pub(crate) use users::Users;

/// A reply that a client waits for.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    /// The answer to an operation of the history.
    Op(usize),
    /// The answer to a write of this number to a key of a trail.
    TrailWrite { trail: usize, place: usize, number: u64 },
    /// All keys of a trail.
    TrailRead(usize),
    /// The answer about a value with a time to live: which key, which of its events.
    Fading(String, usize),
    /// The answer about a lock.
    Lock(locks::Asked),
    /// The answer of a tree.
    Tree(tree::Asked),
    /// The answer of a queue.
    Queue(queues::Asked),
    /// The answer to somebody who keeps copies, or writes what others keep.
    Copy(copies::Asked),
    /// The answer about a user.
    User(users::Asked),
    /// The answer about a filler.
    Filler(fillers::Asked),
    /// The refusal of a value that is longer than one may be.
    Beyond,
    /// The word that the node holds writes back until then.
    HeldBack { held_until_us: u64 },
    /// The answer to a write of this value to a key of the connection's own.
    OwnWrite(String, u64),
    /// The answer to a read of keys of the connection's own.
    OwnRead(Vec<String>),
    /// `OK` or `QUEUED`; an error spoils the transaction, which then answers for itself.
    Step,
    /// The value that a swap starts from, of this key.
    Seen(usize, String),
    /// All accounts of a bank or stops of a ring, asked for at this time; whether a transaction builds on them.
    Sheet { several: Several, call_us: u64, builds: bool },
    /// The answer of EXEC to this operation.
    Exec(usize),
    /// The answer of an EXEC whose outcome is read off the whole later on.
    Settled,
}

/// One client.
#[derive(Default)]
pub(crate) struct Client {
    /// Which node it is connected to, and in which life of it.
    pub node: Option<(usize, u64)>,
    /// Counts its connections.
    pub conn: u64,
    /// What it waits for, in order, each with the number of its request.
    pub waiting: VecDeque<(u64, Waiting)>,
    pub input: Vec<u8>,
    /// Grows with every burst, so that a time-out knows whether it is still meant.
    pub burst: u64,
    /// In order in both directions.
    pub to_node_us: u64,
    pub to_client_us: u64,
    pub think_us: u64,
    /// It never writes: a write would wait at a leader that is cut off, and nobody would ask that one for reads any
    /// more, which it may answer by its lease.
    pub reads_only: bool,
    /// How many answers came since the world was healed.
    pub served: u64,
    /// The keys that only its present connection writes.
    pub own: OwnKeys,
    /// The changes of users that were answered on its present connection.
    pub changed: Users,
    /// What it keeps copies of.
    pub keeper: copies::Keeper,
    /// The number of the grant of a lock that it thinks it holds.
    pub held: Option<usize>,
    /// Its session with a tree.
    pub session: tree::Session,
    /// What follows from the answers so far.
    pub plan: Option<Plan>,
    /// When it went to the node that it is connected to.
    pub since_us: u64,
    /// It reads nothing of what it is sent before that moment.
    pub deaf_until: u64,
}

/// What reaches a client.
pub(crate) enum ToClient {
    Bytes(Vec<u8>),
    Closed,
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|w| w.as_bytes().to_vec()).collect()
}

impl World {
    /// A client has thought enough.
    pub(crate) fn act(&mut self, at: usize) {
        if !self.clients[at].waiting.is_empty() || self.quiet {
            return;
        }
        if !self.connect(at) {
            return;
        }
        match self.params.workload {
            Workload::Keys => {}
            Workload::Bank => {
                self.ask_bank(at);
                return self.expect_answer(at);
            }
            Workload::Locks => {
                self.ask_lock(at);
                return self.expect_answer(at);
            }
            Workload::Queues => {
                self.ask_queue(at);
                return self.expect_answer(at);
            }
            Workload::Users => {
                self.ask_users(at);
                return self.expect_answer(at);
            }
            Workload::Copies => {
                self.ask_copy(at);
                return self.expect_answer(at);
            }
            Workload::Tree => {
                self.ask_tree(at);
                return self.expect_answer(at);
            }
        }
        if self.ask_filler(at) {
            return self.expect_answer(at);
        }
        if self.clients[at].reads_only {
            let (key, input) = self.draw_read();
            self.ask(at, key, input);
            return self.expect_answer(at);
        }
        if self.ask_large(at) || self.ask_to_hold_back(at) {
            return self.expect_answer(at);
        }
        match self.random.below(100) {
            0..10 => {
                let n = self.random.below(self.keys);
                let key = self.key('r', n);
                self.begin_swap(at, key);
            }
            10..22 => self.begin_several(at),
            22..30 if !self.fillers.evicts() => self.ask_fading(at),
            30..42 => self.ask_pipeline(at),
            _ => {
                for _ in 0..=self.random.skewed(0, 3) {
                    let (key, input) = self.draw_operation();
                    self.ask(at, key, input);
                }
            }
        }
        self.expect_answer(at);
    }

    /// A transaction over keys that lie apart, or a few operations on other keys of the same partitions.
    fn ask_bank(&mut self, at: usize) {
        if self.random.permille(500) {
            return self.begin_several(at);
        }
        if self.random.permille(400) {
            return self.ask_trail(at);
        }
        for _ in 0..=self.random.skewed(0, 3) {
            if self.random.permille(600) {
                self.ask_apart(at);
                continue;
            }
            let (key, input) = self.draw_operation();
            self.ask(at, key, input);
        }
    }

    /// Whether the client is connected; if not, it tries one node.
    fn connect(&mut self, at: usize) -> bool {
        let settled = self.time < self.clients[at].since_us + 20_000_000;
        if self.clients[at].node.is_some() && settled {
            return true;
        }
        self.disconnect(at);
        let node = self.random.below(self.machines.len() as u64) as usize;
        if self.machines[node].process.is_none() {
            let at_us = self.time + self.random.between(5_000, 100_000);
            self.at(at_us, Event::Act(at));
            return false;
        }
        let (life, time) = (self.machines[node].life, self.time);
        let client = &mut self.clients[at];
        client.node = Some((node, life));
        client.since_us = time;
        client.conn += 1;
        client.input.clear();
        client.own.clear();
        client.changed.clear();
        let conn = client.conn;
        if self.params.workload == Workload::Tree {
            self.send_to_node(at, Mail::GateOpen { client: at, conn });
            self.begin_session(at);
        } else {
            self.send_to_node(at, Mail::Open { client: at, conn });
        }
        true
    }

    fn disconnect(&mut self, at: usize) {
        if self.clients[at].node.is_some() {
            let conn = self.clients[at].conn;
            let mail = match self.params.workload {
                Workload::Tree => Mail::GateClose { client: at, conn },
                _ => Mail::Close { client: at, conn },
            };
            self.send_to_node(at, mail);
            self.lose_connection(at);
        }
    }

    /// Whatever was asked on this connection will not be answered any more.
    fn lose_connection(&mut self, at: usize) {
        let client = &mut self.clients[at];
        client.node = None;
        client.burst += 1;
        client.plan = None;
        for (number, waiting) in std::mem::take(&mut client.waiting) {
            self.tell_reply(number, &waiting, None);
            if let Waiting::Op(op) | Waiting::Seen(op, _) | Waiting::Exec(op) = waiting {
                self.leave_open(op);
            }
        }
    }

    fn send_to_node(&mut self, at: usize, mail: Mail) {
        let delay = self.random.skewed(100, 2_000);
        let client = &mut self.clients[at];
        let Some((node, life)) = client.node else { return };
        client.to_node_us = (client.to_node_us + 1).max(self.time + delay);
        let at_us = client.to_node_us;
        self.at(at_us, Event::ToNode { node, life, mail: Box::new(mail) });
    }

    pub(crate) fn send_to_client(&mut self, at: usize, conn: u64, what: ToClient) {
        let delay = self.random.skewed(100, 2_000);
        let client = &mut self.clients[at];
        client.to_client_us = (client.to_client_us + 1).max(self.time + delay);
        let at_us = client.to_client_us;
        self.at(at_us, Event::ToClient { client: at, conn, what });
    }

    fn request(&mut self, at: usize, args: Vec<Vec<u8>>, waiting: Waiting) {
        let number = self.tell_request(at, &args, &waiting);
        let client = &mut self.clients[at];
        client.waiting.push_back((number, waiting));
        let conn = client.conn;
        self.send_to_node(at, Mail::Request { client: at, conn, args });
    }

    /// A value that nobody has written yet.
    fn fresh(&mut self) -> u64 {
        self.value_next += 1;
        self.value_next
    }

    fn expect_answer(&mut self, at: usize) {
        let patience = match self.patience_with_queue(at) {
            Some(us) => us,
            None => self.random.between(1_000_000, 8_000_000),
        };
        let client = &mut self.clients[at];
        client.burst += 1;
        let burst = client.burst;
        let at_us = self.time + patience;
        self.at(at_us, Event::Impatient { client: at, burst });
    }

    /// The client has waited long enough.
    pub(crate) fn impatient(&mut self, at: usize, burst: u64) {
        if self.clients[at].burst == burst && !self.clients[at].waiting.is_empty() {
            self.lost_patience_with_queue(at);
            self.disconnect(at);
            self.act_later(at);
        }
    }

    fn act_later(&mut self, at: usize) {
        let think = self.clients[at].think_us;
        let at_us = self.time + self.random.skewed(100, think * 2);
        self.at(at_us, Event::Act(at));
    }

    /// Asks for this key now, on behalf of the last phase of a run; which operation it is.
    pub(crate) fn ask_final(&mut self, at: usize, key: String, input: Input) -> Option<usize> {
        if !self.connect(at) {
            return None;
        }
        self.ask(at, key, input);
        self.expect_answer(at);
        Some(self.history.len() - 1)
    }
}
