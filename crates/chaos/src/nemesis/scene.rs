//! What the killer and the maker of all other trouble share: who has which node in hand, what is wrong just now,
//! and what was done.
//!
//! Nodes are killed every 2 to 5 s whatever else goes on, so two threads do harm at the same time. A node that one has
//! in hand the other leaves alone: a disk that is full is to be seen to be full, a node that refuses damaged
//! files is to be let refuse.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Deeds, Kind, Schedule};
use crate::cluster::Cluster;
use crate::dice::Dice;

/// How far a follower is behind under load, in entries, without being called so.
const LAG_MAX: u64 = 500;
/// The shortest time between two rounds.
const REST: Duration = Duration::from_millis(500);

/// Where it all happens.
#[derive(Debug)]
pub struct Scene<'a> {
    pub cluster: &'a Cluster,
    pub schedule: Schedule,
    /// Which nodes somebody has in hand.
    held: Mutex<Vec<bool>>,
    freed: Condvar,
    trouble: Mutex<Trouble>,
    deeds: Mutex<Deeds>,
    /// When a node was last killed.
    killed: Mutex<Option<Instant>>,
    given_up: AtomicBool,
}

/// Trouble that is no kill.
#[derive(Debug, Default)]
struct Trouble {
    /// How much of it there is now.
    now: usize,
    /// How much of it ever began.
    begun: u64,
}

/// Nodes in somebody's hand, until this is dropped.
#[derive(Debug)]
pub struct Hold<'s> {
    scene: &'s Scene<'s>,
    nodes: Vec<usize>,
}

/// Trouble that lasts until this is dropped.
#[derive(Debug)]
pub struct Amid<'s>(&'s Scene<'s>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What another thread left behind when it failed ends the run anyway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Scene<'a> {
    pub fn new(cluster: &'a Cluster, schedule: Schedule) -> Self {
        Self {
            held: Mutex::new(vec![false; cluster.len()]),
            cluster,
            schedule,
            freed: Condvar::new(),
            trouble: Mutex::default(),
            deeds: Mutex::default(),
            killed: Mutex::default(),
            given_up: AtomicBool::new(false),
        }
    }

    /// Takes these nodes in hand, as soon as all of them are free.
    pub fn hold(&self, nodes: impl IntoIterator<Item = usize>) -> Hold<'_> {
        let nodes: Vec<_> = nodes.into_iter().collect();
        let mut held = lock(&self.held);
        while nodes.iter().any(|node| held[*node]) {
            held = self.freed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        nodes.iter().for_each(|node| held[*node] = true);
        drop(held);
        Hold { scene: self, nodes }
    }

    /// Takes one node in hand that is free, the wanted one if it is; waits while there is none.
    pub fn hold_free(&self, wanted: usize) -> Hold<'_> {
        let mut held = lock(&self.held);
        let node = loop {
            let free = (0..held.len()).map(|n| (wanted + n) % held.len()).find(|n| !held[*n]);
            match free {
                Some(node) => break node,
                None => held = self.freed.wait(held).unwrap_or_else(PoisonError::into_inner),
            }
        };
        held[node] = true;
        drop(held);
        Hold { scene: self, nodes: vec![node] }
    }

    /// Trouble begins that is no kill.
    pub fn begin_trouble(&self) -> Amid<'_> {
        let mut trouble = lock(&self.trouble);
        trouble.now += 1;
        trouble.begun += 1;
        Amid(self)
    }

    /// Tells whether nothing is wrong: no trouble lasts, every node answers, and no follower is behind. What the deed
    /// before left to make good is trouble too. `Some` holds for [`Self::still_whole`].
    pub fn whole(&self) -> Option<u64> {
        let begun = {
            let trouble = lock(&self.trouble);
            (trouble.now == 0).then_some(trouble.begun)?
        };
        (0..self.cluster.len())
            .all(|node| self.cluster.node(node).answers() && self.keeps_up(node))
            .then_some(begun)
    }

    /// Whether no trouble has begun since all was well.
    pub fn still_whole(&self, since: Option<u64>) -> bool {
        since == Some(lock(&self.trouble).begun)
    }

    /// Whether the node answers that no follower is behind it.
    pub fn keeps_up(&self, node: usize) -> bool {
        let lag = self.cluster.node(node).largest("synod_partition_lag");
        lag.is_ok_and(|lag| lag.is_none_or(|entries| entries <= LAG_MAX))
    }

    pub fn nodes(&self) -> Vec<SocketAddr> {
        (0..self.cluster.len()).map(|node| self.cluster.address(node)).collect()
    }

    /// Waits for the next round, which begins 2 to 5 s after the one before, or a little after it was over;
    /// false when there is none, because the time is up or a thread has given up.
    pub fn wait(&self, dice: &mut Dice, began: &mut Instant) -> bool {
        let pause = Duration::from_millis(dice.range(2_000, 5_000));
        let next = (*began + pause).max(Instant::now() + REST).min(self.schedule.until);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        *began = Instant::now();
        *began < self.schedule.until && !self.given_up.load(Ordering::Relaxed)
    }

    /// A thread has found what must not be: the other is to end as well.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// One or all nodes are about to be killed.
    pub fn count_kill(&self, kind: Kind) {
        self.count(kind);
        let now = Instant::now();
        if let Some(before) = lock(&self.killed).replace(now) {
            self.deeds().kill_gaps.push(now - before);
        }
    }

    pub fn count(&self, kind: Kind) {
        *self.deeds().done.entry(kind).or_default() += 1;
    }

    pub fn write_down(&self, what: String) {
        let at = self.schedule.started.elapsed().as_secs_f64();
        self.deeds().diary.push(format!("{at:>9.3} s  {what}"));
    }

    pub fn deeds(&self) -> MutexGuard<'_, Deeds> {
        lock(&self.deeds)
    }
}

impl Hold<'_> {
    /// The one node in hand.
    pub fn node(&self) -> usize {
        self.nodes[0]
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut held = lock(&self.scene.held);
        self.nodes.iter().for_each(|node| held[*node] = false);
        self.scene.freed.notify_all();
    }
}

impl Drop for Amid<'_> {
    fn drop(&mut self) {
        lock(&self.0.trouble).now -= 1;
    }
}
