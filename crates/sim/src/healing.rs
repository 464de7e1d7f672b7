//! The second phase of a run: with all trouble gone the cluster must serve everyone again, come to rest, and
//! still hold everything.

use crate::client::Several;
use crate::machine::Machine;
use crate::params::{Outcome, Params, Workload};
use crate::world::World;
use std::collections::BTreeMap;
use synod_checker::{Input, Kind, Outcome as Ended, Output, durable, linear, monotonic, set_full};

/// How long a healed cluster may take until every client was served.
const PROGRESS_US_MAX: u64 = 60_000_000;
/// How many answers each client must get.
const SERVED_MIN: u64 = 3;
/// How long clients may wait for their last answers.
const DRAIN_US_MAX: u64 = 20_000_000;
/// How long the replicas may take to become equal.
const CONVERGE_US_MAX: u64 = 60_000_000;
/// Steps of search per key.
const STEPS_MAX: u64 = 3_000_000;
const STEP_US: u64 = 250_000;
/// How long after its cause a watch may be told in a healed cluster.
const TOLD_US_MAX: u64 = 2_000_000;
/// After so long without a word every session of a healed cluster is over: its timeout, and some more for a new leader.
const SESSION_US_MAX: u64 = 30_000_000;
/// How often ephemerals are looked for.
const LOOKS_MAX: usize = 1_000;
/// How often a last answer is asked for.
const ATTEMPTS: usize = 10;

/// Runs a world from its birth to the last verdict.
#[must_use]
pub fn run(params: &Params) -> Outcome {
    let mut world = World::new(params.clone());
    world.run_until(params.seconds * 1_000_000);
    world.heal();
    world.expect_progress();
    world.expect_rest();
    let finals = world.read_all();
    world.look_at_all();
    world.expect_convergence();
    world.judge(&finals);
    world.outcome()
}

impl World {
    /// Lets time pass until `done`; whether that was in time.
    fn wait(&mut self, us_max: u64, done: impl Fn(&Self) -> bool) -> bool {
        let deadline = self.time + us_max;
        while self.failure.is_none() && self.time < deadline {
            if done(self) {
                return true;
            }
            self.run_until(self.time + STEP_US);
        }
        done(self)
    }

    fn expect_progress(&mut self) {
        self.clients.iter_mut().for_each(|c| c.served = 0);
        if !self.wait(PROGRESS_US_MAX, |w| w.clients.iter().all(|c| c.served >= SERVED_MIN)) {
            let starved = self.clients.iter().filter(|c| c.served < SERVED_MIN).count();
            self.fail("progress", format!("{starved} clients are not served after healing"));
        }
    }

    fn expect_rest(&mut self) {
        self.quiet = true;
        if !self.wait(DRAIN_US_MAX, |w| w.clients.iter().all(|c| c.waiting.is_empty())) {
            self.fail("progress", "clients wait in vain after healing".to_owned());
        }
    }

    /// Reads every key that was ever written.
    fn read_all(&mut self) -> BTreeMap<String, Output> {
        let mut keys: BTreeMap<String, Input> = BTreeMap::new();
        for op in &self.history {
            let read = match op.input.kind() {
                Kind::Register => Input::Read,
                Kind::Counter => Input::Count,
                Kind::Set => Input::Members,
                Kind::List => Input::Items,
            };
            keys.insert(op.key.clone(), read);
        }
        let mut finals = BTreeMap::new();
        for (key, read) in keys {
            match self.read_one(&key, &read) {
                Some(output) => finals.insert(key, output),
                None => {
                    self.fail("progress", format!("key {key} cannot be read after healing"));
                    return finals;
                }
            };
        }
        finals
    }

    fn read_one(&mut self, key: &str, read: &Input) -> Option<Output> {
        for _ in 0..ATTEMPTS {
            if let Some(op) = self.ask_final(0, key.to_owned(), read.clone()) {
                self.wait(DRAIN_US_MAX, |w| w.clients[0].waiting.is_empty());
                if let Ended::Returned { output, .. } = &self.history[op].outcome {
                    return Some(output.clone());
                }
            }
            self.run_until(self.time + STEP_US);
            if self.failure.is_some() {
                break;
            }
        }
        None
    }

    /// Reads every bank, every ring, every queue and every value with a time to live once more.
    fn look_at_all(&mut self) {
        for kind in Several::all(self.params.workload) {
            let before = self.times_read(kind);
            let read = self.try_often(|world| {
                world.look_finally(0, kind)
                    && world.wait(DRAIN_US_MAX, |w| w.clients[0].waiting.is_empty())
                    && world.times_read(kind) > before
            });
            if !read {
                return self.fail("progress", format!("{kind:?} cannot be read after healing"));
            }
        }
        if self.params.workload == Workload::Tree {
            self.look_at_trees();
        }
        let locks = if self.params.workload == Workload::Locks { self.locks() } else { 0..0 };
        for lock in locks {
            let read = self.try_often(|world| {
                world.look_at_lock(0, lock)
                    && world.wait(DRAIN_US_MAX, |w| w.clients[0].waiting.is_empty())
                    && world.was_looked_at(lock)
            });
            if !read {
                return self.fail("progress", format!("lock {lock} cannot be read after healing"));
            }
        }
        let queues = if self.params.workload == Workload::Queues { self.queues() } else { 0..0 };
        for queue in queues {
            let read = self.try_often(|world| {
                world.look_at_queue(0, queue)
                    && world.wait(DRAIN_US_MAX, |w| w.clients[0].waiting.is_empty())
                    && world.was_queue_looked_at(queue)
            });
            if !read {
                return self
                    .fail("progress", format!("queue {queue} cannot be read after healing"));
            }
        }
        for key in self.fading.keys() {
            let read = self.try_often(|world| {
                world.peek_finally(0, &key).is_some_and(|place| {
                    world.wait(DRAIN_US_MAX, |w| w.clients[0].waiting.is_empty());
                    world.was_peeked(&key, place)
                })
            });
            if !read {
                return self.fail("progress", format!("key {key} cannot be read after healing"));
            }
        }
    }

    /// No watch is lost, and of sessions that nobody went on with nothing is left.
    fn look_at_trees(&mut self) {
        if !self.wait(TOLD_US_MAX, |w| w.lost_watch().is_none())
            && let Some(lost) = self.lost_watch()
        {
            return self.fail("watch lost", lost);
        }
        self.run_until(self.time + SESSION_US_MAX);
        self.all_are_over();
        for _ in 0..LOOKS_MAX {
            if self.failure.is_some() || self.look_for_left_behind(0) {
                return;
            }
            self.wait(DRAIN_US_MAX, |w| w.clients[0].waiting.is_empty());
            self.run_until(self.time + 1_000);
        }
        self.fail("progress", "ephemerals cannot be looked for after healing".to_owned());
    }

    /// Whether one of several attempts succeeds; time passes between them.
    fn try_often(&mut self, mut attempt: impl FnMut(&mut Self) -> bool) -> bool {
        for _ in 0..ATTEMPTS {
            if attempt(self) {
                return true;
            }
            self.run_until(self.time + STEP_US);
            if self.failure.is_some() {
                break;
            }
        }
        false
    }

    fn expect_convergence(&mut self) {
        if !self.wait(CONVERGE_US_MAX, |w| w.difference().is_none())
            && let Some(difference) = self.difference()
        {
            self.fail("convergence", difference);
        }
        for at in 0..self.machines.len() {
            self.compare_states(at);
        }
    }

    /// In what the replicas differ, if they do.
    fn difference(&self) -> Option<String> {
        let nodes = || self.machines.iter().enumerate();
        for (at, machine) in nodes() {
            if self.atlas.is_out(at) {
                continue;
            }
            let Some(process) = &machine.process else {
                return Some(format!("node {} is down", at + 1));
            };
            let status = process.worker.node_ref().status();
            if status.parked > 0 {
                return Some(format!("node {}: {} requests still wait", at + 1, status.parked));
            }
            if status.disk_full {
                return Some(format!("node {} still takes its disk for full", at + 1));
            }
        }
        for (group, members) in self.placement() {
            let states: Vec<_> = nodes()
                .filter_map(|(at, m)| {
                    Some((at + 1, m.process.as_ref()?.worker.node_ref().digest(group)?))
                })
                .collect();
            let expected = members.iter().filter(|at| !self.atlas.is_out(**at)).count();
            if states.len() != expected {
                return Some(format!("group {group} has {} of {expected} replicas", states.len()));
            }
            if states.windows(2).any(|pair| pair[0].1 != pair[1].1) {
                let states: Vec<_> = states
                    .iter()
                    .map(|(node, (at, hash))| format!("{node}: {at} {hash:x}"))
                    .collect();
                return Some(format!("group {group}: {}", states.join(", ")));
            }
        }
        if self.identity_struck {
            return Some("a member that lost its directory is not back".to_owned());
        }
        self.changing_shape()
            .or_else(|| self.partial_membership())
            .or_else(|| self.mixed_engines())
            .or_else(|| self.stale_address())
            .or_else(|| self.still_queued())
    }

    /// The verdict on what clients saw.
    fn judge(&mut self, finals: &BTreeMap<String, Output>) {
        if self.failure.is_some() {
            return;
        }
        if let Some(finding) = durable::check(&self.history, finals).first() {
            self.fail("durability", finding.to_string());
        }
        if let Err(shrunk) = monotonic::check(&self.history) {
            self.fail("monotonic counter", shrunk.to_string());
        }
        if let Err(wrong) = set_full::check(&self.history) {
            self.fail("set-full", wrong.to_string());
        }
        if let Some((rule, detail)) = self.books.judge() {
            self.fail(rule, detail);
        }
        if let Some((rule, detail)) = self.trails.judge() {
            self.fail(rule, detail);
        }
        if let Some((rule, detail)) = self.locks.judge() {
            self.fail(rule, detail);
        }
        if let Some(lost) = self.lost_user() {
            self.fail("users lost", lost);
        }
        if let Some((rule, detail)) = self.queues.judge() {
            self.fail(rule, detail);
        }
        let drift = |m: &Machine| (self.time / 1_000_000 + 1) * m.clock.ppm.unsigned_abs();
        let drift_us = self.machines.iter().map(drift).max().unwrap_or_default();
        if let Some(detail) = self.fading.judge(drift_us) {
            self.fail("expiry", detail);
        }
        let report = linear::check(&self.history, STEPS_MAX);
        if let Some(failure) = report.failures.first() {
            self.fail("linearizability", failure.to_string());
        }
    }
}
