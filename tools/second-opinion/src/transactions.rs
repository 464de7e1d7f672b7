//! Transactions over several lists, served by a real server one after the other while their clients overlap;
//! and by servers that get one thing wrong.

use fastrand::Rng;
use std::collections::BTreeMap;

/// Time between two transactions that take place, in microseconds.
const STEP_US: u64 = 100;
/// How many steps a transaction may begin before and end after the moment when it takes place.
const OVERLAP: u64 = 4;
/// How many transactions of a history end nobody knows how; each may double a search.
const UNKNOWN_MAX: usize = 4;

/// One step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Puts a value, which nobody else ever appends to this key, at the end of a list.
    Append(String, u64),
    /// Reads a whole list; the answer, if one came.
    Read(String, Option<Vec<u64>>),
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With an answer, at this time.
    Committed(u64),
    /// Nobody knows.
    Unknown,
    /// It did not take place and never will.
    Aborted,
}

/// One transaction of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// When it was asked for.
    pub call_us: u64,
    /// How it ended.
    pub ended: Ended,
}

/// What a server gets wrong; each now and then, not always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// Another transaction comes in between two of its steps.
    Torn,
    /// Reads are answered from a replica that lags behind.
    Stale,
    /// What was acknowledged is forgotten.
    Lost,
    /// Transactions read a snapshot and only their writes meet: write skew.
    Skew,
    /// An aborted transaction's writes stay.
    Dirty,
}

impl Flaw {
    /// All that are wrong.
    pub const ALL: [Self; 5] = [Self::Torn, Self::Stale, Self::Lost, Self::Skew, Self::Dirty];
}

type Lists = BTreeMap<String, Vec<u64>>;

fn list(lists: &Lists, key: &str) -> Vec<u64> {
    lists.get(key).cloned().unwrap_or_default()
}

/// A server with a history of its states.
struct Server {
    lists: Lists,
    /// As it was before each of the last transactions.
    past: Vec<Lists>,
}

impl Server {
    /// Does the steps; reads see `view` and what was appended since.
    fn serve(&mut self, steps: &mut [Step], mut view: Lists) {
        for step in steps {
            match step {
                Step::Append(key, value) => {
                    self.lists.entry(key.clone()).or_default().push(*value);
                    view.entry(key.clone()).or_default().push(*value);
                }
                Step::Read(key, seen) => *seen = Some(list(&view, key)),
            }
        }
    }

    fn before(&self, steps: usize) -> Lists {
        let at = self.past.len().checked_sub(steps);
        at.map_or_else(Lists::new, |at| self.past[at].clone())
    }
}

/// Draws `len` transactions over `keys` lists, and one at the end that reads them all.
#[must_use]
pub fn draw(len: usize, keys: u64, flaw: Flaw, random: &mut Rng) -> Vec<Transaction> {
    let mut server = Server { lists: Lists::new(), past: Vec::new() };
    let mut history: Vec<Transaction> = Vec::new();
    let mut value = 0;
    for nth in 0..len as u64 {
        let steps = draw_steps(keys, &mut value, random);
        let mut transaction = timed(steps, nth, random);
        let unknown = history.iter().filter(|one| one.ended == Ended::Unknown).count();
        if transaction.ended == Ended::Unknown && unknown == UNKNOWN_MAX {
            transaction.ended = Ended::Aborted;
        }
        let slips = flaw != Flaw::None && random.u32(..4) == 0;
        if let (Flaw::Torn, true, Ended::Committed(_)) = (flaw, slips, transaction.ended) {
            history.push(tear(&mut server, &mut transaction, 1_000_000 + nth));
        } else {
            take_place(&mut server, &mut transaction, flaw, slips, random);
        }
        history.push(transaction);
    }
    let all = (0..keys).map(|key| Step::Read(format!("k{key}"), None)).collect();
    let mut last = timed(all, len as u64 + 3 * OVERLAP, random);
    last.ended = Ended::Committed(last.call_us + STEP_US);
    let view = server.lists.clone();
    server.serve(&mut last.steps, view);
    history.push(last);
    history
}

fn draw_steps(keys: u64, value: &mut u64, random: &mut Rng) -> Vec<Step> {
    (0..random.usize(1..5))
        .map(|_| {
            let key = format!("k{}", random.u64(..keys));
            if random.bool() {
                return Step::Read(key, None);
            }
            *value += 1;
            Step::Append(key, *value)
        })
        .collect()
}

fn timed(steps: Vec<Step>, nth: u64, random: &mut Rng) -> Transaction {
    let at_us = (nth + OVERLAP + 1) * STEP_US;
    let return_us = at_us + random.u64(..=OVERLAP * STEP_US);
    let ended = match random.u32(..12) {
        0 => Ended::Aborted,
        1 => Ended::Unknown,
        _ => Ended::Committed(return_us),
    };
    Transaction { steps, call_us: at_us - random.u64(..=OVERLAP * STEP_US), ended }
}

fn take_place(
    server: &mut Server,
    transaction: &mut Transaction,
    flaw: Flaw,
    slips: bool,
    random: &mut Rng,
) {
    let now = server.lists.clone();
    server.past.push(now.clone());
    let steps = &mut transaction.steps;
    let happens = match transaction.ended {
        Ended::Committed(_) => true,
        Ended::Unknown => random.bool(),
        Ended::Aborted => slips && flaw == Flaw::Dirty,
    };
    if !happens {
        return;
    }
    match flaw {
        Flaw::Stale if slips => {
            let old = server.before(random.usize(3..12));
            server.serve(steps, old);
        }
        Flaw::Skew if slips => {
            // It began when the one before it did, and their writes do not meet.
            let old = server.before(2);
            server.serve(steps, old);
        }
        Flaw::Lost if slips => {
            server.serve(steps, now.clone());
            server.lists = now;
        }
        _ => server.serve(steps, now),
    }
    if transaction.ended != Ended::Unknown {
        return;
    }
    // Whoever does not know how it ended has not seen what it read either.
    for step in steps {
        if let Step::Read(_, seen) = step {
            *seen = None;
        }
    }
}

/// This transaction reads two lists, and another one, which is given back, writes to both in between.
fn tear(server: &mut Server, torn: &mut Transaction, value: u64) -> Transaction {
    let key = |n: u64| format!("k{n}");
    torn.steps = (0..2).map(|n| Step::Read(key(n), None)).collect();
    let mut intruder = Transaction {
        steps: (0..2).map(|n| Step::Append(key(n), value)).collect(),
        ..torn.clone()
    };
    let (first, second) = torn.steps.split_at_mut(1);
    for steps in [first, &mut intruder.steps[..], second] {
        let view = server.lists.clone();
        server.serve(steps, view);
    }
    intruder
}
