//! One transaction at a time under two-phase commit, three-phase commit or our own, through the same trouble: what each
//! costs, when it blocks, and whether all participants end it alike.
//!
//! ```text
//!   strikes --> world (network, disks, crashes) <--> sites: textbook machines, or nodes with replicas of partitions
//!                 |
//!                 +--> who ended it how, who is in doubt, messages, forced flushes, time
//! ```
//!
//! A message takes [`DELAY_US`] at most. That is what two and three phases build on: who does not answer within
//! [`ROUND_US`] is taken for dead. Site 0 coordinates, for the client that is there; sites 1 and on hold what is written.

mod costs;
mod page;
mod replicated;
mod site;
mod strike;
mod world;

#[cfg(test)]
mod tests;

pub use costs::{Costs, costs};
pub use page::render;
pub use strike::{Kinds, STRIKES_MAX, Strike};

use crate::trace::Trace;
use replicated::Replicated;
use site::Textbook;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
pub use synod_txn::textbook::Decision;
use synod_txn::textbook::{ThreePhase, TwoPhase};
use world::World;

/// The longest time that a message takes, in microseconds; simulated time is told in such delays.
pub const DELAY_US: u64 = 1_000;
/// The longest time that a flush takes in runs, in microseconds.
pub const FLUSH_US: u64 = 100;
/// The longest time that a question, what has to be flushed for it, and the answer take.
const ROUND_US: u64 = 2 * DELAY_US + 4 * FLUSH_US;
/// The fewest and the most participants.
pub const PARTICIPANTS: (usize, usize) = (2, 8);

/// How a transaction is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitProtocol {
    /// Two phases, one coordinator, cooperative termination.
    TwoPhase,
    /// Three phases, one coordinator, Skeen's termination.
    ThreePhase,
    /// Our own: participants are partitions of three replicas each, and one of them decides in its log.
    Synod,
    /// The same, answered when all of it is kept, before it is decided.
    Parallel,
}

impl CommitProtocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TwoPhase, Self::ThreePhase, Self::Synod, Self::Parallel];

    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TwoPhase => "2pc",
            Self::ThreePhase => "3pc",
            Self::Synod => "synod",
            Self::Parallel => "parallel",
        }
    }
}

impl fmt::Display for CommitProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CommitProtocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.as_str() == text);
        found.ok_or_else(|| {
            format!("no commit protocol `{text}`; there are: 2pc, 3pc, synod, parallel")
        })
    }
}

/// Everything that decides a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The protocol.
    pub protocol: CommitProtocol,
    /// How many participants, within [`PARTICIPANTS`].
    pub participants: usize,
    /// Decides how long each message takes; `None`: each takes [`DELAY_US`].
    pub seed: Option<u64>,
    /// How long a flush takes, in microseconds; [`FLUSH_US`] at most.
    pub flush_us: u64,
    /// What goes wrong.
    pub strikes: Vec<Strike>,
    /// Whether the events are kept, for [`render`].
    pub record: bool,
}

impl Run {
    /// A run in which nothing goes wrong and each message takes as long as it may.
    #[must_use]
    pub const fn new(protocol: CommitProtocol, participants: usize) -> Self {
        let strikes = Vec::new();
        Self { protocol, participants, seed: None, flush_us: FLUSH_US, strikes, record: false }
    }

    /// How many sites there are.
    #[must_use]
    pub const fn sites(&self) -> usize {
        self.participants + 1
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let (least, most) = PARTICIPANTS;
        if !(least..=most).contains(&self.participants) {
            return Err(format!("{} participants; it is {least} to {most}", self.participants));
        }
        if self.strikes.len() > STRIKES_MAX {
            return Err(format!("{} strikes, {STRIKES_MAX} at most", self.strikes.len()));
        }
        for strike in &self.strikes {
            if let Some(site) = strike.sites().iter().find(|site| **site >= self.sites()) {
                let last = self.participants;
                return Err(format!("`{strike}`: there is no site {site}; the last is {last}"));
            }
            if *strike == Strike::No(0) {
                return Err(format!("`{strike}`: site 0 coordinates and has no vote"));
            }
        }
        Ok(())
    }

    /// The command that runs exactly this again.
    #[must_use]
    pub fn replay(&self) -> String {
        let mut text = format!(
            "synod sim --commit-protocol {} --participants {}",
            self.protocol, self.participants
        );
        if let Some(seed) = self.seed {
            text.push_str(&format!(" --seed {seed}"));
        }
        let strikes: Vec<String> = self.strikes.iter().map(Strike::to_string).collect();
        let strikes = if strikes.is_empty() { "none".to_owned() } else { strikes.join(",") };
        text + " --strikes " + &strikes
    }

    fn votes(&self, site: usize) -> bool {
        !self.strikes.contains(&Strike::No(site))
    }
}

/// What a transaction cost up to some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Messages of the transaction that were sent; signs of life do not count.
    pub messages: u64,
    /// How often a disk was forced.
    pub flushes: u64,
    /// Microseconds since it began.
    pub us: u64,
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How each participant ended it; both, if its replicas or lives did not agree.
    pub ended: BTreeMap<usize, BTreeSet<Decision>>,
    /// What the client was told, and what had been spent by then; the inner `None`: that it is not known.
    pub answer: Option<(Option<Decision>, Spent)>,
    /// What had been spent when every participant had ended it.
    pub all_ended: Option<Spent>,
    /// What was spent in all.
    pub spent: Spent,
    /// The participants that run and are in doubt at the end.
    pub blocked: Vec<usize>,
    /// The sites that never crashed.
    pub never_crashed: BTreeSet<usize>,
    /// How many steps each site took, in the sense of [`Strike::Crash`].
    pub steps: Vec<u64>,
    /// What happened, in words, with its time in microseconds since the transaction began.
    pub story: Vec<(u64, String)>,
    /// A hash of every event.
    pub hash: u64,
    /// How long it was, and when the transaction began, in microseconds since the world did.
    pub simulated_us: (u64, u64),
    /// The events, if they were kept.
    pub trace: Option<Trace>,
}

impl Outcome {
    /// Every decision that somebody acted on, the answer to the client included.
    #[must_use]
    pub fn decisions(&self) -> BTreeSet<Decision> {
        let answered = self.answer.and_then(|(answer, _)| answer);
        self.ended.values().flatten().copied().chain(answered).collect()
    }

    /// Whether some committed and others aborted.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.decisions().len() > 1
    }

    /// In a sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let names = |decision: Decision| {
            let of = self.ended.iter().filter(|(_, ended)| ended.contains(&decision));
            of.map(|(site, _)| site.to_string()).collect::<Vec<_>>().join(", ")
        };
        let (commit, abort) = (names(Decision::Commit), names(Decision::Abort));
        let mut text = match (self.is_split(), self.decisions().first()) {
            (true, _) => format!("split: committed at [{commit}], aborted at [{abort}]"),
            (false, None) => "undecided".to_owned(),
            (false, Some(Decision::Commit)) => "committed".to_owned(),
            (false, Some(Decision::Abort)) => "aborted".to_owned(),
        };
        if !self.blocked.is_empty() {
            let blocked: Vec<String> = self.blocked.iter().map(usize::to_string).collect();
            text.push_str(&format!("; blocked in doubt at [{}]", blocked.join(", ")));
        }
        text
    }
}

/// Runs it.
///
/// # Panics
/// [`Run::check`] refuses it.
#[must_use]
pub fn run(run: &Run) -> Outcome {
    assert_eq!(run.check(), Ok(()), "a run that cannot be");
    let sites = 0..run.sites();
    match run.protocol {
        CommitProtocol::TwoPhase => {
            let site = |me| Textbook::<TwoPhase>::new(me, run.sites(), run.votes(me));
            World::new(run, sites.map(site).collect()).run()
        }
        CommitProtocol::ThreePhase => {
            let site = |me| Textbook::<ThreePhase>::new(me, run.sites(), run.votes(me));
            World::new(run, sites.map(site).collect()).run()
        }
        CommitProtocol::Synod | CommitProtocol::Parallel => {
            let parallel = run.protocol == CommitProtocol::Parallel;
            let no: BTreeSet<usize> = sites.clone().filter(|site| !run.votes(*site)).collect();
            let site = |me| Replicated::new(me, run.sites(), no.clone(), parallel);
            World::new(run, sites.map(site).collect()).run()
        }
    }
}
