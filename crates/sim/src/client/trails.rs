//! Trails, in runs with `--workload bank`: connections with strict order write the same rising number to keys of several
//! partitions, one right behind the other, and others look whether they ever see a later write without the earlier ones.
//!
//! A write that was refused, or whose fate is unknown, is excused; the connection begins another trail then.

use super::{Waiting, words};
use crate::world::World;
use std::collections::BTreeSet;
use synod_wire::resp::Value;

/// How many keys a trail has.
const KEYS: usize = 3;
/// How many of the newest trails are looked at.
const RECENT: u64 = 6;

/// The writes of one connection and what was seen of them.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// Of which client and connection.
    owner: (usize, u64),
    /// The number written last.
    written: u64,
    /// Which writes were acknowledged: the place of the key, and the number.
    acknowledged: BTreeSet<(usize, u64)>,
    /// Whether some write was not.
    ended: bool,
    /// What the keys held, each time all at one moment.
    seen: BTreeSet<[u64; KEYS]>,
}

impl Trail {
    /// Something seen that cannot be: a later write, and of an earlier one, which was acknowledged, nothing.
    fn broken(&self) -> Option<String> {
        for seen in &self.seen {
            for later in 1..KEYS {
                for earlier in 0..later {
                    let number = seen[later];
                    let late = seen[earlier] < number;
                    if late && self.acknowledged.contains(&(earlier, number)) {
                        return Some(format!(
                            "key {later} held {number} while key {earlier}, written before, held {}",
                            seen[earlier]
                        ));
                    }
                }
            }
        }
        None
    }
}

/// All trails, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Trails(Vec<Trail>);

impl Trails {
    /// The first one that was seen out of order.
    pub fn judge(&self) -> Option<(&'static str, String)> {
        let broken = |(at, trail): (usize, &Trail)| Some((at, trail.broken()?));
        let (at, wrong) = self.0.iter().enumerate().find_map(broken)?;
        Some(("order across partitions", format!("trail {at}: {wrong}")))
    }
}

fn keys(trail: usize) -> [String; KEYS] {
    std::array::from_fn(|place| format!("trail{trail}-{place}"))
}

impl World {
    /// Writes on, or looks.
    pub(super) fn ask_trail(&mut self, at: usize) {
        let all = self.trails.0.len() as u64;
        if all > 0 && self.random.permille(600) {
            let trail = (all - 1 - self.random.below(RECENT.min(all))) as usize;
            let read: Vec<String> = std::iter::once("MGET".to_owned()).chain(keys(trail)).collect();
            let read: Vec<&str> = read.iter().map(String::as_str).collect();
            return self.request(at, words(&read), Waiting::TrailRead(trail));
        }
        let owner = (at, self.clients[at].conn);
        let own = self.trails.0.iter().rposition(|trail| trail.owner == owner && !trail.ended);
        let trail = own.unwrap_or_else(|| {
            self.trails.0.push(Trail { owner, ..Trail::default() });
            self.trails.0.len() - 1
        });
        self.trails.0[trail].written += 1;
        let number = self.trails.0[trail].written;
        self.request(at, words(&["CLIENT", "ORDER", "STRICT"]), Waiting::Step);
        for (place, key) in keys(trail).iter().enumerate() {
            let waiting = Waiting::TrailWrite { trail, place, number };
            self.request(at, words(&["SET", key, &number.to_string()]), waiting);
        }
    }

    pub(super) fn trail_written(
        &mut self,
        at: usize,
        (trail, place, number): (usize, usize, u64),
        value: &Value,
    ) {
        match value {
            Value::Simple(_) => {
                self.trails.0[trail].acknowledged.insert((place, number));
                self.clients[at].served += 1;
            }
            Value::Error(text) if super::replies::fate(text).is_some() => {
                self.trails.0[trail].ended = true;
            }
            other => self.fail("replies", format!("SET was answered {other:?}")),
        }
    }

    pub(super) fn trail_seen(&mut self, at: usize, trail: usize, value: &Value) {
        let numbers = match value {
            Value::Error(text) if super::replies::fate(text).is_some() => return,
            Value::Array(values) => values.iter().map(super::single::number),
            other => return self.fail("replies", format!("MGET was answered {other:?}")),
        };
        let seen: Vec<u64> = numbers.map(Option::unwrap_or_default).collect();
        match <[u64; KEYS]>::try_from(seen) {
            Ok(seen) => _ = self.trails.0[trail].seen.insert(seen),
            Err(other) => return self.fail("replies", format!("MGET was answered {other:?}")),
        }
        self.clients[at].served += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_write_is_not_seen_without_an_earlier_one_that_was_acknowledged() {
        let trail = |seen: [u64; KEYS], acknowledged: &[(usize, u64)]| Trail {
            acknowledged: acknowledged.iter().copied().collect(),
            seen: [seen].into(),
            ..Trail::default()
        };
        let all: Vec<(usize, u64)> = (0..KEYS).flat_map(|at| [(at, 1), (at, 2)]).collect();
        for fine in [[0, 0, 0], [1, 0, 0], [1, 1, 0], [2, 1, 1], [2, 2, 2]] {
            assert_eq!(trail(fine, &all).broken(), None, "{fine:?}");
        }
        for wrong in [[0, 1, 0], [1, 1, 2], [1, 2, 1], [0, 0, 1]] {
            assert!(trail(wrong, &all).broken().is_some(), "{wrong:?}");
        }
        assert_eq!(trail([0, 1, 1], &[(1, 1), (2, 1)]).broken(), None, "nobody knows of the first");
    }
}
