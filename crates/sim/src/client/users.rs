//! Users of the cluster: changed by everybody at once, and looked at.
//!
//! Each change gives a user one more pattern of keys, and nobody takes one away, so what is to be there is known:
//!
//! | rule | what it says |
//! |---|---|
//! | own change | whoever was answered a change finds it on the same connection |
//! | users lost | in the end every node knows every change that was answered |

use super::{Waiting, words};
use crate::world::World;
use std::collections::BTreeSet;
use synod_checker::Outcome;
use synod_wire::resp::Value;

/// How many users there are.
const USERS: u64 = 3;

/// What was asked about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    user: u64,
    /// The pattern that is added; `None`: the user is looked at.
    pattern: Option<u64>,
}

/// The changes that were answered: which user got which pattern.
pub(crate) type Users = BTreeSet<(u64, u64)>;

impl World {
    pub(super) fn ask_users(&mut self, at: usize) {
        let user = self.random.below(USERS);
        let pattern = (self.random.below(100) < 40).then(|| self.fresh());
        let name = format!("u{user}");
        let args = match pattern {
            Some(pattern) => words(&["ACL", "SETUSER", &name, &format!("~p{pattern}")]),
            None => words(&["ACL", "GETUSER", &name]),
        };
        self.request(at, args, Waiting::User(Asked { user, pattern }));
    }

    pub(super) fn users_answered(&mut self, at: usize, asked: Asked, value: &Value) {
        match (asked.pattern, value) {
            (_, Value::Error(text)) => {
                let full = text.contains("The rules of");
                if !full
                    && super::replies::fate(text) != Some(Outcome::Refused)
                    && super::replies::fate(text) != Some(Outcome::Unknown)
                {
                    self.fail("replies", format!("{asked:?} was answered {text}"));
                }
                return;
            }
            (Some(pattern), Value::Simple(_)) => {
                self.users.insert((asked.user, pattern));
                self.clients[at].changed.insert((asked.user, pattern));
            }
            (None, value) => {
                let told = format!("{value:?}");
                let own = self.clients[at].changed.iter();
                let missing = own.filter(|(user, _)| *user == asked.user).find(|(_, pattern)| {
                    // Every pattern ends where the next one or the text does.
                    !patterns(value).contains(pattern)
                });
                if let Some((user, pattern)) = missing {
                    let detail = format!("u{user} has no p{pattern}: {told}");
                    return self.fail("own change", detail);
                }
            }
            (Some(_), value) => {
                return self.fail("replies", format!("{asked:?} was answered {value:?}"));
            }
        }
        self.clients[at].served += 1;
    }

    /// Which node does not know a change that was answered, once all is well.
    pub(crate) fn lost_user(&self) -> Option<String> {
        for (at, machine) in self.machines.iter().enumerate() {
            let Some(process) = machine.process.as_ref().filter(|_| !self.atlas.is_out(at)) else {
                continue;
            };
            let users = process.worker.node_ref().map().users();
            for (user, pattern) in &self.users {
                let known = users.get(format!("u{user}").as_bytes());
                let wanted = format!("p{pattern}").into_bytes();
                let has = known.is_some_and(|known| {
                    known.selectors().any(|s| s.keys().iter().any(|key| key.pattern == wanted))
                });
                if !has {
                    return Some(format!("node {}: u{user} has no p{pattern}", at + 1));
                }
            }
        }
        None
    }
}

/// The patterns in a reply of GETUSER.
fn patterns(value: &Value) -> BTreeSet<u64> {
    let Value::Array(fields) = value else { return BTreeSet::new() };
    let texts = fields.iter().filter_map(Value::as_str);
    let words = texts.flat_map(str::split_whitespace);
    words.filter_map(|word| word.strip_prefix("~p")?.parse().ok()).collect()
}
