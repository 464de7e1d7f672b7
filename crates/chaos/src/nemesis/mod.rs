//! The enemy: does harm to the nodes on a seeded schedule of rounds.
//!
//! ```text
//! round: 2-5 s after the last -> lasting trouble ends? heal, measure convergence
//!                   -> lasting trouble begins? (cut, loss, delay, ...: for 1-3 rounds)
//!                   -> kill a node -> perhaps one more deed (pause, blackout, EIO, full disk, clock, ...)
//! ```
//!
//! One file per family: [`kills`], [`links`], [`disks`], [`damage`], [`upgrades`].

mod damage;
mod deeds;
mod disks;
mod kills;
mod kind;
mod links;
mod strace;
mod upgrades;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cluster::Cluster;
use crate::dice::Dice;
pub use deeds::Deeds;
pub use kind::Kind;

/// How long a healed cluster may take until it is whole again.
pub const CONVERGE: Duration = Duration::from_secs(30);
/// How far a follower is behind under load, in entries, without being called so.
const LAG_MAX: u64 = 500;
/// How many of the last deeds are told when a run fails.
const DIARY_LEN: usize = 40;
/// The shortest time between two rounds.
const REST: Duration = Duration::from_millis(500);
/// The longest that lasting trouble lasts, in rounds.
const ROUNDS_MAX: u64 = 3;

/// What a run goes through.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The moment that times are counted from.
    pub started: Instant,
    /// When the trouble ends.
    pub until: Instant,
    /// What takes part.
    pub kinds: Vec<Kind>,
    /// Nothing but blackouts: what is only in memory must get lost.
    pub blackouts_only: bool,
    /// Where notes of other programs go.
    pub directory: PathBuf,
}

/// Trouble that lasts.
#[derive(Debug)]
struct Lasting {
    kind: Kind,
    rounds: u64,
}

/// One run's enemy.
#[derive(Debug)]
pub struct Nemesis<'a> {
    cluster: &'a Cluster,
    dice: Dice,
    schedule: Schedule,
    lasting: Option<Lasting>,
    /// When the round before began.
    round_began: Instant,
    /// When a node was last killed.
    killed: Option<Instant>,
    deeds: Deeds,
}

impl<'a> Nemesis<'a> {
    /// An enemy that has done nothing yet.
    pub fn new(cluster: &'a Cluster, dice: Dice, schedule: Schedule) -> Self {
        let round_began = schedule.started;
        let deeds = Deeds::default();
        Self { cluster, dice, schedule, lasting: None, round_began, killed: None, deeds }
    }

    /// Does harm until the time is up, then leaves all nodes running and takes lasting trouble back.
    ///
    /// # Errors
    /// A node did what it must not, or the cluster did not become whole in time; what was done last stands
    /// with it.
    pub fn run(mut self) -> Result<Deeds> {
        self.make_trouble().with_context(|| {
            let from = self.deeds.diary.len().saturating_sub(DIARY_LEN);
            format!("the last that was done:\n{}\n", self.deeds.diary[from..].join("\n"))
        })?;
        self.deeds.carried = self.cluster.network().map(|net| net.carried()).unwrap_or_default();
        Ok(self.deeds)
    }

    fn make_trouble(&mut self) -> Result<()> {
        while self.wait() {
            self.cluster.check_alive()?;
            if self.schedule.blackouts_only {
                self.blackout()?;
            } else {
                self.round()?;
            }
        }
        self.end_lasting()
    }

    fn round(&mut self) -> Result<()> {
        match &mut self.lasting {
            Some(lasting) if lasting.rounds == 0 => self.end_lasting()?,
            Some(lasting) => lasting.rounds -= 1,
            None => {}
        }
        if self.lasting.is_none() && self.dice.chance(50) {
            self.begin_lasting()?;
        }
        if self.enabled(Kind::Kill) {
            self.kill()?;
        }
        if !self.enabled(Kind::Kill) || self.dice.chance(40) {
            self.one_more()?;
        }
        Ok(())
    }

    fn enabled(&self, kind: Kind) -> bool {
        self.schedule.kinds.contains(&kind)
    }

    /// One of what is over when it is done.
    fn one_more(&mut self) -> Result<()> {
        let weights: Vec<_> =
            Kind::MOMENTARY.into_iter().filter(|(kind, _)| self.enabled(*kind)).collect();
        let mut roll = self.dice.range(0, weights.iter().map(|(_, weight)| weight).sum());
        let chosen = weights.into_iter().find(|(_, weight)| {
            let here = roll < *weight;
            roll = roll.saturating_sub(*weight);
            here
        });
        let node = self.dice.index(self.cluster.len());
        match chosen.map(|(kind, _)| kind) {
            Some(Kind::Blackout) => self.blackout(),
            Some(Kind::Pause) => self.pause(node),
            Some(Kind::Eio) => self.fail_sync(node),
            Some(Kind::Enospc) => self.fill_disk(node),
            Some(Kind::Clock) => self.set_clock(node),
            Some(Kind::Damage) => self.damage(node),
            Some(Kind::Rolling) => self.upgrade(),
            _ => Ok(()),
        }
    }

    fn begin_lasting(&mut self) -> Result<()> {
        let kinds: Vec<_> = Kind::LASTING.into_iter().filter(|kind| self.enabled(*kind)).collect();
        let Some(kind) = kinds.get(self.dice.index(kinds.len())).copied() else { return Ok(()) };
        let rounds = self.dice.range(0, ROUNDS_MAX);
        self.harm_links(kind)?;
        self.count(kind);
        self.lasting = Some(Lasting { kind, rounds });
        Ok(())
    }

    /// Takes it back, and waits until the cluster is whole.
    fn end_lasting(&mut self) -> Result<()> {
        let Some(lasting) = self.lasting.take() else { return Ok(()) };
        self.write_down(format!("the end of {}", lasting.kind.name()));
        if let Some(network) = self.cluster.network() {
            network.heal()?;
        }
        self.write_down("the network is well".into());
        let took =
            self.converge().with_context(|| format!("after the end of {}", lasting.kind.name()))?;
        self.write_down(format!("converged after {took:?}"));
        self.deeds.convergences.push(took);
        Ok(())
    }

    /// Waits until all is writable through every node and no follower is behind.
    fn converge(&self) -> Result<Duration> {
        let healed = Instant::now();
        self.cluster.wait_ready(CONVERGE)?;
        for node in 0..self.cluster.len() {
            loop {
                let behind = self.cluster.node(node).largest("synod_partition_lag")?;
                if behind.is_none_or(|entries| entries <= LAG_MAX) {
                    break;
                }
                let late = healed.elapsed() > CONVERGE;
                anyhow::ensure!(!late, "a follower is behind node {}: {behind:?}", node + 1);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(healed.elapsed())
    }

    fn nodes(&self) -> Vec<SocketAddr> {
        (0..self.cluster.len()).map(|node| self.cluster.address(node)).collect()
    }

    /// Waits for the next round, which begins 2 to 5 s after the one before, or a little after it was over;
    /// false when there is none, because the time is up.
    fn wait(&mut self) -> bool {
        let pause = Duration::from_millis(self.dice.range(2_000, 5_000));
        let next = (self.round_began + pause).max(Instant::now() + REST).min(self.schedule.until);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        self.round_began = Instant::now();
        self.round_began < self.schedule.until
    }

    /// Whether nothing is wrong: no trouble lasts, every node answers, and no follower is behind. What the
    /// deed before left to make good is trouble too.
    fn is_whole(&self) -> bool {
        let well = |i| {
            let node = self.cluster.node(i);
            node.answers()
                && node
                    .largest("synod_partition_lag")
                    .is_ok_and(|lag| lag.is_none_or(|n| n <= LAG_MAX))
        };
        self.lasting.is_none() && (0..self.cluster.len()).all(well)
    }

    fn sleep(&mut self, low_ms: u64, high_ms: u64) {
        std::thread::sleep(Duration::from_millis(self.dice.range(low_ms, high_ms)));
    }

    fn count(&mut self, kind: Kind) {
        *self.deeds.done.entry(kind).or_default() += 1;
    }

    fn write_down(&mut self, what: String) {
        let at = self.schedule.started.elapsed().as_secs_f64();
        self.deeds.diary.push(format!("{at:>9.3} s  {what}"));
    }
}
