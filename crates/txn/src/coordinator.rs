//! The one who leads a transaction through its steps, as a pure state machine: answers go in, what is to be asked comes out.
//!
//! ```text
//!   fetching ---> running ---> verifying ---------------------> answered     nothing is written
//!      ^  busy       |             | changed
//!      |             v             v
//!      |<------- preparing ---> deciding ---> answered ---> finishing ---> over
//!      |  conflict   |  aborted    |                            ^
//!      +-------------+-------------+                            |
//!      |                                                        |
//!      |<------- staging ---> answered ---> concluding ---------+
//!         conflict                         the next attempt has another name and waits in line for its locks
//! ```
//!
//! In a parallel commit home stages its part while the others prepare theirs. Whoever is told no by one of them knows that the
//! transaction never will be committed; whoever is not told by all of them does not know whether it is, since home's leader
//! may find all of it by itself.
//!
//! Locks are asked for in all partitions at once and without waiting first; if one is taken, all are given back and then
//! waited for in the order of the partitions, one after the other. Who waits holds only locks of partitions before the one
//! where it waits, so no two wait for each other. Who only reads takes no locks at first: the versions are collected twice,
//! and if they are the same then the values stood together at the moment between.

use crate::asked::{Action, Answer, Ask, Fetched, Outcome, Part, Ran};
use crate::fields::Source;
use crate::id::TxnId;
use crate::step::{Detail, Locking, Step};
use synod_types::plant::planted;
use synod_types::{Millis, limits, tree_path};

/// What the client is told when others were faster every time.
const OVERTAKEN: &str =
    "TRYAGAIN The transaction met others over the same keys too often; nothing was written";
/// How often a transaction that only reads is tried without locks.
const UNLOCKED_ATTEMPTS: u32 = 3;

/// Why more is not fetched.
const TOO_LARGE: &str =
    "ERR the values of a transaction over several partitions take too many bytes";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Fetching(Locking),
    Running,
    Verifying,
    Preparing,
    Deciding,
    Staging,
    Concluding,
    Finishing,
    Over,
}

/// One transaction under way.
#[derive(Debug)]
pub struct Coordinator {
    txn: TxnId,
    /// In the order of their partitions; at least one.
    parts: Vec<Part>,
    /// What the first part is asked for besides.
    sources: Vec<Source<Vec<u8>>>,
    detail: Detail,
    reads_only: bool,
    parallel: bool,
    /// No attempt begins later.
    until_us: u64,
    attempt: u32,
    phase: Phase,
    fetched: Vec<Option<Fetched>>,
    writes: Ran,
    /// How long the values are that were fetched and that are to be written.
    bytes: usize,
    /// How long those that are fetched may be together.
    room: usize,
    home: usize,
    /// How many answers are awaited.
    left: usize,
    /// What came instead of the answer that was hoped for, in this phase.
    conflict: bool,
    refused: Option<String>,
    unknown: bool,
}

impl Coordinator {
    /// A transaction over these parts. `reads_only`: none of its commands writes.
    #[must_use]
    pub fn new(mut parts: Vec<Part>, reads_only: bool, now_us: u64) -> Self {
        parts.sort_by_key(|part| part.partition);
        Self {
            txn: TxnId::default(),
            fetched: vec![None; parts.len()],
            writes: Vec::new(),
            bytes: 0,
            room: limits::TXN_BYTES_ALL_MAX,
            parts,
            sources: Vec::new(),
            detail: Detail::Values,
            reads_only,
            parallel: false,
            until_us: now_us + limits::TXN_MS_MAX * 1000,
            attempt: 0,
            phase: Phase::Over,
            home: 0,
            left: 0,
            conflict: false,
            refused: None,
            unknown: false,
        }
    }

    /// What the commands need to run besides their keys. All partitions keep the same texts, so the first is asked.
    #[must_use]
    pub fn with_sources(mut self, sources: Vec<Source<Vec<u8>>>) -> Self {
        self.sources = sources;
        self
    }

    /// How much of the values the commands look at.
    #[must_use]
    pub const fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// How many bytes of values may be fetched, if less than [`limits::TXN_BYTES_ALL_MAX`].
    pub const fn set_room(&mut self, bytes: usize) {
        self.room = bytes;
    }

    /// Whether the client is answered as soon as everything is kept, before the decision is recorded.
    #[must_use]
    pub const fn with_parallel_commit(mut self, parallel: bool) -> Self {
        self.parallel = parallel;
        self
    }

    /// What the commands need to run besides their keys, and what came of it.
    pub fn texts(&self) -> impl Iterator<Item = (&Source<Vec<u8>>, Option<&[u8]>)> {
        let texts = self.fetched.first().and_then(Option::as_ref).map(|fetched| &fetched.texts[..]);
        self.sources.iter().zip(texts.unwrap_or_default().iter().map(Option::as_deref))
    }

    /// How long the values are that it keeps.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The parts, in the order of their partitions.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What was fetched, part by part; complete when the commands are run.
    pub fn fetched(&self) -> impl Iterator<Item = (&Part, &Fetched)> {
        self.parts.iter().zip(&self.fetched).filter_map(|(p, f)| Some((p, f.as_ref()?)))
    }

    /// Begins an attempt of this name.
    pub fn begin(&mut self, txn: TxnId) -> Vec<Action> {
        self.txn = txn;
        let locking = match (self.reads_only, self.attempt) {
            (true, 0..UNLOCKED_ATTEMPTS) => Locking::None,
            (true, _) | (false, 1..) => Locking::Wait,
            (false, 0) => Locking::Try,
        };
        self.attempt += 1;
        self.enter(Phase::Fetching(locking));
        self.fetched.fill(None);
        self.writes.clear();
        self.bytes = 0;
        match locking {
            Locking::Wait => self.ask([0], Ask::Fetch(locking)),
            _ => self.ask(0..self.parts.len(), Ask::Fetch(locking)),
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        (self.left, self.conflict, self.refused, self.unknown) = (0, false, None, false);
    }

    fn ask(&mut self, parts: impl IntoIterator<Item = usize>, ask: Ask) -> Vec<Action> {
        let actions: Vec<Action> = parts.into_iter().map(|at| Action::Send(at, ask)).collect();
        if ask.is_awaited() {
            self.left += actions.len();
        }
        actions
    }

    /// All parts but home.
    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let home = self.home;
        (0..self.parts.len()).filter(move |at| *at != home)
    }

    /// The part of a lock whose line is in the tree. An intent does not keep the tree's clients from changing it, so
    /// whether it is held is compared in the entry that decides, and there has to be one.
    fn guarded_by_tree(&self) -> Option<usize> {
        self.parts.iter().position(|part| part.locks.iter().any(|name| tree_path(name).is_some()))
    }

    /// The commands ran; this is what they changed.
    pub fn ran(&mut self, writes: Ran) -> Vec<Action> {
        // Another attempt would fetch again.
        for (_, image) in self.fetched.iter_mut().flatten().flat_map(|part| &mut part.items) {
            *image = None;
        }
        let images = writes.iter().flatten().filter_map(|(_, image)| image.as_ref());
        self.bytes = images.map(Vec::len).sum::<usize>();
        self.writes = writes;
        match self.writes.iter().position(|writes| !writes.is_empty()) {
            None => {
                self.enter(Phase::Verifying);
                self.ask(0..self.parts.len(), Ask::Verify)
            }
            Some(first) => {
                let guarded = self.guarded_by_tree();
                self.home = guarded.unwrap_or(first);
                let others: Vec<usize> = self.others().collect();
                if self.parallel && guarded.is_none() && !others.is_empty() {
                    self.enter(Phase::Staging);
                    let mut actions = self.ask(others, Ask::Prepare);
                    actions.extend(self.ask([self.home], Ask::Stage));
                    return actions;
                }
                self.enter(Phase::Preparing);
                let mut actions = self.ask(others, Ask::Prepare);
                if actions.is_empty() || planted("early-decision") {
                    actions.extend(self.decide());
                }
                actions
            }
        }
    }

    /// The commands did not run, because of what was fetched: a watched key has changed, or they may not.
    pub fn give_up(&mut self, outcome: Outcome) -> Vec<Action> {
        let mut actions = self.let_go();
        actions.push(Action::Answer(outcome));
        actions.push(self.end());
        actions
    }

    fn decide(&mut self) -> Vec<Action> {
        self.enter(Phase::Deciding);
        self.ask([self.home], Ask::Decide)
    }

    fn end(&mut self) -> Action {
        self.phase = Phase::Over;
        Action::End
    }

    /// Gives back all locks, and whatever may be prepared or staged. Nobody has decided for it, and nobody ever will.
    fn let_go(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.phase == Phase::Staging {
            actions.extend(self.ask([self.home], Ask::Conclude(false)));
        }
        if matches!(self.phase, Phase::Preparing | Phase::Deciding | Phase::Staging) {
            actions.extend(self.ask(self.others(), Ask::Finish(false)));
        }
        let locked = self.phase != Phase::Fetching(Locking::None)
            && !(self.reads_only && self.attempt <= UNLOCKED_ATTEMPTS);
        if locked {
            actions.extend(self.ask(0..self.parts.len(), Ask::Release));
        }
        actions
    }

    fn again(&mut self, now_us: u64) -> Vec<Action> {
        let mut actions = self.let_go();
        if self.attempt >= limits::TXN_ATTEMPTS_MAX || now_us >= self.until_us {
            actions.push(Action::Answer(Outcome::Refused(OVERTAKEN.to_owned())));
            actions.push(self.end());
        } else {
            actions.push(Action::Again);
        }
        actions
    }

    /// A part has answered what was asked last and is awaited.
    pub fn answered(&mut self, part: usize, answer: Answer, now_us: u64) -> Vec<Action> {
        self.left = self.left.saturating_sub(1);
        match answer {
            Answer::Fetched(fetched) => match self.fetched.get_mut(part) {
                Some(place)
                    if fetched.items.len() == self.parts[part].keys.len()
                        && fetched.tokens.len() == self.parts[part].locks.len() =>
                {
                    let images = fetched.items.iter().map(|(_, image)| image);
                    let images = images.chain(&fetched.texts).flatten();
                    let bytes = self.bytes + images.map(Vec::len).sum::<usize>();
                    if bytes > self.room {
                        self.refused = Some(TOO_LARGE.to_owned());
                    } else {
                        self.bytes = bytes;
                        *place = Some(fetched);
                    }
                }
                _ => {
                    self.refused =
                        Some("ERR a part of the transaction could not be read".to_owned())
                }
            },
            Answer::Yes => {}
            Answer::Busy | Answer::No => self.conflict = true,
            // No question of this one is answered so.
            Answer::Staged => self.unknown = true,
            Answer::Refused(text) => self.refused = Some(text),
            Answer::Unknown => self.unknown = true,
        }
        match self.phase {
            Phase::Fetching(Locking::Wait) => self.fetched_one(part, now_us),
            Phase::Staging if planted("answered-before-prepared") => self.all_staged(now_us),
            _ if self.left > 0 => Vec::new(),
            Phase::Fetching(_) | Phase::Verifying | Phase::Preparing => self.all_answered(now_us),
            Phase::Deciding => self.decided(now_us),
            Phase::Staging => self.all_staged(now_us),
            Phase::Concluding => self.concluded(),
            Phase::Finishing => self.finished(),
            Phase::Running | Phase::Over => Vec::new(),
        }
    }

    /// The next lock in line, or the commands.
    fn fetched_one(&mut self, part: usize, now_us: u64) -> Vec<Action> {
        if self.conflict || self.refused.is_some() || self.unknown {
            return self.all_answered(now_us);
        }
        match part + 1 {
            next if next < self.parts.len() => self.ask([next], Ask::Fetch(Locking::Wait)),
            _ => self.all_answered(now_us),
        }
    }

    fn all_answered(&mut self, now_us: u64) -> Vec<Action> {
        if let Some(text) = self.refused.take() {
            return self.give_up(Outcome::Refused(text));
        }
        // Home was not asked to decide and never will be, so what may be prepared somewhere is nothing.
        if self.conflict || self.unknown {
            return self.again(now_us);
        }
        match self.phase {
            Phase::Preparing => self.decide(),
            Phase::Verifying => self.give_up(Outcome::Done),
            _ => {
                self.enter(Phase::Running);
                vec![Action::Run]
            }
        }
    }

    fn decided(&mut self, now_us: u64) -> Vec<Action> {
        if self.unknown {
            // The participants ask home for themselves.
            return vec![Action::Answer(Outcome::Unknown), self.end()];
        }
        if self.conflict || self.refused.is_some() {
            return self.all_answered(now_us);
        }
        let mut actions = vec![Action::Answer(Outcome::Done)];
        actions.extend(self.finish());
        actions
    }

    /// Everybody was asked to keep its part, and has answered.
    fn all_staged(&mut self, now_us: u64) -> Vec<Action> {
        if self.conflict || self.refused.is_some() {
            // One part is not kept and never will be, so nobody finds all of them.
            return self.all_answered(now_us);
        }
        if self.unknown {
            // It is committed if what is not known was kept; home's leader finds that out.
            return vec![Action::Answer(Outcome::Unknown), self.end()];
        }
        self.enter(Phase::Concluding);
        let mut actions = vec![Action::Answer(Outcome::Done)];
        actions.extend(self.ask([self.home], Ask::Conclude(true)));
        if planted("ended-before-decided") {
            let others: Vec<usize> = self.others().collect();
            actions.extend(others.into_iter().map(|at| Action::Send(at, Ask::Finish(true))));
        }
        actions
    }

    /// Home has recorded the decision, or somebody else sees to it: what rests on intents stays until it is recorded.
    fn concluded(&mut self) -> Vec<Action> {
        if self.conflict || self.unknown || self.refused.is_some() {
            return vec![self.end()];
        }
        self.finish()
    }

    /// The decision is recorded: all others may end it.
    fn finish(&mut self) -> Vec<Action> {
        self.enter(Phase::Finishing);
        let mut actions = Vec::new();
        let last = self.others().last();
        for part in self.others() {
            let commit = Some(part) != last || !planted("abort-after-answer");
            actions.extend(self.ask([part], Ask::Finish(commit)));
        }
        if planted("decision-forgotten") {
            actions.extend(self.ask([self.home], Ask::Forget));
        }
        if self.left == 0 {
            actions.extend(self.finished());
        }
        actions
    }

    /// Home may forget, if all have really ended it. Otherwise home's leader sees to those that are left.
    fn finished(&mut self) -> Vec<Action> {
        let all = !(self.conflict || self.unknown || self.refused.is_some());
        let mut actions = if all { self.ask([self.home], Ask::Forget) } else { Vec::new() };
        actions.push(self.end());
        actions
    }

    /// The step that asks a part this.
    #[must_use]
    pub fn step(&self, part: usize, ask: Ask) -> Step<'_> {
        let txn = self.txn;
        let keys = || self.parts[part].keys.iter().map(Vec::as_slice);
        let versions = || {
            let fetched = self.fetched[part].iter();
            let versions = fetched.flat_map(|fetched| fetched.items.iter().map(|(v, _)| *v));
            keys().zip(versions).collect()
        };
        let guards = || {
            let tokens =
                self.fetched[part].iter().flat_map(|fetched| fetched.tokens.iter().copied());
            self.parts[part].locks.iter().map(Vec::as_slice).zip(tokens).collect()
        };
        let sources = || {
            let sources = self.sources.iter().filter(|_| part == 0);
            sources.map(|source| source.map(Vec::as_slice)).collect()
        };
        let writes = || {
            let writes = self.writes.get(part).into_iter().flatten();
            writes.map(|(key, image)| (key.as_slice(), image.as_deref())).collect()
        };
        let until = |at: usize| {
            let begun = self.fetched[at].as_ref().map_or(Millis(0), |fetched| fetched.now);
            Millis(begun.0 + limits::TXN_DECIDE_MS_MAX)
        };
        let deadline = until(self.home);
        match ask {
            Ask::Fetch(locking) => Step::Fetch {
                txn,
                locking,
                detail: self.detail,
                keys: keys().collect(),
                locks: self.parts[part].locks.iter().map(Vec::as_slice).collect(),
                sources: sources(),
            },
            Ask::Verify => Step::Verify { txn, reads: versions(), guards: guards() },
            Ask::Release => Step::Release { txn },
            Ask::Prepare => Step::Prepare {
                txn,
                home: self.parts[self.home].partition,
                deadline,
                until: (self.phase == Phase::Staging).then(|| until(part)),
                reads: versions(),
                guards: guards(),
                writes: writes(),
            },
            Ask::Stage => Step::Stage {
                txn,
                home: self.parts[self.home].partition,
                deadline,
                others: self.others().map(|at| (self.parts[at].partition, until(at))).collect(),
                reads: versions(),
                guards: guards(),
                writes: writes(),
            },
            Ask::Conclude(commit) => Step::Conclude { txn, commit },
            Ask::Decide => Step::Decide {
                txn,
                deadline,
                others: self.others().map(|at| self.parts[at].partition).collect(),
                reads: versions(),
                guards: guards(),
                writes: writes(),
            },
            Ask::Finish(commit) => Step::Finish { txn, commit },
            Ask::Forget => Step::Forget { txn },
        }
    }
}

#[cfg(test)]
mod tests;
mod widened;
