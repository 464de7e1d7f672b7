//! The waits of one partition, in the order they came, by their keys and by the end of their time.

use crate::pending::Origin;
use std::collections::{BTreeMap, BTreeSet};
use synod_txn::TxnId;
use synod_types::{ReplySink, limits};

/// How a wait ends that no write ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitEnd {
    /// Its time is over, CLIENT UNBLOCK says so, or nobody waits any more: it found nothing.
    Timeout,
    /// CLIENT UNBLOCK with ERROR.
    Error,
}

impl WaitEnd {
    /// Writes what the client is told.
    pub fn reply(self, out: &mut dyn ReplySink) {
        match self {
            Self::Timeout => out.null_array(),
            Self::Error => out.error("UNBLOCKED client unblocked via CLIENT UNBLOCK"),
        }
    }
}

/// The place of a wait in the order of arrival.
pub(crate) type Turn = u64;

/// What is told of the keys of one that waits for keys of several partitions.
#[derive(Debug)]
pub(crate) struct Apart {
    /// Whose the locks become; zeros: none is taken.
    pub txn: TxnId,
    /// Those of its keys that lie here.
    pub keys: Vec<Vec<u8>>,
}

/// One wait.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub origin: Origin,
    /// The command's arguments, name first.
    pub args: Vec<Vec<u8>>,
    /// The places of its keys among them.
    pub keys: std::ops::Range<usize>,
    deadline_us: Option<u64>,
    /// Whether the arguments are others than those it came with.
    pub begun: bool,
    /// Whether it is on its way through the log, so that its fate is open. Then it is not run a second time.
    pub running: bool,
    /// Whether it has been run again because a key was filled.
    pub woken: bool,
    /// How it ends should it find nothing once more.
    pub end: Option<WaitEnd>,
    /// Set if its keys lie in several partitions: then it never runs here.
    pub apart: Option<Apart>,
}

impl Waiter {
    /// The keys of this partition that it waits for.
    fn names(&self) -> &[Vec<u8>] {
        match &self.apart {
            Some(apart) => &apart.keys,
            None => &self.args[self.keys.clone()],
        }
    }
}

/// See the file's page.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    waiters: BTreeMap<Turn, Waiter>,
    /// By [`Origin::request`].
    by_origin: BTreeMap<Origin, Turn>,
    by_key: BTreeMap<Vec<u8>, BTreeSet<Turn>>,
    deadlines: BTreeSet<(u64, Turn)>,
    next: Turn,
}

impl Waits {
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Takes a wait in, at the end of the order; `false` when there are too many.
    pub fn add(
        &mut self,
        origin: Origin,
        args: Vec<Vec<u8>>,
        keys: std::ops::Range<usize>,
        deadline_us: Option<u64>,
    ) -> bool {
        let (running, begun, woken) = (true, false, false);
        let (end, apart) = (None, None);
        self.insert(Waiter { origin, args, keys, deadline_us, begun, running, woken, end, apart })
    }

    /// As [`Self::add`], for one whose keys lie in several partitions: it rests at once.
    pub fn add_apart(&mut self, origin: Origin, args: Vec<Vec<u8>>, apart: Apart) -> bool {
        let (running, begun, woken) = (false, false, false);
        let (keys, deadline_us, end, apart) = (0..0, None, None, Some(apart));
        self.insert(Waiter { origin, args, keys, deadline_us, begun, running, woken, end, apart })
    }

    fn insert(&mut self, waiter: Waiter) -> bool {
        let crowded = |key: &Vec<u8>| {
            self.by_key.get(key).is_some_and(|turns| turns.len() >= limits::WAITS_PER_KEY_MAX)
        };
        if self.len() >= limits::WAITS_MAX || waiter.names().iter().any(crowded) {
            return false;
        }
        self.remove(waiter.origin);
        self.next += 1;
        let turn = self.next;
        for key in waiter.names() {
            self.by_key.entry(key.clone()).or_default().insert(turn);
        }
        self.by_origin.insert(waiter.origin.request(), turn);
        if let Some(at) = waiter.deadline_us {
            self.deadlines.insert((at, turn));
        }
        self.waiters.insert(turn, waiter);
        true
    }

    pub fn get(&mut self, origin: Origin) -> Option<&mut Waiter> {
        self.waiters.get_mut(self.by_origin.get(&origin.request())?)
    }

    /// Every key that somebody waits for.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.by_key.keys().map(Vec::as_slice)
    }

    /// Whether anybody waits for this key.
    pub fn has(&self, key: &[u8]) -> bool {
        self.by_key.contains_key(key)
    }

    /// Those who wait for a key, the first to come first: so many that rest, and those in between that run.
    pub fn in_line(&self, key: &[u8], count: usize) -> Vec<Turn> {
        let mut resting = 0;
        let fits = |turn: &Turn| {
            resting += usize::from(!self.waiters[turn].running);
            resting <= count
        };
        let turns = self.by_key.get(key).into_iter().flatten().copied();
        turns.take_while(fits).collect()
    }

    /// The wait with this turn.
    pub fn at(&mut self, turn: Turn) -> Option<&mut Waiter> {
        self.waiters.get_mut(&turn)
    }

    pub fn remove(&mut self, origin: Origin) -> Option<Waiter> {
        let turn = self.by_origin.remove(&origin.request())?;
        let waiter = self.waiters.remove(&turn)?;
        for key in waiter.names() {
            if let Some(turns) = self.by_key.get_mut(key) {
                turns.remove(&turn);
                if turns.is_empty() {
                    self.by_key.remove(key);
                }
            }
        }
        if let Some(at) = waiter.deadline_us {
            self.deadlines.remove(&(at, turn));
        }
        Some(waiter)
    }

    /// The next wait whose time is over by now; its deadline is forgotten.
    pub fn due(&mut self, now_us: u64) -> Option<Origin> {
        let (at, turn) = *self.deadlines.first().filter(|(at, _)| *at <= now_us)?;
        self.deadlines.remove(&(at, turn));
        self.waiters.get_mut(&turn).map(|waiter| {
            waiter.deadline_us = None;
            waiter.origin
        })
    }

    /// Those who rest, and of them those that `pick` picks, in order.
    pub fn resting_origins(&self, pick: impl Fn(Origin) -> bool) -> Vec<Origin> {
        let resting = self.waiters.values().filter(|waiter| !waiter.running);
        resting.map(|waiter| waiter.origin).filter(|origin| pick(*origin)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_types::ClientId;

    fn origin(n: u64) -> Origin {
        Origin::Client { client: ClientId(n), seq: 0 }
    }

    fn resting(waits: &Waits, key: &[u8]) -> Vec<Turn> {
        let all = waits.in_line(key, 9).into_iter();
        all.filter(|turn| !waits.waiters[turn].running).collect()
    }

    fn blpop(keys: &[&str]) -> Vec<Vec<u8>> {
        let words = std::iter::once(&"BLPOP").chain(keys).chain(std::iter::once(&"0"));
        words.map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_first_to_come_is_first_and_who_runs_is_passed_over() {
        let mut waits = Waits::default();
        for n in 1..=3 {
            assert!(waits.add(origin(n), blpop(&["a", "b"]), 1..3, Some(100 - n)));
        }
        assert!(resting(&waits, b"a").is_empty(), "they run at first");
        (1..=3).for_each(|n| waits.get(origin(n)).unwrap().running = false);
        let mut first = |key: &[u8]| {
            let turn = resting(&waits, key)[0];
            let waiter = waits.at(turn).unwrap();
            waiter.running = true;
            waiter.origin
        };
        assert_eq!([first(b"a"), first(b"b")], [origin(1), origin(2)]);
        assert_eq!(waits.due(97), Some(origin(3)));
        assert_eq!(waits.due(97), None);
        assert_eq!(waits.resting_origins(|_| true), [origin(3)]);
        (1..=3).for_each(|n| assert!(waits.remove(origin(n)).is_some()));
        assert!(waits.is_empty() && !waits.has(b"a") && waits.deadlines.is_empty());
    }
}
