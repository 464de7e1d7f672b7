//! The clients: each does one thing at a time to a key of the moment and writes down how it ended.
//!
//! Keys belong to a generation and are left alone when it is over, so that the history of each stays
//! short enough to be judged, however long the run. Every value is written at most once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use synod_checker::bank::Statement;
use synod_checker::{Input, Kind, Operation, Outcome, Output, Value};

use crate::dice::Dice;
use crate::resp::Reply;
use crate::session::{Session, Trouble};

/// How long a generation of keys is used.
const GENERATION: Duration = Duration::from_secs(5);
/// How many accounts the bank has; they share a hash tag, so that one transaction reaches them all.
const ACCOUNTS: u64 = 8;
/// How long a client waits when there is nobody to talk to.
const NOBODY_THERE: Duration = Duration::from_millis(20);

/// What all clients of a run share.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The moment that times are counted from.
    pub started: Instant,
    /// When the clients stop.
    pub until: Instant,
    /// How many clients there are.
    pub clients: u64,
    /// Operations per second of all clients together; they may be fewer.
    pub rate: u64,
    /// Keys of each kind in one generation.
    pub keys: u64,
}

impl Plan {
    /// Microseconds since the run began.
    pub fn now_us(&self) -> u64 {
        // A run of half a million years would not fit.
        self.started.elapsed().as_micros() as u64
    }
}

/// What one client saw.
#[derive(Debug, Default)]
pub struct Record {
    /// Operations on single keys.
    pub history: Vec<Operation>,
    /// What the bank looked like, each time it was read.
    pub statements: Vec<Statement>,
    /// Error replies that nothing gives a reason for, and how often they came.
    pub strange: BTreeMap<String, u64>,
}

impl Record {
    /// Adds what another client saw.
    pub fn merge(&mut self, other: Self) {
        self.history.extend(other.history);
        self.statements.extend(other.statements);
        for (text, times) in other.strange {
            *self.strange.entry(text).or_default() += times;
        }
    }
}

/// The names of the bank's accounts.
pub fn accounts() -> Vec<String> {
    (0..ACCOUNTS).map(|i| format!("{{bank}}:{i}")).collect()
}

/// One client.
#[derive(Debug)]
pub struct Client {
    id: u64,
    plan: Plan,
    session: Session,
    dice: Dice,
    values: u64,
    record: Record,
}

impl Client {
    /// A client that has done nothing yet.
    pub fn new(id: u64, plan: Plan, session: Session, dice: Dice) -> Self {
        Self { id, plan, session, dice, values: 0, record: Record::default() }
    }

    /// Works until the plan says stop, or the run was given up.
    pub fn run(mut self, given_up: &AtomicBool) -> Record {
        let pause =
            Duration::from_secs(1).mul_f64(self.plan.clients as f64 / self.plan.rate as f64);
        let mut next = Instant::now() + pause.mul_f64(self.id as f64 / self.plan.clients as f64);
        while next < self.plan.until && !given_up.load(Ordering::Relaxed) {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            // Time lost in a failover is not made up for by a storm of requests.
            next = Instant::now().max(next + pause);
            if self.session.connect() {
                self.act();
            } else {
                std::thread::sleep(NOBODY_THERE);
            }
        }
        self.record
    }

    fn act(&mut self) {
        if self.dice.chance(1) {
            self.session.move_on();
            self.session.connect();
        }
        match self.dice.range(0, 100) {
            0..30 => self.register(),
            30..55 => self.counter(),
            55..75 => self.set(),
            75..95 => self.list(),
            _ => self.bank(),
        }
    }

    fn key(&mut self, kind: &str) -> String {
        let generation = self.plan.started.elapsed().as_secs() / GENERATION.as_secs();
        format!("{kind}:{generation}:{}", self.dice.range(0, self.plan.keys))
    }

    fn value(&mut self) -> Value {
        self.values += 1;
        self.values * self.plan.clients + self.id
    }

    fn register(&mut self) {
        let key = self.key("register");
        match self.dice.range(0, 10) {
            0..4 => self.operate(&key, Input::Read),
            4..8 => {
                let value = self.value();
                self.operate(&key, Input::Write(value));
            }
            _ => self.swap(&key),
        }
    }

    fn counter(&mut self) {
        let key = self.key("counter");
        let by = self.dice.range(1, 4);
        let input = if self.dice.chance(30) { Input::Count } else { Input::Increment(by as i64) };
        self.operate(&key, input);
    }

    fn set(&mut self) {
        let key = self.key("set");
        let value = self.value();
        let input = if self.dice.chance(30) { Input::Members } else { Input::Add(value) };
        self.operate(&key, input);
    }

    fn list(&mut self) {
        let key = self.key("list");
        let value = self.value();
        let input = if self.dice.chance(30) { Input::Items } else { Input::Append(value) };
        self.operate(&key, input);
    }

    /// One command, one operation.
    fn operate(&mut self, key: &str, input: Input) {
        let call_us = self.plan.now_us();
        let answer = ask(&mut self.session, key, &input);
        self.note(key, input, call_us, answer);
    }

    /// Compare-and-set as Redis clients do it: WATCH, read, MULTI, write, EXEC.
    fn swap(&mut self, key: &str) {
        if self.prepare(&["WATCH", key]).is_none() {
            return;
        }
        let call_us = self.plan.now_us();
        let read = ask(&mut self.session, key, &Input::Read);
        let Ok(Output::Value(from)) = read else {
            return self.note(key, Input::Read, call_us, read);
        };
        self.note(key, Input::Read, call_us, read);
        let to = self.value();
        let queued = self.prepare(&["MULTI"]).is_some()
            && self.prepare(&["SET", key, &to.to_string()]).is_some();
        if queued {
            let call_us = self.plan.now_us();
            let answer = match self.session.call(&["EXEC"]) {
                Ok(reply) => executed(reply).map(|_| Output::Swapped(true)),
                Err(trouble) => Err(trouble),
            };
            self.note(key, Input::Swap { from, to }, call_us, answer);
        }
    }

    /// Money from one account to another, or a look at all of them.
    fn bank(&mut self) {
        let accounts = accounts();
        if self.dice.chance(50) {
            let call_us = self.plan.now_us();
            match statement(&mut self.session, call_us) {
                Ok(statement) => self.record.statements.push(statement),
                Err(trouble) => self.count_strange(trouble),
            }
            return;
        }
        let from = &accounts[self.dice.index(accounts.len())];
        let to = &accounts[self.dice.index(accounts.len())];
        let amount = self.dice.range(1, 100);
        let queued = self.prepare(&["MULTI"]).is_some()
            && self.prepare(&["DECRBY", from, &amount.to_string()]).is_some()
            && self.prepare(&["INCRBY", to, &amount.to_string()]).is_some();
        if queued {
            // However it ends, it must have happened as a whole or not at all.
            let answer = self.session.call(&["EXEC"]).and_then(executed);
            answer.map_or_else(|trouble| self.count_strange(trouble), |_| ());
        }
    }

    /// A request that changes nothing by itself; after trouble the session has dropped its connection
    /// and with it all that was watched and queued.
    fn prepare(&mut self, args: &[&str]) -> Option<Reply> {
        match self.session.call(args) {
            Ok(reply) => Some(reply),
            Err(trouble) => {
                self.count_strange(trouble);
                None
            }
        }
    }

    fn note(&mut self, key: &str, input: Input, call_us: u64, answer: Result<Output, Trouble>) {
        let outcome = match answer {
            Ok(output) => Outcome::Returned { return_us: self.plan.now_us(), output },
            Err(Trouble::Refused) => Outcome::Refused,
            Err(trouble) => {
                self.count_strange(trouble);
                Outcome::Unknown
            }
        };
        // A read without an answer tells nothing.
        if matches!(outcome, Outcome::Returned { .. }) || !input.is_read() {
            let key = key.to_owned();
            self.record.history.push(Operation { client: self.id, key, input, call_us, outcome });
        }
    }

    fn count_strange(&mut self, trouble: Trouble) {
        if let Trouble::Strange(text) = trouble {
            *self.record.strange.entry(text).or_default() += 1;
        }
    }
}

/// Carries out one operation, a swap excepted.
pub fn ask(session: &mut Session, key: &str, input: &Input) -> Result<Output, Trouble> {
    let reply = match input {
        Input::Read | Input::Count => session.call(&["GET", key]),
        Input::Write(value) => session.call(&["SET", key, &value.to_string()]),
        Input::Increment(by) => session.call(&["INCRBY", key, &by.to_string()]),
        Input::Members => session.call(&["SMEMBERS", key]),
        Input::Add(value) => session.call(&["SADD", key, &value.to_string()]),
        Input::Items => session.call(&["LRANGE", key, "0", "-1"]),
        Input::Append(value) => session.call(&["RPUSH", key, &value.to_string()]),
        Input::Swap { .. } => Err(Trouble::Strange("a swap is more than one command".into())),
    }?;
    understand(input, &reply)
        .ok_or_else(|| Trouble::Strange(format!("{input:?} was answered by {reply:?}")))
}

/// The question that shows all that a key of this kind holds.
pub fn look(kind: Kind) -> Input {
    match kind {
        Kind::Register => Input::Read,
        Kind::Counter => Input::Count,
        Kind::Set => Input::Members,
        Kind::List => Input::Items,
    }
}

/// Reads all accounts at once.
pub fn statement(session: &mut Session, call_us: u64) -> Result<Statement, Trouble> {
    let accounts = accounts();
    let mut args = vec!["MGET"];
    args.extend(accounts.iter().map(String::as_str));
    let reply = session.call(&args)?;
    let balances = match &reply {
        Reply::Array(Some(items)) => accounts
            .iter()
            .zip(items)
            .map(|(name, item)| Some((name.clone(), balance(item)?)))
            .collect::<Option<BTreeMap<_, _>>>(),
        _ => None,
    };
    let balances =
        balances.ok_or_else(|| Trouble::Strange(format!("MGET was answered by {reply:?}")))?;
    Ok(Statement { call_us, balances })
}

/// What an EXEC did: nothing, or all of it.
fn executed(reply: Reply) -> Result<Vec<Reply>, Trouble> {
    match reply {
        Reply::Array(None) => Err(Trouble::Refused),
        Reply::Array(Some(items)) if !items.iter().any(|item| matches!(item, Reply::Error(_))) => {
            Ok(items)
        }
        other => Err(Trouble::Strange(format!("EXEC was answered by {other:?}"))),
    }
}

fn balance(item: &Reply) -> Option<i64> {
    match item {
        Reply::Bulk(None) => Some(0),
        Reply::Bulk(Some(text)) => parse(text),
        _ => None,
    }
}

/// The answer in the checkers' words; `None` when it is not one that the command can give.
fn understand(input: &Input, reply: &Reply) -> Option<Output> {
    match (input, reply) {
        (Input::Read, Reply::Bulk(None)) => Some(Output::Value(None)),
        (Input::Read, Reply::Bulk(Some(text))) => Some(Output::Value(Some(parse(text)?))),
        (Input::Count, item) => balance(item).map(Output::Number),
        (Input::Write(_), Reply::Simple(text)) if text == "OK" => Some(Output::Done),
        // No value is added twice, so it cannot have been there before.
        (Input::Add(_), Reply::Integer(1)) => Some(Output::Done),
        (Input::Increment(_) | Input::Append(_), Reply::Integer(n)) => Some(Output::Number(*n)),
        (Input::Members, Reply::Array(Some(items))) => {
            items.iter().map(item).collect::<Option<_>>().map(Output::Set)
        }
        (Input::Items, Reply::Array(Some(items))) => {
            items.iter().map(item).collect::<Option<_>>().map(Output::List)
        }
        _ => None,
    }
}

fn item(reply: &Reply) -> Option<Value> {
    match reply {
        Reply::Bulk(Some(text)) => parse(text),
        _ => None,
    }
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
