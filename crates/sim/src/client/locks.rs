//! Named locks: taken, renewed, given back, written under, and written under too late on purpose. The line of one of them is
//! in the tree of ZooKeeper's clients.
//!
//! Clients sleep past their leases and write with any token that was ever granted. The judge knows what clients were told:
//!
//! | rule | what it says |
//! |---|---|
//! | lock tokens | tokens of a lock are never given twice, and grow with time |
//! | lock exclusion | nobody else is granted a lock before the lease of its holder can be over; until then the holder is not fenced |
//! | lock fencing | no write is accepted once a newer grant was answered; what was written stands in the order of the tokens |

use super::{Waiting, words};
use crate::world::{World, namespace};
use std::collections::{BTreeMap, BTreeSet};
use synod_types::namespace_key;
use synod_wire::resp::Value;

/// How many locks there are.
const LOCKS: u64 = 3;
/// How long a lease is, in milliseconds.
const LEASE_MS: (u64, u64) = (100, 4_000);
/// How long a client waits for a lock at most, in milliseconds.
const WAIT_MS_MAX: u64 = 3_000;
/// Clocks are off by so much at most, in parts of the time: leases may be that much shorter.
const DRIFT_ONE_IN: u64 = 1_000;
const NEVER: u64 = u64::MAX;

/// A grant that a client was told of.
#[derive(Clone, Debug)]
struct Grant {
    lock: u64,
    token: u64,
    shared: bool,
    lease_us: u64,
    call_us: u64,
    return_us: u64,
    /// Before this moment its lease cannot be over.
    sure_until_us: u64,
    /// When its release was asked for.
    released_us: u64,
    /// When writes were asked for that were accepted.
    writes_us: Vec<u64>,
}

impl Grant {
    fn excludes(&self, other: &Self) -> bool {
        !(self.shared && other.shared)
    }
}

/// What is asked about a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Acquire {
        shared: bool,
        lease_us: u64,
    },
    /// The numbers are those of grants.
    Renew(usize),
    Release(usize),
    Write(usize),
    /// Everything that was ever written under the lock.
    Look,
}

/// A question about a lock, and when it was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    lock: u64,
    deed: Deed,
    call_us: u64,
}

/// What is known of all locks.
#[derive(Default)]
pub(crate) struct Locks {
    grants: Vec<Grant>,
    /// How many writes were refused for their token.
    fenced: u64,
    /// The locks that were looked at in the last phase.
    looked: BTreeSet<u64>,
    wrong: Option<(&'static str, String)>,
}

impl Locks {
    /// The first rule that any answer breaks.
    pub fn judge(&self) -> Option<(&'static str, String)> {
        self.wrong.clone().or_else(|| {
            let mut of_lock: BTreeMap<u64, Vec<&Grant>> = BTreeMap::new();
            for grant in &self.grants {
                of_lock.entry(grant.lock).or_default().push(grant);
            }
            of_lock.into_values().find_map(|mut grants| {
                grants.sort_by_key(|grant| grant.token);
                judge_lock(&grants)
            })
        })
    }

    /// How many grants clients were told of, and how many writes were refused for their token.
    pub fn counts(&self) -> (u64, u64) {
        (self.grants.len() as u64, self.fenced)
    }

    fn wrong(&mut self, rule: &'static str, detail: String) {
        self.wrong.get_or_insert((rule, detail));
    }

    /// A grant was told that it is over: whether that can be.
    fn is_over(&mut self, at: usize, now_us: u64, how: &str) {
        let grant = &self.grants[at];
        if now_us < grant.sure_until_us && grant.released_us == NEVER {
            let detail = format!("{grant:?} was told at {now_us} that it is over: {how}");
            self.wrong("lock exclusion", detail);
        }
    }
}

/// Grants of one lock, by their tokens.
fn judge_lock(grants: &[&Grant]) -> Option<(&'static str, String)> {
    for (at, older) in grants.iter().enumerate() {
        for newer in &grants[at + 1..] {
            if older.token == newer.token {
                return Some(("lock tokens", format!("{older:?} and {newer:?}")));
            }
            if newer.return_us < older.call_us {
                return Some(("lock tokens", format!("{newer:?} was there before {older:?}")));
            }
            if !older.excludes(newer) {
                continue;
            }
            if newer.return_us < older.sure_until_us && older.released_us > newer.return_us {
                return Some(("lock exclusion", format!("{newer:?} while {older:?} holds it")));
            }
            if let Some(late) = older.writes_us.iter().find(|call| **call > newer.return_us) {
                let detail =
                    format!("a write asked for at {late} under {older:?}, after {newer:?}");
                return Some(("lock fencing", detail));
            }
        }
    }
    None
}

/// Whether values, each a token behind `e` for exclusive or `s` for shared, stand in an order that fencing allows.
fn in_order(values: &[String]) -> bool {
    let mut floor = 0;
    values.iter().all(|value| {
        let Ok(token) = value[1..].parse::<u64>() else { return false };
        let good = token >= floor;
        if value.starts_with('e') {
            floor = floor.max(token);
        }
        good
    })
}

/// The names of a lock and of what is written under it. The line of the last one is in the tree of this namespace.
fn names(lock: u64, namespace: &str) -> (String, String) {
    let key = String::from_utf8_lossy(&namespace_key(namespace)).into_owned();
    match lock + 1 == LOCKS {
        true => (format!("{{{key}}}/locks/l"), format!("{{{key}}}log")),
        false => (format!("{{l{lock}}}lock"), format!("{{l{lock}}}log")),
    }
}

impl World {
    pub(super) fn ask_lock(&mut self, at: usize) {
        let roll = self.random.below(100);
        let Some(held) = self.clients[at].held else {
            let count = self.locks.grants.len() as u64;
            if count > 0 && roll < 15 {
                let any = self.random.below(count) as usize;
                return self.ask_about(at, self.locks.grants[any].lock, Deed::Write(any));
            }
            let lock = self.random.below(LOCKS);
            let lease_us = self.random.skewed(LEASE_MS.0, LEASE_MS.1) * 1_000;
            // Only one of the locks is ever shared.
            let shared = lock == 0 && roll < 60;
            return self.ask_about(at, lock, Deed::Acquire { shared, lease_us });
        };
        let Grant { lock, lease_us, .. } = self.locks.grants[held];
        match roll {
            0..35 => self.ask_about(at, lock, Deed::Write(held)),
            35..45 => (0..2).for_each(|_| self.ask_about(at, lock, Deed::Write(held))),
            45..62 => self.ask_about(at, lock, Deed::Renew(held)),
            62..75 => {
                self.clients[at].held = None;
                self.ask_about(at, lock, Deed::Release(held));
            }
            75..92 => {
                // It sleeps, often for longer than its lease.
                let at_us = self.time + self.random.below(lease_us * 3);
                self.at(at_us, crate::world::Event::Act(at));
            }
            _ => self.ask_about(at, lock, Deed::Look),
        }
    }

    fn ask_about(&mut self, at: usize, lock: u64, deed: Deed) {
        let (name, log) = names(lock, namespace(self.params.seed));
        let token = |world: &Self, grant: usize| world.locks.grants[grant].token.to_string();
        let args = match deed {
            Deed::Acquire { shared, lease_us } => {
                let ms = (lease_us / 1_000).to_string();
                let mut args = words(&["LOCK", "ACQUIRE", &name, &ms]);
                if self.random.below(100) < 70 {
                    let wait = self.random.between(1, WAIT_MS_MAX).to_string();
                    args.extend(words(&["WAIT", &wait]));
                }
                if shared {
                    args.extend(words(&["SHARED"]));
                }
                args
            }
            Deed::Renew(grant) => {
                let ms = (self.locks.grants[grant].lease_us / 1_000).to_string();
                words(&["LOCK", "RENEW", &name, &token(self, grant), &ms])
            }
            Deed::Release(grant) => {
                let known = &mut self.locks.grants[grant].released_us;
                *known = self.time.min(*known);
                words(&["LOCK", "RELEASE", &name, &token(self, grant)])
            }
            Deed::Write(grant) => {
                let token = token(self, grant);
                let letter = if self.locks.grants[grant].shared { 's' } else { 'e' };
                let value = format!("{letter}{token}");
                words(&["FENCE", &name, &token, "RPUSH", &log, &value])
            }
            Deed::Look => words(&["LRANGE", &log, "0", "-1"]),
        };
        let asked = Asked { lock, deed, call_us: self.time };
        self.request(at, args, Waiting::Lock(asked));
    }

    /// Looks at what was written under a lock on behalf of the last phase of a run; whether it was asked for.
    pub(crate) fn look_at_lock(&mut self, at: usize, lock: u64) -> bool {
        let connected = self.connect(at);
        if connected {
            self.ask_about(at, lock, Deed::Look);
            self.expect_answer(at);
        }
        connected
    }

    pub(crate) fn was_looked_at(&self, lock: u64) -> bool {
        self.locks.looked.contains(&lock)
    }

    pub(crate) fn locks(&self) -> std::ops::Range<u64> {
        0..LOCKS
    }

    pub(super) fn lock_answered(&mut self, at: usize, asked: Asked, value: &Value) {
        let time = self.time;
        let Asked { lock, deed, call_us } = asked;
        match (deed, value) {
            (Deed::Write(grant), Value::Error(text)) if text.starts_with("FENCED") => {
                self.locks.fenced += 1;
                self.locks.is_over(grant, time, text);
                self.let_go(at, grant);
            }
            (_, Value::Error(text)) => {
                if super::replies::fate(text).is_none() {
                    self.fail("replies", format!("{deed:?} of lock {lock} was answered {text}"));
                }
                return;
            }
            (Deed::Acquire { .. }, Value::Null) => {}
            (Deed::Acquire { shared, lease_us }, Value::Integer(token)) => {
                self.locks.grants.push(Grant {
                    lock,
                    token: token.unsigned_abs(),
                    shared,
                    lease_us,
                    call_us,
                    return_us: time,
                    sure_until_us: call_us + lease_us - lease_us / DRIFT_ONE_IN,
                    released_us: NEVER,
                    writes_us: Vec::new(),
                });
                self.clients[at].held = Some(self.locks.grants.len() - 1);
            }
            (Deed::Renew(grant), Value::Integer(1)) => {
                let grant = &mut self.locks.grants[grant];
                let until = call_us + grant.lease_us - grant.lease_us / DRIFT_ONE_IN;
                grant.sure_until_us = grant.sure_until_us.max(until);
            }
            (Deed::Renew(grant) | Deed::Release(grant), Value::Integer(0)) => {
                self.locks.is_over(grant, time, "it holds the lock no longer");
                self.let_go(at, grant);
            }
            (Deed::Release(_), Value::Integer(1)) => {}
            (Deed::Write(grant), Value::Integer(_)) => {
                self.locks.grants[grant].writes_us.push(call_us);
            }
            (Deed::Look, Value::Array(items)) => {
                let values: Vec<String> =
                    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect();
                if !in_order(&values) {
                    let detail = format!("lock {lock} was written under as {values:?}");
                    self.locks.wrong("lock fencing", detail);
                }
                if self.quiet {
                    self.locks.looked.insert(lock);
                }
            }
            (deed, value) => {
                let detail = format!("{deed:?} of lock {lock} was answered {value:?}");
                return self.fail("replies", detail);
            }
        }
        self.clients[at].served += 1;
        if let Some((rule, detail)) = self.locks.wrong.clone() {
            self.fail(rule, detail);
        }
    }

    fn let_go(&mut self, at: usize, grant: usize) {
        self.clients[at].held.take_if(|held| *held == grant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(token: u64, call_us: u64, return_us: u64) -> Grant {
        Grant {
            lock: 1,
            token,
            shared: false,
            lease_us: 100,
            call_us,
            return_us,
            sure_until_us: call_us + 100,
            released_us: NEVER,
            writes_us: Vec::new(),
        }
    }

    fn rule(grants: Vec<Grant>) -> Option<&'static str> {
        Locks { grants, ..Locks::default() }.judge().map(|(rule, _)| rule)
    }

    #[test]
    fn each_rule_is_broken_by_what_it_forbids_and_by_nothing_else() {
        assert_eq!(rule(vec![grant(1, 0, 10), grant(2, 50, 130)]), None);
        assert_eq!(rule(vec![grant(1, 0, 10), grant(1, 200, 230)]), Some("lock tokens"));
        assert_eq!(rule(vec![grant(2, 0, 10), grant(1, 200, 230)]), Some("lock tokens"));
        let early = vec![grant(1, 0, 10), grant(2, 50, 90)];
        assert_eq!(rule(early.clone()), Some("lock exclusion"));
        let mut released = early.clone();
        released[0].released_us = 60;
        assert_eq!(rule(released), None);
        let mut shared = early;
        shared.iter_mut().for_each(|grant| grant.shared = true);
        assert_eq!(rule(shared), None);
        let mut late = vec![grant(1, 0, 10), grant(2, 50, 130)];
        late[0].writes_us = vec![20, 129];
        assert_eq!(rule(late.clone()), None);
        late[0].writes_us.push(131);
        assert_eq!(rule(late), Some("lock fencing"));
    }

    #[test]
    fn what_was_written_stands_in_the_order_of_exclusive_tokens() {
        let order = |text: &str| in_order(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(order("e1 e1 e2 s4 s3 s4 e5"));
        assert!(!order("e1 e2 e1"));
        assert!(!order("e5 s4"));
    }
}
