//! The bugs planted on purpose, and the hunt for each of them. Only a build with `--cfg synod_plants` has this.
//!
//! A plant stands in the code where bugs of its class were found in other systems, behind
//! [`synod_types::plant::planted`]. The catalogue says what each does, which trouble brings it out, and a seed that
//! did; `cargo xtask plants` goes through it.

mod above;
mod catalogue;
mod engines;

use crate::faults::Faults;
use crate::healing::run;
use crate::params::{Params, Workload};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use synod_types::Protocol;
use synod_types::plant::select;

use above::ABOVE;
use catalogue::CATALOGUE;
use engines::ENGINES;

/// Within so many seeds each plant has to be found.
pub const SEEDS_MAX: u64 = 1_000;

/// One bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plant {
    /// Its name, as the code asks for it.
    pub name: &'static str,
    /// The class of bugs it belongs to: the number in the table of classes, and what it is in a few words.
    pub class: &'static str,
    /// The crate it is planted in, or `sim` for the duties that the simulator does over again.
    pub place: &'static str,
    /// What it does.
    pub what: &'static str,
    /// A seed that found it.
    pub seed: u64,
    nodes: u64,
    partitions: u32,
    seconds: u64,
    faults: &'static str,
    lease_reads: bool,
    parallel_commit: bool,
    engine: Protocol,
    workload: Workload,
}

/// A name that is none in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPlant(String);

impl fmt::Display for UnknownPlant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no bug `{}` is planted; there are:", self.0)?;
        all().try_for_each(|plant| write!(f, " {}", plant.name))
    }
}

impl std::error::Error for UnknownPlant {}

/// Every planted bug.
pub fn all() -> impl Iterator<Item = &'static Plant> {
    CATALOGUE.iter().chain(ABOVE).chain(ENGINES)
}

/// The plant of this name.
///
/// # Errors
/// There is none.
pub fn find(name: &str) -> Result<&'static Plant, UnknownPlant> {
    all().find(|plant| plant.name == name).ok_or_else(|| UnknownPlant(name.to_owned()))
}

/// What gave a plant away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// The rule that was broken, or `assertion` when the code that ships noticed by itself.
    pub oracle: String,
    /// What was seen.
    pub detail: String,
}

impl Plant {
    const fn new(
        name: &'static str,
        class: &'static str,
        place: &'static str,
        what: &'static str,
    ) -> Self {
        Self {
            name,
            class,
            place,
            what,
            seed: 1,
            nodes: 3,
            partitions: 2,
            seconds: 20,
            faults: "swarm",
            lease_reads: false,
            parallel_commit: false,
            engine: Protocol::Raft,
            workload: Workload::Keys,
        }
    }

    const fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    const fn nodes(self, nodes: u64) -> Self {
        Self { nodes, ..self }
    }

    const fn seconds(self, seconds: u64) -> Self {
        Self { seconds, ..self }
    }

    const fn under(self, faults: &'static str) -> Self {
        Self { faults, ..self }
    }

    const fn by(self, engine: Protocol) -> Self {
        Self { engine, ..self }
    }

    const fn with_trees(self) -> Self {
        Self { workload: Workload::Tree, ..self }
    }

    const fn with_locks(self) -> Self {
        Self { workload: Workload::Locks, ..self }
    }

    const fn with_queues(self) -> Self {
        Self { workload: Workload::Queues, ..self }
    }

    const fn with_banks(self) -> Self {
        Self { workload: Workload::Bank, partitions: 4, ..self }
    }

    const fn with_parallel_commit(self) -> Self {
        Self { parallel_commit: true, ..self.with_banks() }
    }

    /// In one partition every command that changes keys is an entry, and none a step of a transaction.
    const fn with_copies(self) -> Self {
        Self { workload: Workload::Copies, partitions: 1, ..self }
    }

    const fn with_users(self) -> Self {
        Self { workload: Workload::Users, ..self }
    }

    const fn with_lease_reads(self) -> Self {
        Self { lease_reads: true, ..self }
    }

    /// The run in which this seed looks for it.
    ///
    /// # Panics
    /// When the catalogue names a fault that there is not; a test goes through it.
    #[must_use]
    pub fn params(&self, seed: u64) -> Params {
        Params {
            seed,
            nodes: self.nodes,
            partitions: self.partitions,
            seconds: self.seconds,
            clients: 6,
            faults: self.faults.parse::<Faults>().expect("the catalogue names faults that exist"),
            lease_reads: self.lease_reads,
            parallel_commit: self.parallel_commit,
            engine: self.engine,
            workload: self.workload,
            ..Params::default()
        }
    }

    /// The command that shows it.
    #[must_use]
    pub fn replay(&self, seed: u64) -> String {
        format!("{} --plant {}", self.params(seed).replay(), self.name)
    }

    /// Whether this seed finds it.
    #[must_use]
    pub fn try_seed(&self, seed: u64) -> Option<Found> {
        select(Some(self.name));
        let ended = panic::catch_unwind(AssertUnwindSafe(|| run(&self.params(seed))));
        let (oracle, detail) = match ended {
            Ok(outcome) => {
                let failure = outcome.failure?;
                (failure.rule.to_owned(), failure.detail)
            }
            Err(payload) => {
                let text = payload.downcast_ref::<String>().cloned();
                let text = text.or_else(|| payload.downcast_ref().map(|t: &&str| (*t).to_owned()));
                ("assertion".to_owned(), text.unwrap_or_default())
            }
        };
        Some(Found { seed, oracle, detail })
    }

    /// The first of the seeds 1 to `seeds_max` that finds it, looked for by `jobs` threads.
    #[must_use]
    pub fn search(&self, seeds_max: u64, jobs: usize) -> Option<Found> {
        let next = AtomicU64::new(1);
        let best: Mutex<Option<Found>> = Mutex::new(None);
        let best = || best.lock().unwrap_or_else(PoisonError::into_inner);
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed > seeds_max || best().as_ref().is_some_and(|b| b.seed < seed) {
                            break;
                        }
                        if let Some(found) = self.try_seed(seed)
                            && best().as_ref().is_none_or(|b| seed < b.seed)
                        {
                            *best() = Some(found);
                        }
                    }
                });
            }
        });
        best().take()
    }
}
