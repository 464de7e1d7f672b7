//! Operations of the history: one key each, or several keys of one partition that are written and read as one.

use super::{Waiting, large, words};
use crate::world::World;
use synod_checker::{Input, Operation, Outcome, Output};
use synod_wire::resp::Value;

/// With so many writes of unknown fate a key is given up for a fresh one: each may double the checker's work.
const OPEN_WRITES_MAX: u64 = 8;
/// How many keys a register of several keys has.
const TOGETHER: u64 = 3;

/// A request as a client sends it, and what it counts as.
pub(super) fn command(key: &str, input: &Input) -> Vec<Vec<u8>> {
    if key.starts_with('m') {
        return together(key, input);
    }
    if key.starts_with('a') {
        return apart(key, input, 0);
    }
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

/// A register that is kept in several keys of one partition: whoever reads them must find the same in all.
fn together(key: &str, input: &Input) -> Vec<Vec<u8>> {
    let keys = (0..TOGETHER).map(|n| format!("{{{key}}}{n}").into_bytes());
    match input {
        Input::Write(value) => {
            let value = value.to_string().into_bytes();
            let pairs = keys.flat_map(|key| [key, value.clone()]);
            std::iter::once(b"MSET".to_vec()).chain(pairs).collect()
        }
        _ => std::iter::once(b"MGET".to_vec()).chain(keys).collect(),
    }
}

/// A register that is kept in several keys which lie apart and are written as one: whoever reads any of them reads the register.
fn apart(key: &str, input: &Input, copy: u64) -> Vec<Vec<u8>> {
    let name = |n: u64| format!("{key}-{n}");
    match input {
        Input::Write(value) => {
            let value = value.to_string();
            let pairs = (0..TOGETHER).flat_map(|n| [name(n), value.clone()]);
            std::iter::once("MSET".to_owned()).chain(pairs).map(String::into_bytes).collect()
        }
        _ => words(&["GET", &name(copy)]),
    }
}

pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

/// What a reply says in the words of the checkers; `None` when it cannot be an answer to this.
pub(super) fn output(input: &Input, value: &Value) -> Option<Output> {
    let items = |value: &Value| match value {
        Value::Array(items) | Value::Set(items) => items.iter().map(number).collect(),
        Value::Null => Some(Vec::new()),
        _ => None,
    };
    match (input, value) {
        (Input::Read, Value::Null) => Some(Output::Value(None)),
        (Input::Read, Value::Array(parts)) => {
            let first = parts.first()?;
            let whole = parts.iter().all(|part| part == first);
            whole.then_some(())?;
            output(input, first)
        }
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

impl World {
    pub(super) fn draw_operation(&mut self) -> (String, Input) {
        let keys = self.keys;
        let value = self.fresh();
        let roll = self.random.below(100);
        let n = self.random.below(keys);
        let (kind, n, input) = match roll {
            0..30 => ('r', n, Input::Read),
            30..56 => ('r', n, Input::Write(value)),
            56..62 => ('m', n % 2, Input::Read),
            62..68 => ('m', n % 2, Input::Write(value)),
            68..75 => ('c', n % 3, Input::Increment(1 + (value % 3) as i64)),
            75..80 => ('c', n % 3, Input::Count),
            80..86 => ('s', n % 2, Input::Add(value)),
            86..90 => ('s', n % 2, Input::Members),
            90..96 => ('l', n % 2, Input::Append(value)),
            _ => ('l', n % 2, Input::Items),
        };
        (self.key(kind, n), input)
    }

    /// Asks for a register that lies apart.
    pub(super) fn ask_apart(&mut self, at: usize) {
        let n = self.random.below(2);
        let key = self.key('a', n);
        let input = match self.random.permille(400) {
            true => Input::Write(self.fresh()),
            false => Input::Read,
        };
        let copy = self.random.below(TOGETHER);
        let op = self.record(at, key.clone(), input.clone());
        self.request(at, apart(&key, &input, copy), Waiting::Op(op));
    }

    pub(super) fn draw_read(&mut self) -> (String, Input) {
        loop {
            let (key, input) = self.draw_operation();
            if input.is_read() {
                return (key, input);
            }
        }
    }

    /// The key of this kind and number, in its present generation.
    pub(super) fn key(&self, kind: char, n: u64) -> String {
        let open = self.open_writes.get(&(kind, n)).copied().unwrap_or_default();
        match open / OPEN_WRITES_MAX {
            0 => format!("{kind}{n}"),
            generation => format!("{kind}{n}.{generation}"),
        }
    }

    /// The fate of this operation will never be known.
    pub(super) fn leave_open(&mut self, op: usize) {
        let Operation { key, input, .. } = &self.history[op];
        let (name, _) = key.split_once('.').unwrap_or((key, ""));
        if let (Some(kind), Ok(n)) = (name.chars().next(), name[1..].parse())
            && !input.is_read()
        {
            *self.open_writes.entry((kind, n)).or_default() += 1;
        }
    }

    pub(super) fn record(&mut self, at: usize, key: String, input: Input) -> usize {
        let client = at as u64;
        let call_us = self.time;
        self.history.push(Operation { client, key, input, call_us, outcome: Outcome::Unknown });
        self.history.len() - 1
    }

    pub(super) fn ask(&mut self, at: usize, key: String, input: Input) {
        let args = match large::is_long(&key) {
            true => large::command(&key, &input, &self.large),
            false => command(&key, &input),
        };
        let op = self.record(at, key, input);
        self.request(at, args, Waiting::Op(op));
    }
}
