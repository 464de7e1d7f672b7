//! Where records are kept: hashes in the cluster's keyspace, changed by scripts that compare the version first.
//!
//! All of them lie in one slot, so that a step is one entry in the log of one partition. The step that decides runs the commands
//! over keys too, and is a transaction over the partitions where those lie apart.

use crate::inbox::Postbox;
use crate::inner::Inner;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use synod_coordinator::{Command, Record, bounds, summary};
use synod_wire::resp::Value;

const STEP: &str = include_str!("scripts/step.lua");
const FORGET: &str = include_str!("scripts/forget.lua");
const DECIDE: &str = include_str!("scripts/decide.lua");
const STATES: &str = include_str!("scripts/states.lua");

/// All records by when they are due.
const DUE: &str = "{synod:tx}due";
/// Those that are not ended.
const OPEN: &str = "{synod:tx}open";

/// How long the cluster may take to answer.
const ANSWER: Duration = Duration::from_secs(6);

/// There was no answer, or an error: what was asked for may or may not have been done.
#[derive(Clone, Debug)]
pub struct Trouble(pub String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is stored.
    Done,
    /// Somebody else's step came first.
    Changed,
    /// There are as many transactions as there may be, and of which sort.
    Full(&'static str),
    /// A command over keys failed, and none was run.
    Refused(String),
}

/// The records of the cluster, as a node sees them.
pub struct Store(pub Postbox);

impl Store {
    /// Runs a command as the coordinator.
    pub async fn ask(&self, words: &[&[u8]]) -> Result<Value, Trouble> {
        let conversation = async {
            let mut inner = Inner::open_trusted(&self.0).await?;
            inner.ask(words).await
        };
        match tokio::time::timeout(ANSWER, conversation).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Trouble(error.to_string())),
            Err(_) => Err(Trouble("the cluster does not answer in time".to_owned())),
        }
    }

    /// The same; an error is trouble.
    async fn answer(&self, words: &[&[u8]]) -> Result<Value, Trouble> {
        match self.ask(words).await? {
            Value::Error(text) => Err(Trouble(text)),
            value => Ok(value),
        }
    }

    /// Whether a user may run a command now, and why not.
    pub async fn may(&self, user: &str, words: &[&[u8]]) -> Result<Result<(), String>, Trouble> {
        let dry_run = [&[&b"ACL"[..], b"DRYRUN", user.as_bytes()], words].concat();
        match self.ask(&dry_run).await? {
            Value::Simple(_) => Ok(Ok(())),
            Value::Bulk(why) => Ok(Err(format!("NOPERM {}", String::from_utf8_lossy(&why)))),
            Value::Error(why) if why.starts_with("ERR") => Ok(Err(why)),
            Value::Error(why) => Err(Trouble(why)),
            _ => Err(Trouble("an answer that nobody understands".to_owned())),
        }
    }

    async fn eval(&self, step: &Step) -> Result<Value, Trouble> {
        let count = step.keys.len().to_string();
        let mut words = vec![&b"EVAL"[..], step.script.as_bytes(), count.as_bytes()];
        words.extend(step.keys.iter().chain(&step.args).map(String::as_bytes));
        self.ask(&words).await
    }

    /// A record.
    pub async fn read(&self, id: &str) -> Result<Option<Record>, Trouble> {
        match self.answer(&[b"HGET", key(id).as_bytes(), b"r"]).await? {
            Value::Bulk(text) => match serde_json::from_slice(&text) {
                Ok(record) => Ok(Some(record)),
                Err(error) => Err(Trouble(format!("the record of {id} cannot be read: {error}"))),
            },
            _ => Ok(None),
        }
    }

    /// The names of those that are due, the longest ones first.
    pub async fn due(&self, now_ms: u64, most: usize) -> Result<Vec<String>, Trouble> {
        let (now, most) = (now_ms.to_string(), most.to_string());
        let words = [
            &b"ZRANGEBYSCORE"[..],
            DUE.as_bytes(),
            b"-inf",
            now.as_bytes(),
            b"LIMIT",
            b"0",
            most.as_bytes(),
        ];
        self.answer(&words).await.map(strings)
    }

    /// The names of those that are not ended, or of all.
    pub async fn names(&self, all: bool) -> Result<Vec<String>, Trouble> {
        let words = match all {
            true => vec![&b"ZRANGE"[..], DUE.as_bytes(), b"0", b"-1"],
            false => vec![&b"SMEMBERS"[..], OPEN.as_bytes()],
        };
        self.answer(&words).await.map(strings)
    }

    /// The line of a list.
    pub async fn summary(&self, id: &str) -> Result<Option<serde_json::Value>, Trouble> {
        match self.answer(&[b"HGET", key(id).as_bytes(), b"s"]).await? {
            Value::Bulk(text) => Ok(serde_json::from_slice(&text).ok()),
            _ => Ok(None),
        }
    }

    /// How many that are not ended are in which state.
    pub async fn states(&self) -> Result<BTreeMap<String, u64>, Trouble> {
        let words = [&b"EVAL_RO"[..], STATES.as_bytes(), b"1", OPEN.as_bytes()];
        let told = strings(self.answer(&words).await?);
        let pair = |pair: &[String]| Some((pair.first()?.clone(), pair.get(1)?.parse().ok()?));
        Ok(told.chunks(2).filter_map(pair).collect())
    }

    /// Stores a record in the place of the one with the version `before`; 0: in the place of none.
    pub async fn write(
        &self,
        before: u64,
        record: &Record,
        now_ms: u64,
    ) -> Result<Stored, Trouble> {
        let mut step = Step::new(STEP, before, record, now_ms);
        step.args.push(bounds::OPEN_MAX.to_string());
        step.args.push(bounds::RECORDS_MAX.to_string());
        match self.run(&step, record).await? {
            Stored::Refused(why) => Err(Trouble(why)),
            stored => Ok(stored),
        }
    }

    /// The same, together with commands over keys, all or nothing.
    pub async fn decide(
        &self,
        before: u64,
        record: &Record,
        commands: &[Command],
        now_ms: u64,
    ) -> Result<Stored, Trouble> {
        if commands.is_empty() {
            return self.write(before, record, now_ms).await;
        }
        let mut step = Step::new(DECIDE, before, record, now_ms);
        for command in commands {
            for key in &command.keys {
                if !step.keys.contains(key) {
                    step.keys.push(key.clone());
                }
            }
            step.args.push(command.words.len().to_string());
            step.args.push(command.reply_min.map_or(String::new(), |least| least.to_string()));
            step.args.extend(command.words.iter().cloned());
        }
        self.run(&step, record).await
    }

    /// Deletes a record.
    pub async fn forget(&self, record: &Record) -> Result<(), Trouble> {
        let step = Step {
            script: FORGET,
            keys: vec![key(&record.id), DUE.to_owned(), OPEN.to_owned()],
            args: vec![record.version.to_string(), record.id.clone()],
        };
        match self.eval(&step).await? {
            Value::Error(text) => Err(Trouble(text)),
            _ => Ok(()),
        }
    }

    /// Runs a step. After an answer that tells nothing, what is stored tells.
    async fn run(&self, step: &Step, record: &Record) -> Result<Stored, Trouble> {
        let answer = self.eval(step).await;
        let trouble = match answer {
            Ok(Value::Bulk(text)) if text == b"done" => return Ok(Stored::Done),
            // What was tried once with an unknown fate may have been ours.
            Ok(Value::Bulk(text)) if text == b"changed" => {
                Trouble("the record has changed".to_owned())
            }
            Ok(Value::Bulk(text)) if text == b"open" => {
                return Ok(Stored::Full("transactions that are not ended"));
            }
            Ok(Value::Bulk(text)) if text == b"records" => {
                return Ok(Stored::Full("records of transactions"));
            }
            Ok(Value::Array(told)) => {
                let why = strings(Value::Array(told)).pop().unwrap_or_default();
                return Ok(Stored::Refused(why));
            }
            Ok(Value::Error(text)) if is_final(&text) => return Ok(Stored::Refused(text)),
            Ok(Value::Error(text)) => Trouble(text),
            Ok(_) => Trouble("an answer that nobody understands".to_owned()),
            Err(trouble) => trouble,
        };
        match self.read(&record.id).await? {
            Some(stored) if stored == *record => Ok(Stored::Done),
            Some(stored) if stored.version >= record.version => Ok(Stored::Changed),
            // Not done, or not yet.
            _ => Err(trouble),
        }
    }
}

/// Errors that come again however often the same is tried.
fn is_final(text: &str) -> bool {
    let code = text.split(' ').next().unwrap_or_default();
    matches!(code, "ERR" | "OOM" | "CROSSSLOT" | "WRONGTYPE" | "NOSCRIPT")
}

fn key(id: &str) -> String {
    format!("{{synod:tx}}{id}")
}

fn strings(value: Value) -> Vec<String> {
    let (Value::Array(all) | Value::Set(all)) = value else { return Vec::new() };
    let text = |value| match value {
        Value::Bulk(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    };
    all.into_iter().filter_map(text).collect()
}

/// A script with its keys and arguments.
struct Step {
    script: &'static str,
    keys: Vec<String>,
    args: Vec<String>,
}

impl Step {
    fn new(script: &'static str, before: u64, record: &Record, now_ms: u64) -> Self {
        // A record has nothing that JSON cannot hold.
        let text = serde_json::to_string(record).unwrap_or_default();
        let open = if record.ended_ms.is_none() { "1" } else { "0" };
        Self {
            script,
            keys: vec![key(&record.id), DUE.to_owned(), OPEN.to_owned()],
            args: vec![
                before.to_string(),
                record.version.to_string(),
                text,
                summary(record).to_string(),
                record.due_ms(now_ms).to_string(),
                record.id.clone(),
                open.to_owned(),
            ],
        }
    }
}
