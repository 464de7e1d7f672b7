//! Mixed pipelines: reads and writes of one connection, one right behind the other, of keys that only this connection
//! writes. Each read has to find what the connection wrote before it, and nothing of what it wrote behind it.
//!
//! A write whose fate is unknown may take effect at any later moment, so its value may be found from then on.

use super::{Waiting, words};
use crate::world::World;
use std::collections::BTreeMap;
use synod_checker::Outcome;
use synod_wire::resp::Value;

/// How many keys a connection has for itself.
const KEYS: u64 = 3;
/// How long a pipeline is.
const LENGTH: (u64, u64) = (4, 24);
/// How many requests of it are for keys that others use as well; each may double the work of their checker.
const SHARED_MAX: u64 = 2;

/// What a connection knows of a key that is its own.
#[derive(Debug, Default)]
pub(crate) struct OwnKey {
    /// The value of the last write that was acknowledged.
    last: Option<u64>,
    /// Those of writes whose fate is unknown.
    possible: Vec<u64>,
}

/// All of them, by name.
pub(crate) type OwnKeys = BTreeMap<String, OwnKey>;

impl OwnKey {
    fn may_hold(&self, value: Option<u64>) -> bool {
        value == self.last || value.is_some_and(|value| self.possible.contains(&value))
    }
}

impl World {
    pub(super) fn ask_pipeline(&mut self, at: usize) {
        let mut shared = 0;
        for _ in 0..self.random.between(LENGTH.0, LENGTH.1) {
            let roll = self.random.below(100);
            if roll < 10 && shared < SHARED_MAX {
                shared += 1;
                let (key, input) = self.draw_operation();
                self.ask(at, key, input);
                continue;
            }
            let key = self.own_key(at);
            if roll < 50 {
                let value = self.fresh();
                let args = words(&["SET", &key, &value.to_string()]);
                self.request(at, args, Waiting::OwnWrite(key, value));
            } else if roll < 85 {
                self.request(at, words(&["GET", &key]), Waiting::OwnRead(vec![key]));
            } else {
                let keys = vec![key, self.own_key(at)];
                let args = words(&["MGET", &keys[0], &keys[1]]);
                self.request(at, args, Waiting::OwnRead(keys));
            }
        }
    }

    /// One of the keys that only this connection of the client writes.
    fn own_key(&mut self, at: usize) -> String {
        let n = self.random.below(KEYS);
        format!("o{at}.{}.{n}", self.clients[at].conn)
    }

    pub(super) fn own_written(&mut self, at: usize, key: String, value: u64, reply: &Value) {
        let own = self.clients[at].own.entry(key).or_default();
        match reply {
            Value::Simple(_) => {
                own.last = Some(value);
                self.clients[at].served += 1;
            }
            Value::Error(text) => match super::replies::fate(text) {
                Some(Outcome::Unknown) => own.possible.push(value),
                Some(_) => {}
                None => self.fail("replies", format!("SET was answered {reply:?}")),
            },
            _ => self.fail("replies", format!("SET was answered {reply:?}")),
        }
    }

    pub(super) fn own_read(&mut self, at: usize, keys: &[String], reply: &Value) {
        let values = match reply {
            Value::Error(text) if super::replies::fate(text).is_some() => return,
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        if values.len() != keys.len() || matches!(reply, Value::Error(_)) {
            return self.fail("replies", format!("a read of {keys:?} was answered {reply:?}"));
        }
        for (key, value) in keys.iter().zip(values) {
            let found = super::single::number(value);
            let own = self.clients[at].own.entry(key.clone()).or_default();
            if !own.may_hold(found) {
                let detail = format!("{key} held {found:?} where its connection knows {own:?}");
                return self.fail("own order", detail);
            }
        }
        self.clients[at].served += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_what_was_acknowledged_last_or_what_nobody_knows_the_fate_of() {
        let own = OwnKey { last: Some(3), possible: vec![2, 5] };
        for (value, may) in [(Some(3), true), (Some(2), true), (Some(1), false), (None, false)] {
            assert_eq!(own.may_hold(value), may, "{value:?}");
        }
        assert!(OwnKey::default().may_hold(None));
    }
}
