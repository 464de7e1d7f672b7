//! Values with a time to live: put, prolonged, kept for ever, looked at.

use super::{Waiting, words};
use crate::world::World;
use std::collections::BTreeMap;
use synod_checker::expiry::{self, Clocks, Deed, Event};
use synod_wire::resp::Value;

/// How many such keys there are.
const KEYS: u64 = 4;
/// With so many operations a key is left for a fresh one: its checker takes the square of them.
const EVENTS_MAX: usize = 150;
/// How long a value lives, in milliseconds.
const TTL_MS: (u64, u64) = (1, 8_000);

/// What was done to each of these keys, and what is known of the clocks.
#[derive(Default)]
pub(crate) struct Fading {
    /// What was done, and whether it was refused.
    keys: BTreeMap<String, Vec<(Event, bool)>>,
    generations: BTreeMap<u64, usize>,
    /// How far wall clocks were ever behind and ahead of the world's, in microseconds.
    behind_us: u64,
    ahead_us: u64,
}

impl Fading {
    /// Notes how far a wall clock is off, in microseconds.
    pub fn note_clock(&mut self, off_us: i64) {
        let size_us = off_us.unsigned_abs();
        if off_us < 0 {
            self.behind_us = self.behind_us.max(size_us);
        } else {
            self.ahead_us = self.ahead_us.max(size_us);
        }
    }

    pub fn keys(&self) -> Vec<String> {
        self.keys.keys().cloned().collect()
    }

    /// The first rule that any answer breaks, with clocks that drifted so far by now, in microseconds.
    pub fn judge(&self, drift_us: u64) -> Option<String> {
        let agree = self.behind_us == 0 && self.ahead_us == 0 && drift_us == 0;
        // Clocks count in milliseconds.
        let drift_us = drift_us + 1_000;
        let clocks = Clocks {
            behind_us: self.behind_us + drift_us,
            ahead_us: self.ahead_us + drift_us,
            agree,
        };
        self.keys.iter().find_map(|(key, events)| {
            let happened = events.iter().filter(|(_, refused)| !refused);
            let events: Vec<Event> = happened.map(|(event, _)| *event).collect();
            expiry::check(key, &events, clocks).err().map(|wrong| wrong.to_string())
        })
    }
}

impl World {
    pub(super) fn ask_fading(&mut self, at: usize) {
        let n = self.random.below(KEYS);
        let generation = self.fading.generations.entry(n).or_default();
        let mut key = format!("t{n}.{generation}");
        if self.fading.keys.get(&key).is_some_and(|events| events.len() >= EVENTS_MAX) {
            *generation += 1;
            key = format!("t{n}.{generation}");
        }
        let ttl_ms = self.random.skewed(TTL_MS.0, TTL_MS.1);
        let deed = match self.random.below(100) {
            0..25 => Deed::Put(self.fresh(), Some(ttl_ms * 1_000)),
            25..35 => Deed::Put(self.fresh(), None),
            35..42 => Deed::Persist,
            42..50 => Deed::Expire(ttl_ms * 1_000),
            _ => Deed::Peek(None),
        };
        self.ask_deed(at, key, deed);
    }

    fn ask_deed(&mut self, at: usize, key: String, deed: Deed) {
        let millis = |us: u64| (us / 1_000).to_string();
        let args = match deed {
            Deed::Put(value, None) => words(&["SET", &key, &value.to_string()]),
            Deed::Put(value, Some(us)) => {
                words(&["SET", &key, &value.to_string(), "PX", &millis(us)])
            }
            Deed::Expire(us) => words(&["PEXPIRE", &key, &millis(us)]),
            Deed::Persist => words(&["PERSIST", &key]),
            Deed::Peek(_) => words(&["GET", &key]),
        };
        let event = Event { call_us: self.time, return_us: None, deed, effect: true };
        let events = self.fading.keys.entry(key.clone()).or_default();
        events.push((event, false));
        let place = events.len() - 1;
        self.request(at, args, Waiting::Fading(key, place));
    }

    /// Looks at it on behalf of the last phase of a run; which event it is.
    pub(crate) fn peek_finally(&mut self, at: usize, key: &str) -> Option<usize> {
        if !self.connect(at) {
            return None;
        }
        self.ask_deed(at, key.to_owned(), Deed::Peek(None));
        self.expect_answer(at);
        self.fading.keys.get(key).map(|events| events.len() - 1)
    }

    pub(crate) fn was_peeked(&self, key: &str, place: usize) -> bool {
        let event = self.fading.keys.get(key).and_then(|events| events.get(place));
        event.is_some_and(|(event, _)| event.return_us.is_some())
    }

    pub(super) fn faded(&mut self, at: usize, key: &str, place: usize, value: &Value) {
        let time = self.time;
        let Some((event, refused)) =
            self.fading.keys.get_mut(key).and_then(|events| events.get_mut(place))
        else {
            return;
        };
        match (event.deed, value) {
            (_, Value::Error(text)) => match super::replies::fate(text) {
                Some(outcome) => {
                    *refused = outcome == synod_checker::Outcome::Refused;
                    return;
                }
                None => return self.fail("replies", format!("{key} was answered {text}")),
            },
            (Deed::Put(..), Value::Simple(_)) => {}
            (Deed::Expire(_) | Deed::Persist, Value::Integer(n)) => event.effect = *n == 1,
            (Deed::Peek(_), value) if *value == Value::Null || value.as_str().is_some() => {
                event.deed = Deed::Peek(super::single::number(value));
            }
            (deed, value) => {
                let detail = format!("{deed:?} of {key} was answered {value:?}");
                return self.fail("replies", detail);
            }
        }
        event.return_us = Some(time);
        self.clients[at].served += 1;
    }
}
