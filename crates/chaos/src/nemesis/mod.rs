//! The enemy: does harm to the nodes on seeded schedules. Two threads do, on one [`Scene`].
//!
//! ```text
//! killer: every 2-5 s -> kill a node, half of the time a leader -> measure how soon its keys are written -> start it
//! rounds: every 2-5 s -> lasting trouble ends? heal, measure convergence
//!                     -> lasting trouble begins? (cut, loss, delay, ...: for 1-3 rounds)
//!                     -> perhaps one more deed (pause, blackout, EIO, full disk, clock, ...)
//! ```
//!
//! One file per family: [`kills`], [`links`], [`disks`], [`damage`], [`directories`], [`settings`], [`clients`],
//! [`memory`], [`huge`],
//! [`upgrades`].

mod clients;
mod damage;
mod deeds;
mod directories;
mod disks;
mod huge;
mod kills;
mod kind;
mod links;
mod memory;
mod scene;
mod settings;
mod strace;
mod upgrades;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::cluster::Cluster;
use crate::dice::Dice;
pub use deeds::Deeds;
use kills::Killer;
pub use kind::Kind;
use scene::{Amid, Scene};

/// How long a healed cluster may take until it is whole again.
pub const CONVERGE: Duration = Duration::from_secs(30);
/// How many of the last deeds are told when a run fails.
const DIARY_LEN: usize = 40;
/// The streams of choices of the two threads.
const ROUNDS_STREAM: u64 = u64::MAX;
const KILLS_STREAM: u64 = u64::MAX - 1_000;
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

/// Does harm until the time is up, then leaves all nodes running and takes lasting trouble back.
///
/// # Errors
/// A node did what it must not, or the cluster did not become whole in time; what was done last stands
/// with it.
pub fn run(cluster: &Cluster, seed: u64, schedule: Schedule) -> Result<Deeds> {
    let kills = schedule.kinds.contains(&Kind::Kill) && !schedule.blackouts_only;
    let scene = Scene::new(cluster, schedule);
    let ended = std::thread::scope(|scope| {
        let killer = Killer::new(&scene, Dice::new(seed, KILLS_STREAM));
        let killer = kills.then(|| scope.spawn(|| killer.run().inspect_err(|_| scene.give_up())));
        let rounds = Nemesis::new(&scene, Dice::new(seed, ROUNDS_STREAM)).make_trouble();
        scene.give_up();
        let killer =
            killer.map(|killer| killer.join().map_err(|_| anyhow!("the killer failed"))?);
        killer.unwrap_or(Ok(())).and(rounds)
    });
    let mut deeds = std::mem::take(&mut *scene.deeds());
    ended.with_context(|| {
        let from = deeds.diary.len().saturating_sub(DIARY_LEN);
        format!("the last that was done:\n{}\n", deeds.diary[from..].join("\n"))
    })?;
    deeds.carried = cluster.network().map(|net| net.carried()).unwrap_or_default();
    Ok(deeds)
}

/// Trouble that lasts.
#[derive(Debug)]
struct Lasting<'a> {
    kind: Kind,
    rounds: u64,
    _amid: Amid<'a>,
}

/// Who does everything but kill one node.
#[derive(Debug)]
struct Nemesis<'a> {
    scene: &'a Scene<'a>,
    dice: Dice,
    lasting: Option<Lasting<'a>>,
    /// How many clients have left early.
    lefts: u64,
}

impl<'a> Nemesis<'a> {
    fn new(scene: &'a Scene<'a>, dice: Dice) -> Self {
        Self { scene, dice, lasting: None, lefts: 0 }
    }

    fn make_trouble(&mut self) -> Result<()> {
        let mut began = self.scene.schedule.started;
        while self.scene.wait(&mut self.dice, &mut began) {
            self.scene.cluster.check_alive()?;
            if self.scene.schedule.blackouts_only {
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
        if !self.enabled(Kind::Kill) || self.dice.chance(40) {
            self.one_more()?;
        }
        Ok(())
    }

    fn enabled(&self, kind: Kind) -> bool {
        self.scene.schedule.kinds.contains(&kind)
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
        let Some((kind, _)) = chosen else { return Ok(()) };
        let scene = self.scene;
        let _amid = scene.begin_trouble();
        match kind {
            Kind::Blackout => return self.blackout(),
            Kind::Lone => return self.leave_one(),
            Kind::Rolling => return self.upgrade(),
            Kind::ControlGroup => {
                let _all = scene.hold(0..scene.cluster.len());
                let node = self.dice.index(scene.cluster.len());
                return self.fill_group(node);
            }
            _ => {}
        }
        let held = scene.hold_free(self.dice.index(scene.cluster.len()));
        match kind {
            Kind::Pause => self.pause(held.node()),
            Kind::Eio => self.fail_sync(held.node()),
            Kind::Enospc => self.fill_disk(held.node()),
            Kind::Clock => self.set_clock(held.node()),
            Kind::Damage => self.damage(held.node()),
            Kind::SlowDisk => self.slow_disk(held.node()),
            Kind::Wipe => self.wipe(held.node()),
            Kind::Older => self.put_back(held.node()),
            Kind::Stranger => self.invite(held.node()),
            Kind::Contradiction => self.contradict(held.node()),
            Kind::Address => self.move_house(held.node()),
            Kind::Descriptors => self.crowd(held.node()),
            Kind::Memory => self.fill_memory(held.node()),
            Kind::Huge => self.ask_too_much(held.node()),
            Kind::Large => self.write_large(held.node()),
            Kind::SlowReader => self.read_late(held.node()),
            Kind::Leaver => self.leave(held.node()),
            _ => Ok(()),
        }
    }

    fn begin_lasting(&mut self) -> Result<()> {
        let kinds: Vec<_> = Kind::LASTING.into_iter().filter(|kind| self.enabled(*kind)).collect();
        let Some(kind) = kinds.get(self.dice.index(kinds.len())).copied() else { return Ok(()) };
        let rounds = self.dice.range(0, ROUNDS_MAX);
        let amid = self.scene.begin_trouble();
        self.harm_links(kind)?;
        self.scene.count(kind);
        self.lasting = Some(Lasting { kind, rounds, _amid: amid });
        Ok(())
    }

    /// Takes it back, and waits until the cluster is whole.
    fn end_lasting(&mut self) -> Result<()> {
        let Some(lasting) = self.lasting.take() else { return Ok(()) };
        self.scene.write_down(format!("the end of {}", lasting.kind.name()));
        if let Some(network) = self.scene.cluster.network() {
            network.heal()?;
        }
        self.scene.write_down("the network is well".into());
        let took =
            self.converge().with_context(|| format!("after the end of {}", lasting.kind.name()))?;
        self.scene.write_down(format!("converged after {took:?}"));
        self.scene.deeds().convergences.push(took);
        Ok(())
    }

    /// Waits until all was writable through every node, with no follower behind it, at least once since the network
    /// is well. Nodes are killed meanwhile as ever: one that is down has to show it when it is back, and has no more
    /// time for it than the others.
    fn converge(&self) -> Result<Duration> {
        let (healed, cluster) = (Instant::now(), self.scene.cluster);
        let mut left: Vec<_> = (0..cluster.len()).collect();
        loop {
            cluster.check_alive()?;
            left.retain(|node| {
                cluster.node(*node).touch_all().is_err() || !self.scene.keeps_up(*node)
            });
            let Some(first) = left.first() else { return Ok(healed.elapsed()) };
            if healed.elapsed() > CONVERGE {
                let node = cluster.node(*first);
                let (told, log) = (node.status(), node.tail());
                bail!("node {} is not well after {CONVERGE:?}\n{told}{log}", first + 1);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
