//! Clients that keep copies of what they read, and others that write.
//!
//! A keeper asks for a key only while it keeps no copy of it; otherwise it sends a PING, which its node answers by itself. So a
//! copy that nobody says is out of date stays for ever.
//!
//! | rule | what it says |
//! |---|---|
//! | stale copy | a write that was answered, and began after a copy was read or after the write whose value the copy is was answered, is heard of within [`STALE_US_MAX`], as long as the keeper's node answers it |
//!
//! Two keys are written at a time, and then rest: the next write of a key would end every copy that the last one has not.

use super::{Waiting, words};
use crate::world::World;
use std::collections::BTreeMap;
use synod_wire::resp::Value;

/// How many such keys there are.
const KEYS: u64 = 6;
/// How long a key is one of the two that are written. It rests for longer than a copy may be out of date.
const TURN_US: u64 = 3_000_000;
/// How long a copy may be out of date. A node that hears nothing of a leader says so after a second, a leader that hears nothing of
/// its followers steps down after a few, and a node hears ten times a second of who leads.
const STALE_US_MAX: u64 = 8_000_000;
/// A node that took longer for an answer was held up, or was sent to somebody who was.
const PROMPT_US_MAX: u64 = 500_000;
/// Who asked nothing for longer does not know whether its node was held up.
const SILENT_US_MAX: u64 = 2_000_000;
/// How many writes of a key are kept for the verdict.
const WRITES_MAX: usize = 400;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// HELLO, CLIENT TRACKING, CLIENT CACHING.
    Begin { last: bool },
    /// A key that is to be kept.
    Read(u64),
    /// Whether its node answers.
    Ping { asked_us: u64 },
    /// This value for each of these keys, asked for at this time.
    Write(Vec<u64>, String, u64),
}

/// The writes of each key that were answered.
pub(crate) type Writes = BTreeMap<u64, Vec<Write>>;

/// A write that was answered.
pub(crate) struct Write {
    value: String,
    began_us: u64,
    ended_us: u64,
}

/// A value that was read.
struct Copy {
    since_us: u64,
    /// `None`: there was none.
    value: Option<String>,
}

/// What one client keeps.
#[derive(Default)]
pub(crate) struct Keeper {
    /// The connection on which it asked to be told.
    conn: u64,
    /// Whether it is told on it.
    told: bool,
    copies: BTreeMap<u64, Copy>,
    /// Since when its node has answered it promptly, and when it did last.
    prompt_since_us: u64,
    heard_us: u64,
}

fn name(key: u64) -> String {
    format!("c{key}")
}

impl World {
    pub(super) fn ask_copy(&mut self, at: usize) {
        match at.is_multiple_of(2) {
            true => self.write_copied(at),
            false => self.keep_copies(at),
        }
    }

    fn write_copied(&mut self, at: usize) {
        let turn = self.time / TURN_US;
        let [first, second] = [0; 2].map(|_: u64| (turn + self.random.below(2)) % KEYS);
        let value = self.fresh().to_string();
        let (one, two) = (name(first), name(second));
        let (args, keys) = match self.random.below(10) {
            0 => (words(&["MSET", &one, &value, &two, &value]), vec![first, second]),
            1 => {
                let text = "return redis.call('set', KEYS[1], ARGV[1])";
                (words(&["EVAL", text, "1", &one, &value]), vec![first])
            }
            2 => (words(&["SET", &one, &value, "PX", "300"]), vec![first]),
            _ => (words(&["SET", &one, &value]), vec![first]),
        };
        let asked_us = self.time;
        self.request(at, args, Waiting::Copy(Asked::Write(keys, value, asked_us)));
    }

    fn keep_copies(&mut self, at: usize) {
        let conn = self.clients[at].conn;
        if self.clients[at].keeper.conn != conn {
            self.clients[at].keeper = Keeper { conn, ..Keeper::default() };
            let mode: &[&str] = match at % 6 {
                1 => &["CLIENT", "TRACKING", "ON"],
                3 => &["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "c"],
                _ => &["CLIENT", "TRACKING", "ON", "OPTIN"],
            };
            self.request(at, words(&["HELLO", "3"]), Waiting::Copy(Asked::Begin { last: false }));
            return self.request(at, words(mode), Waiting::Copy(Asked::Begin { last: true }));
        }
        let key = self.random.below(KEYS);
        let keeper = &self.clients[at].keeper;
        if !keeper.told || keeper.copies.contains_key(&key) {
            let asked_us = self.time;
            return self.request(at, words(&["PING"]), Waiting::Copy(Asked::Ping { asked_us }));
        }
        if at % 6 == 5 {
            let asked = Waiting::Copy(Asked::Begin { last: false });
            self.request(at, words(&["CLIENT", "CACHING", "YES"]), asked);
        }
        self.request(at, words(&["GET", &name(key)]), Waiting::Copy(Asked::Read(key)));
    }

    pub(super) fn copy_answered(&mut self, at: usize, asked: &Asked, value: &Value) {
        if let Value::Error(text) = value {
            if super::fate(text).is_none() {
                self.fail("replies", format!("{asked:?} was answered {text}"));
            }
            return;
        }
        let now_us = self.time;
        let keeper = &mut self.clients[at].keeper;
        match asked {
            Asked::Begin { last } => keeper.told |= last,
            Asked::Read(key) => {
                let value = value.as_str().map(str::to_owned);
                keeper.copies.insert(*key, Copy { since_us: now_us, value });
            }
            Asked::Ping { asked_us } => {
                let prompt = now_us - asked_us <= PROMPT_US_MAX;
                if !prompt || now_us - keeper.heard_us > SILENT_US_MAX {
                    keeper.prompt_since_us = now_us;
                }
                keeper.heard_us = now_us;
                self.look_for_stale(at);
            }
            Asked::Write(keys, value, began_us) => {
                for key in keys {
                    let writes = self.copied.entry(*key).or_default();
                    let (value, began_us) = (value.clone(), *began_us);
                    writes.push(Write { value, began_us, ended_us: now_us });
                    if writes.len() > WRITES_MAX {
                        writes.remove(0);
                    }
                }
            }
        }
        self.clients[at].served += 1;
    }

    /// The node tells that keys have changed.
    pub(super) fn copies_changed(&mut self, at: usize, message: &[Value]) {
        let copies = &mut self.clients[at].keeper.copies;
        match message {
            [kind, Value::Null] if kind.as_str() == Some("invalidate") => copies.clear(),
            [kind, Value::Array(keys)] if kind.as_str() == Some("invalidate") => {
                let keys = keys.iter().filter_map(Value::as_str);
                keys.filter_map(|key| key.strip_prefix('c')?.parse().ok()).for_each(|key: u64| {
                    copies.remove(&key);
                });
            }
            _ => self.fail("replies", format!("a message that nobody asked for: {message:?}")),
        }
    }

    fn look_for_stale(&mut self, at: usize) {
        let keeper = &self.clients[at].keeper;
        let Some(long_ago_us) = self.time.checked_sub(STALE_US_MAX) else { return };
        if keeper.prompt_since_us > long_ago_us {
            return;
        }
        let stale = keeper.copies.iter().find_map(|(key, copy)| {
            let writes = self.copied.get(key)?;
            let own = writes.iter().find(|write| Some(&write.value) == copy.value.as_ref());
            let after_us = own.map_or(copy.since_us, |write| write.ended_us.min(copy.since_us));
            let missed = |w: &&Write| w.began_us > after_us && w.ended_us <= long_ago_us;
            let missed = writes.iter().find(missed)?;
            Some((*key, copy.since_us, missed.began_us, missed.ended_us))
        });
        if let Some((key, since_us, began_us, ended_us)) = stale {
            let detail = format!(
                "client {at} keeps {} since {since_us} us, and was not told of a write from {began_us} to {ended_us} us",
                name(key)
            );
            self.fail("stale copy", detail);
        }
    }
}
