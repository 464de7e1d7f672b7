//! Simulated clients: they connect, send, wait, lose patience, and write down what they were told.

use crate::machine::Mail;
use crate::world::{Event, World};
use std::collections::VecDeque;
use synod_checker::{Input, Operation, Outcome, Output};
use synod_wire::resp::Value;

/// With so many writes of unknown fate a key is given up for a fresh one: each may double the checker's work.
const OPEN_WRITES_MAX: u64 = 8;

/// A reply that a client waits for.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    /// The answer to an operation of the history.
    Op(usize),
    /// `OK` or `QUEUED`; an error spoils the transaction, which then answers for itself.
    Step,
    /// The value that a swap starts from, of this key.
    Seen(usize, String),
    /// The answer of EXEC to this operation.
    Exec(usize),
}

/// One client.
#[derive(Default)]
pub(crate) struct Client {
    /// Which node it is connected to, and in which life of it.
    pub node: Option<(usize, u64)>,
    /// Counts its connections.
    pub conn: u64,
    pub waiting: VecDeque<Waiting>,
    pub input: Vec<u8>,
    /// Grows with every burst, so that a time-out knows whether it is still meant.
    pub burst: u64,
    /// In order in both directions.
    pub to_node_us: u64,
    pub to_client_us: u64,
    pub think_us: u64,
    /// How many answers came since the world was healed.
    pub served: u64,
    /// What the swap under way found.
    pub swap: Option<(String, Option<u64>)>,
    /// When it went to the node that it is connected to.
    pub since_us: u64,
}

/// What reaches a client.
pub(crate) enum ToClient {
    Bytes(Vec<u8>),
    Closed,
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|w| w.as_bytes().to_vec()).collect()
}

/// A request as a client sends it, and what it counts as.
fn command(key: &str, input: &Input) -> Vec<Vec<u8>> {
    match input {
        Input::Read | Input::Count => words(&["GET", key]),
        Input::Write(value) => words(&["SET", key, &value.to_string()]),
        Input::Increment(1) => words(&["INCR", key]),
        Input::Increment(by) => words(&["INCRBY", key, &by.to_string()]),
        Input::Members => words(&["SMEMBERS", key]),
        Input::Add(value) => words(&["SADD", key, &value.to_string()]),
        Input::Items => words(&["LRANGE", key, "0", "-1"]),
        Input::Append(value) => words(&["RPUSH", key, &value.to_string()]),
        Input::Swap { to, .. } => words(&["SET", key, &to.to_string()]),
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

/// What a reply says in the words of the checkers; `None` when it cannot be an answer to this.
fn output(input: &Input, value: &Value) -> Option<Output> {
    let items = |value: &Value| match value {
        Value::Array(items) | Value::Set(items) => items.iter().map(number).collect(),
        Value::Null => Some(Vec::new()),
        _ => None,
    };
    match (input, value) {
        (Input::Read, Value::Null) => Some(Output::Value(None)),
        (Input::Read, value) => number(value).map(|n| Output::Value(Some(n))),
        (Input::Write(_), Value::Simple(_)) | (Input::Add(_), Value::Integer(1)) => {
            Some(Output::Done)
        }
        (Input::Count, Value::Null) => Some(Output::Number(0)),
        (Input::Count, value) => value.as_str()?.parse().ok().map(Output::Number),
        (Input::Increment(_) | Input::Append(_), Value::Integer(n)) => Some(Output::Number(*n)),
        (Input::Members, value) => {
            items(value).map(|v: Vec<u64>| Output::Set(v.into_iter().collect()))
        }
        (Input::Items, value) => items(value).map(Output::List),
        (Input::Swap { .. }, Value::Array(_)) => Some(Output::Swapped(true)),
        _ => None,
    }
}

/// How an error reply leaves the request.
fn fate(error: &str) -> Option<Outcome> {
    let refused = ["CLUSTERDOWN", "TRYAGAIN", "MISCONF"];
    match error.split(' ').next()? {
        "UNKNOWN" => Some(Outcome::Unknown),
        word if refused.contains(&word) => Some(Outcome::Refused),
        _ => None,
    }
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
        if self.random.permille(120) {
            let n = self.random.below(self.keys);
            let key = self.key('r', n);
            self.begin_swap(at, key);
        } else {
            for _ in 0..=self.random.skewed(0, 3) {
                let (key, input) = self.draw_operation();
                self.ask(at, key, input);
            }
        }
        self.expect_answer(at);
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
        let conn = client.conn;
        self.send_to_node(at, Mail::Open { client: at, conn });
        true
    }

    fn disconnect(&mut self, at: usize) {
        if self.clients[at].node.is_some() {
            let conn = self.clients[at].conn;
            self.send_to_node(at, Mail::Close { client: at, conn });
            self.lose_connection(at);
        }
    }

    /// Whatever was asked on this connection will not be answered any more.
    fn lose_connection(&mut self, at: usize) {
        let client = &mut self.clients[at];
        client.node = None;
        client.burst += 1;
        client.swap = None;
        for waiting in std::mem::take(&mut client.waiting) {
            if let Waiting::Op(op) | Waiting::Exec(op) = waiting {
                self.leave_open(op);
                self.tell_outcome(op);
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
        let client = &mut self.clients[at];
        client.waiting.push_back(waiting);
        let conn = client.conn;
        self.send_to_node(at, Mail::Request { client: at, conn, args });
    }

    fn draw_operation(&mut self) -> (String, Input) {
        let keys = self.keys;
        let value = self.fresh();
        let roll = self.random.below(100);
        let n = self.random.below(keys);
        let (kind, n, input) = match roll {
            0..35 => ('r', n, Input::Read),
            35..65 => ('r', n, Input::Write(value)),
            65..74 => ('c', n % 3, Input::Increment(1 + (value % 3) as i64)),
            74..80 => ('c', n % 3, Input::Count),
            80..86 => ('s', n % 2, Input::Add(value)),
            86..90 => ('s', n % 2, Input::Members),
            90..96 => ('l', n % 2, Input::Append(value)),
            _ => ('l', n % 2, Input::Items),
        };
        (self.key(kind, n), input)
    }

    /// The key of this kind and number, in its present generation.
    fn key(&self, kind: char, n: u64) -> String {
        let open = self.open_writes.get(&(kind, n)).copied().unwrap_or_default();
        match open / OPEN_WRITES_MAX {
            0 => format!("{kind}{n}"),
            generation => format!("{kind}{n}.{generation}"),
        }
    }

    /// The fate of this operation will never be known.
    fn leave_open(&mut self, op: usize) {
        let Operation { key, input, .. } = &self.history[op];
        let (name, _) = key.split_once('.').unwrap_or((key, ""));
        if let (Some(kind), Ok(n)) = (name.chars().next(), name[1..].parse())
            && !input.is_read()
        {
            *self.open_writes.entry((kind, n)).or_default() += 1;
        }
    }

    /// A value that nobody has written yet.
    fn fresh(&mut self) -> u64 {
        self.value_next += 1;
        self.value_next
    }

    fn record(&mut self, at: usize, key: String, input: Input) -> usize {
        let client = at as u64;
        let call_us = self.time;
        self.history.push(Operation { client, key, input, call_us, outcome: Outcome::Unknown });
        let op = self.history.len() - 1;
        self.tell_asked(op);
        op
    }

    fn ask(&mut self, at: usize, key: String, input: Input) {
        let args = command(&key, &input);
        let op = self.record(at, key, input);
        self.request(at, args, Waiting::Op(op));
    }

    fn begin_swap(&mut self, at: usize, key: String) {
        // A swap that ended before EXEC has left its key under WATCH.
        self.request(at, words(&["UNWATCH"]), Waiting::Step);
        self.request(at, words(&["WATCH", &key]), Waiting::Step);
        let op = self.record(at, key.clone(), Input::Read);
        self.request(at, words(&["GET", &key]), Waiting::Seen(op, key));
    }

    fn end_swap(&mut self, at: usize, key: String, from: Option<u64>) {
        let to = self.fresh();
        let input = Input::Swap { from, to };
        let set = command(&key, &input);
        self.request(at, words(&["MULTI"]), Waiting::Step);
        self.request(at, set, Waiting::Step);
        let op = self.record(at, key, input);
        self.request(at, words(&["EXEC"]), Waiting::Exec(op));
    }

    fn expect_answer(&mut self, at: usize) {
        let patience = self.random.between(1_000_000, 8_000_000);
        let client = &mut self.clients[at];
        client.burst += 1;
        let burst = client.burst;
        let at_us = self.time + patience;
        self.at(at_us, Event::Impatient { client: at, burst });
    }

    /// The client has waited long enough.
    pub(crate) fn impatient(&mut self, at: usize, burst: u64) {
        if self.clients[at].burst == burst && !self.clients[at].waiting.is_empty() {
            self.disconnect(at);
            self.act_later(at);
        }
    }

    fn act_later(&mut self, at: usize) {
        let think = self.clients[at].think_us;
        let at_us = self.time + self.random.skewed(100, think * 2);
        self.at(at_us, Event::Act(at));
    }

    /// Something reaches a client.
    pub(crate) fn client_hears(&mut self, at: usize, conn: u64, what: ToClient) {
        if self.clients[at].conn != conn || self.clients[at].node.is_none() {
            return;
        }
        match what {
            ToClient::Closed => {
                self.lose_connection(at);
                self.act_later(at);
            }
            ToClient::Bytes(bytes) => {
                self.recorder.mix_bytes(&bytes);
                self.clients[at].input.extend_from_slice(&bytes);
                while self.take_reply(at) {}
            }
        }
    }

    fn take_reply(&mut self, at: usize) -> bool {
        let client = &mut self.clients[at];
        match Value::decode(&client.input) {
            Ok(None) => false,
            Ok(Some((value, len))) => {
                client.input.drain(..len);
                let Some(waiting) = client.waiting.pop_front() else {
                    self.fail("replies", format!("a reply that nobody waits for: {value:?}"));
                    return false;
                };
                self.answered(at, waiting, &value);
                if self.clients[at].waiting.is_empty() {
                    match self.clients[at].swap.take() {
                        Some((key, from)) => {
                            self.end_swap(at, key, from);
                            self.expect_answer(at);
                        }
                        None => self.act_later(at),
                    }
                }
                true
            }
            Err(error) => {
                self.fail("replies", error.to_string());
                false
            }
        }
    }

    fn answered(&mut self, at: usize, waiting: Waiting, value: &Value) {
        match waiting {
            Waiting::Op(op) => {
                self.resolve(at, op, value);
            }
            Waiting::Seen(op, key) => {
                if let Some(Output::Value(from)) = self.resolve(at, op, value) {
                    self.clients[at].swap = Some((key, from));
                }
            }
            Waiting::Exec(op) => match value {
                // The key was changed since WATCH, or a step of the transaction was refused.
                Value::Null => self.refuse(op),
                Value::Error(text) if text.starts_with("EXECABORT") => self.refuse(op),
                value => {
                    self.resolve(at, op, value);
                }
            },
            // A refused WATCH must not lead to an unguarded swap.
            Waiting::Step => {
                if let Value::Error(_) = value {
                    let seen = |w: &Waiting| matches!(w, Waiting::Seen(..));
                    for w in self.clients[at].waiting.iter_mut().filter(|w| seen(w)) {
                        if let Waiting::Seen(op, _) = w {
                            *w = Waiting::Op(*op);
                        }
                    }
                }
            }
        }
    }

    fn refuse(&mut self, op: usize) {
        self.history[op].outcome = Outcome::Refused;
        self.tell_outcome(op);
    }

    fn resolve(&mut self, at: usize, op: usize, value: &Value) -> Option<Output> {
        let return_us = self.time;
        let input = &self.history[op].input;
        let outcome = match value {
            Value::Error(text) => match fate(text) {
                Some(outcome) => outcome,
                None => {
                    let detail = format!("{input:?} was answered {text}");
                    self.fail("replies", detail);
                    return None;
                }
            },
            value => match output(input, value) {
                Some(output) => Outcome::Returned { return_us, output },
                None => {
                    let detail = format!("{input:?} was answered {value:?}");
                    self.fail("replies", detail);
                    return None;
                }
            },
        };
        let returned = match &outcome {
            Outcome::Returned { output, .. } => Some(output.clone()),
            _ => None,
        };
        if outcome == Outcome::Unknown {
            self.leave_open(op);
        }
        self.history[op].outcome = outcome;
        self.tell_outcome(op);
        if returned.is_some() {
            self.clients[at].served += 1;
        }
        returned
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
