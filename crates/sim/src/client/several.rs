//! Transactions over several keys: WATCH, look, then MULTI and EXEC on what was seen. In most runs the keys are of one
//! partition; with `--workload bank` they lie apart, and who only looks does so in a transaction.
//!
//! None of them has a setup: a key that is not there is a register with nothing in it, an account with nothing on it,
//! a stop whose next is the one after it.

use super::single::command;
use super::{Waiting, words};
use crate::params::Workload;
use crate::world::World;
use std::collections::BTreeMap;
use synod_checker::bank::{self, Statement};
use synod_checker::ring::{self, Lap};
use synod_checker::{Input, Outcome};
use synod_wire::resp::Value;

/// How many accounts a bank has.
const ACCOUNTS: usize = 4;
/// How much an account may be overdrawn; each begins with nothing.
const OVERDRAFT: i64 = 20;
/// How much is moved at most.
const AMOUNT_MAX: u64 = 15;
/// How many stops a ring has.
const STOPS: usize = 5;
/// How many banks and rings there are, of each.
const BOOKS: u64 = 2;

/// What several keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Bank(u64),
    Ring(u64),
    /// Of keys that lie apart.
    BankApart(u64),
    /// Of keys that lie apart.
    RingApart(u64),
}

/// What was read of banks and rings.
#[derive(Default)]
pub(crate) struct Books {
    statements: BTreeMap<Kind, Vec<Statement>>,
    laps: BTreeMap<Kind, Vec<Lap>>,
}

/// What follows from what was read under WATCH.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Another value for the register that held this.
    Swap(String, Option<u64>),
    /// Writes that belong together.
    Write(Vec<Vec<Vec<u8>>>),
}

impl Kind {
    /// All that are looked at in runs with this workload.
    pub fn all(workload: Workload) -> impl Iterator<Item = Self> {
        (0..BOOKS).flat_map(move |n| match workload {
            Workload::Keys => vec![Self::Bank(n), Self::Ring(n)],
            Workload::Bank => vec![Self::BankApart(n), Self::RingApart(n)],
            _ => Vec::new(),
        })
    }

    const fn is_apart(self) -> bool {
        matches!(self, Self::BankApart(_) | Self::RingApart(_))
    }

    fn keys(self) -> Vec<String> {
        match self {
            Self::Bank(n) => (0..ACCOUNTS).map(|at| format!("{{bank{n}}}{at}")).collect(),
            Self::Ring(n) => (0..STOPS).map(|at| format!("{{ring{n}}}{at}")).collect(),
            Self::BankApart(n) => (0..ACCOUNTS).map(|at| format!("bank{n}-{at}")).collect(),
            Self::RingApart(n) => (0..STOPS).map(|at| format!("ring{n}-{at}")).collect(),
        }
    }

    /// What is stored, or what a key means that is not there; `None` if it is no number.
    fn numbers(self, values: &[Value]) -> Option<Vec<i64>> {
        let absent = |at: usize| match self {
            Self::Bank(_) | Self::BankApart(_) => 0,
            Self::Ring(_) | Self::RingApart(_) => ((at + 1) % STOPS) as i64,
        };
        let one = |(at, value): (usize, &Value)| match value {
            Value::Null => Some(absent(at)),
            value => value.as_str()?.parse().ok(),
        };
        values.iter().enumerate().map(one).collect()
    }
}

impl Books {
    /// The first rule that any read breaks.
    pub fn judge(&self) -> Option<(&'static str, String)> {
        for (kind, statements) in &self.statements {
            let accounts = kind.keys();
            let verdict = bank::check(&accounts, 0, statements)
                .and_then(|()| bank::check_overdraft(-OVERDRAFT, statements));
            if let Err(wrong) = verdict {
                return Some(("bank", format!("{kind:?}: {wrong}")));
            }
        }
        let broken = |(kind, laps): (&Kind, &Vec<Lap>)| {
            ring::check(STOPS, laps).err().map(|wrong| ("ring", format!("{kind:?}: {wrong}")))
        };
        self.laps.iter().find_map(broken)
    }
}

impl World {
    /// Looks at a bank or a ring, mostly in order to change it.
    pub(super) fn begin_several(&mut self, at: usize) {
        let n = self.random.below(BOOKS);
        let bank = self.random.permille(500);
        let kind = match (self.params.workload == Workload::Bank, bank) {
            (false, true) => Kind::Bank(n),
            (false, false) => Kind::Ring(n),
            (true, true) => Kind::BankApart(n),
            (true, false) => Kind::RingApart(n),
        };
        if self.random.permille(250) {
            return self.look(at, kind, false);
        }
        if matches!(kind, Kind::BankApart(_)) && self.random.permille(300) {
            return self.transfer_by_script(at, kind);
        }
        self.request(at, words(&["UNWATCH"]), Waiting::Step);
        let keys = kind.keys();
        let watch: Vec<&str> = std::iter::once("WATCH").chain(keys.iter().map(|k| &**k)).collect();
        self.request(at, words(&watch), Waiting::Step);
        self.look(at, kind, true);
    }

    fn look(&mut self, at: usize, several: Kind, builds: bool) {
        let keys = several.keys();
        let read: Vec<&str> = std::iter::once("MGET").chain(keys.iter().map(|k| &**k)).collect();
        let call_us = self.time;
        let sheet = Waiting::Sheet { several, call_us, builds };
        // A plain MGET is one look, wherever its keys lie; now and then it is asked for inside a transaction.
        if !several.is_apart() || builds || self.random.permille(700) {
            return self.request(at, words(&read), sheet);
        }
        self.request(at, words(&["UNWATCH"]), Waiting::Step);
        self.request(at, words(&["MULTI"]), Waiting::Step);
        self.request(at, words(&read), Waiting::Step);
        self.request(at, words(&["EXEC"]), sheet);
    }

    /// Looks at it on behalf of the last phase of a run; whether it was asked for.
    pub(crate) fn look_finally(&mut self, at: usize, several: Kind) -> bool {
        if !self.connect(at) {
            return false;
        }
        self.look(at, several, false);
        self.expect_answer(at);
        true
    }

    /// How often it was read so far.
    pub(crate) fn times_read(&self, several: Kind) -> usize {
        let statements = self.books.statements.get(&several).map_or(0, Vec::len);
        statements + self.books.laps.get(&several).map_or(0, Vec::len)
    }

    /// All keys of a bank or ring were read.
    pub(super) fn take_sheet(
        &mut self,
        at: usize,
        kind: Kind,
        call_us: u64,
        builds: bool,
        value: &Value,
    ) {
        let values = match value {
            Value::Error(text) if super::replies::fate(text).is_some() => return,
            Value::Error(text) if kind.is_apart() && text.starts_with("EXECABORT") => return,
            Value::Array(replies) => match &replies[..] {
                [Value::Array(values)] if kind.is_apart() => Some(values),
                _ => Some(replies),
            },
            _ => None,
        };
        let numbers = values.and_then(|values| kind.numbers(values));
        let Some(numbers) = numbers else {
            return self.fail("replies", format!("{kind:?} was answered {value:?}"));
        };
        self.clients[at].served += 1;
        let writes = match kind {
            Kind::Bank(_) | Kind::BankApart(_) => {
                let balances = kind.keys().into_iter().zip(numbers.iter().copied()).collect();
                let statement = Statement { call_us, balances };
                self.books.statements.entry(kind).or_default().push(statement);
                self.draw_transfer(kind, &numbers)
            }
            Kind::Ring(_) | Kind::RingApart(_) => {
                let stop = |n: &i64| usize::try_from(*n).unwrap_or(usize::MAX);
                let next: Vec<usize> = numbers.iter().map(stop).collect();
                let writes = self.draw_rewiring(kind, &next);
                self.books.laps.entry(kind).or_default().push(Lap { call_us, next });
                writes
            }
        };
        if builds {
            self.clients[at].plan = writes.map(Plan::Write);
        }
    }

    /// Moves some money, if the payer has it.
    fn draw_transfer(&mut self, kind: Kind, balances: &[i64]) -> Option<Vec<Vec<Vec<u8>>>> {
        let (from, to) = self.draw_pair();
        let amount = self.random.between(1, AMOUNT_MAX) as i64;
        let keys = kind.keys();
        (balances.get(from)? - amount >= -OVERDRAFT).then(|| {
            let amount = amount.to_string();
            vec![words(&["DECRBY", &keys[from], &amount]), words(&["INCRBY", &keys[to], &amount])]
        })
    }

    /// Moves some money in one step, if the payer has it.
    fn transfer_by_script(&mut self, at: usize, kind: Kind) {
        const SCRIPT: &str = "local left = tonumber(redis.call('GET', KEYS[1]) or 0) - ARGV[1] \
             if left < tonumber(ARGV[2]) then return 0 end \
             redis.call('SET', KEYS[1], left) return redis.call('INCRBY', KEYS[2], ARGV[1])";
        let (from, to) = self.draw_pair();
        let (keys, amount) = (kind.keys(), self.random.between(1, AMOUNT_MAX).to_string());
        let floor = (-OVERDRAFT).to_string();
        let script = words(&["EVAL", SCRIPT, "2", &keys[from], &keys[to], &amount, &floor]);
        self.request(at, script, Waiting::Settled);
    }

    /// Two different accounts.
    fn draw_pair(&mut self) -> (usize, usize) {
        let from = self.random.below(ACCOUNTS as u64) as usize;
        (from, (from + 1 + self.random.below(ACCOUNTS as u64 - 1) as usize) % ACCOUNTS)
    }

    fn draw_rewiring(&mut self, kind: Kind, next: &[usize]) -> Option<Vec<Vec<Vec<u8>>>> {
        let keys = kind.keys();
        let first = self.random.below(STOPS as u64) as usize;
        let set = |(at, to): (usize, usize)| Some(words(&["SET", keys.get(at)?, &to.to_string()]));
        ring::rewire(next, first)?.into_iter().map(set).collect()
    }

    pub(super) fn begin_swap(&mut self, at: usize, key: String) {
        // A swap that ended before EXEC has left its key under WATCH.
        self.request(at, words(&["UNWATCH"]), Waiting::Step);
        self.request(at, words(&["WATCH", &key]), Waiting::Step);
        let op = self.record(at, key.clone(), Input::Read);
        self.request(at, words(&["GET", &key]), Waiting::Seen(op, key));
    }

    /// A refused WATCH must not lead to an unguarded transaction.
    pub(super) fn give_up_plans(&mut self, at: usize) {
        for (_, waiting) in &mut self.clients[at].waiting {
            match waiting {
                Waiting::Seen(op, _) => *waiting = Waiting::Op(*op),
                Waiting::Sheet { builds, .. } => *builds = false,
                _ => {}
            }
        }
    }

    /// Does what follows from what was read.
    pub(super) fn carry_out(&mut self, at: usize, plan: Plan) {
        self.request(at, words(&["MULTI"]), Waiting::Step);
        match plan {
            Plan::Swap(key, from) => {
                let to = self.fresh();
                let input = Input::Swap { from, to };
                self.request(at, command(&key, &input), Waiting::Step);
                let op = self.record(at, key, input);
                self.request(at, words(&["EXEC"]), Waiting::Exec(op));
            }
            Plan::Write(writes) => {
                for write in writes {
                    self.request(at, write, Waiting::Step);
                }
                self.request(at, words(&["EXEC"]), Waiting::Settled);
            }
        }
    }

    /// The answer of EXEC to a swap.
    pub(super) fn swapped(&mut self, at: usize, op: usize, value: &Value) {
        match value {
            // The key was changed since WATCH, or a step of the transaction was refused.
            Value::Null => self.refuse(op),
            Value::Error(text) if text.starts_with("EXECABORT") => self.refuse(op),
            value => {
                self.resolve(at, op, value);
            }
        }
    }

    fn refuse(&mut self, op: usize) {
        self.history[op].outcome = Outcome::Refused;
    }

    /// The answer of EXEC to writes that are judged by what is read later: whatever it says, they are one.
    pub(super) fn settled(&mut self, at: usize, value: &Value) {
        let plausible = match value {
            // A script says what it made of the payee's account.
            Value::Null | Value::Integer(_) => true,
            Value::Error(text) => {
                text.starts_with("EXECABORT") || super::replies::fate(text).is_some()
            }
            Value::Array(replies) => !replies.iter().any(|r| matches!(r, Value::Error(_))),
            _ => false,
        };
        if !plausible {
            return self.fail("replies", format!("EXEC was answered {value:?}"));
        }
        self.clients[at].served += 1;
    }
}
