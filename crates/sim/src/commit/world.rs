//! Sites, the network between them, their disks, and what goes wrong.
//!
//! A site does one thing after the other. Each message that it sends and each thing that it forces to its disk is a *step*,
//! and before any of them it may crash: what it had not forced by then is gone, messages that it sent are under way.

use super::site::{Input, Output, Outputs, Site};
use super::{DELAY_US, Outcome, Run, Spent, Strike};
use crate::random::Random;
use crate::trace::{Fate, Item, Recorder};
use std::collections::{BTreeMap, VecDeque};
use synod_txn::textbook::Decision;

/// When the transaction begins. Groups have elected their leaders by then and sleep.
const BEGIN_US: u64 = 60 * DELAY_US;
/// How long a run is from there on at least, and after the last strike.
const REST_US: u64 = 200 * DELAY_US;
/// The trace begins so long before the transaction.
pub(super) const LEAD_US: u64 = 2 * DELAY_US;
/// A page ends so long after the last thing that is told.
pub(super) const TAIL_US: u64 = 10 * DELAY_US;

enum Event<S: Site> {
    Begin,
    Arrive { from: usize, to: usize, message: S::Message },
    Timeout { site: usize, timer: u64 },
    Flushed { site: usize, life: u64 },
    Restart(usize),
    Cut { strike: usize, begins: bool },
}

struct Place<S: Site> {
    site: S,
    up: bool,
    /// How often it restarted: what was for an earlier life is not for this one.
    life: u64,
    /// What it does while it does not wait for its disk, and what happened meanwhile.
    outputs: VecDeque<Output<S::Message, S::Record>>,
    inputs: VecDeque<Input<S::Message>>,
    flushing: Option<S::Record>,
    timer: u64,
    steps: u64,
}

pub(super) struct World<'a, S: Site> {
    run: &'a Run,
    time: u64,
    events: u64,
    queue: BTreeMap<(u64, u64), Event<S>>,
    places: Vec<Place<S>>,
    random: Option<Random>,
    recorder: Recorder,
    outcome: Outcome,
}

impl<'a, S: Site> World<'a, S> {
    pub fn new(run: &'a Run, sites: Vec<S>) -> Self {
        let place = |site| Place {
            site,
            up: true,
            life: 0,
            outputs: VecDeque::new(),
            inputs: VecDeque::new(),
            flushing: None,
            timer: 0,
            steps: 0,
        };
        let outcome = Outcome { never_crashed: (0..sites.len()).collect(), ..Outcome::default() };
        Self {
            run,
            time: 0,
            events: 0,
            queue: BTreeMap::new(),
            places: sites.into_iter().map(place).collect(),
            random: run.seed.map(Random::new),
            recorder: Recorder::new(run.record),
            outcome,
        }
    }

    pub fn run(mut self) -> Outcome {
        self.schedule(BEGIN_US, Event::Begin);
        let mut last = 0;
        for (number, strike) in self.run.strikes.iter().enumerate() {
            match strike {
                Strike::Restart(site, at) => {
                    self.schedule(BEGIN_US + at, Event::Restart(*site));
                    last = last.max(*at);
                }
                Strike::Cut { from, until, .. } => {
                    for (at, begins) in [(Some(*from), true), (*until, false)] {
                        let Some(at) = at else { continue };
                        self.schedule(BEGIN_US + at, Event::Cut { strike: number, begins });
                        last = last.max(at);
                    }
                }
                Strike::No(_) | Strike::Crash(..) => {}
            }
        }
        for site in 0..self.places.len() {
            self.recorder.keep(0, || Item::Up(site));
            self.happen(site, Input::Start);
        }
        let end = BEGIN_US + last + REST_US;
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > end {
                break;
            }
            self.time = at;
            self.take(event);
        }
        self.end()
    }

    fn end(mut self) -> Outcome {
        let doubts = self.places.iter().filter(|place| place.up);
        let mut blocked: Vec<usize> = doubts.flat_map(|place| place.site.in_doubt()).collect();
        blocked.retain(|participant| !self.outcome.ended.contains_key(participant));
        blocked.sort_unstable();
        blocked.dedup();
        self.outcome.blocked = blocked;
        self.outcome.steps = self.places.iter().map(|place| place.steps).collect();
        self.outcome.hash = self.recorder.hash();
        self.outcome.simulated_us = (self.time, BEGIN_US);
        self.outcome.trace = self.recorder.kept.take();
        self.outcome
    }

    fn schedule(&mut self, at: u64, event: Event<S>) {
        self.events += 1;
        self.queue.insert((at, self.events), event);
    }

    fn has_begun(&self) -> bool {
        self.time >= BEGIN_US
    }

    fn tell(&mut self, what: String) {
        if self.has_begun() {
            self.outcome.story.push((self.time - BEGIN_US, what));
        }
    }

    fn keep(&mut self, item: impl FnOnce() -> Item) {
        if self.time + LEAD_US >= BEGIN_US {
            self.recorder.keep(self.time, item);
        }
    }

    fn take(&mut self, event: Event<S>) {
        self.recorder.mix(self.time);
        match event {
            Event::Begin => {
                self.keep(|| Item::Asked {
                    request: 1,
                    client: 0,
                    node: 0,
                    what: "commit".to_owned(),
                });
                for site in 0..self.places.len() {
                    self.happen(site, Input::Begin);
                }
            }
            Event::Arrive { from, to, message } => {
                self.recorder.mix_bytes(format!("{from} {to} {message}").as_bytes());
                self.happen(to, Input::Message(from, message));
            }
            Event::Timeout { site, timer } => {
                if self.places[site].timer == timer {
                    self.happen(site, Input::Timeout);
                }
            }
            Event::Flushed { site, life } => self.flushed(site, life),
            Event::Restart(site) => self.restart(site),
            Event::Cut { strike, begins } => self.cut(strike, begins),
        }
    }

    fn happen(&mut self, site: usize, input: Input<S::Message>) {
        if self.places[site].up {
            self.places[site].inputs.push_back(input);
            self.go_on(site);
        }
    }

    /// Does what the site wants done, and gives it what happened, until it waits for its disk or for something to happen.
    fn go_on(&mut self, at: usize) {
        loop {
            let place = &mut self.places[at];
            if !place.up || place.flushing.is_some() {
                return;
            }
            if let Some(output) = place.outputs.pop_front() {
                self.carry_out(at, output);
            } else if let Some(input) = place.inputs.pop_front() {
                let outputs = place.site.step(input);
                place.outputs.extend(outputs);
            } else {
                return;
            }
        }
    }

    fn carry_out(&mut self, at: usize, output: Output<S::Message, S::Record>) {
        match output {
            Output::Persist(record) => {
                if self.step(at) {
                    self.outcome.spent.flushes += u64::from(self.has_begun());
                    self.places[at].flushing = Some(record);
                    let life = self.places[at].life;
                    let flush_us = self.run.flush_us;
                    self.schedule(self.time + flush_us, Event::Flushed { site: at, life });
                }
            }
            Output::Send(to, message) => {
                if self.step(at) {
                    self.send(at, to, message);
                }
            }
            Output::Timer(after) => {
                self.places[at].timer += 1;
                let timer = self.places[at].timer;
                if let Some(us) = after {
                    self.schedule(self.time + us, Event::Timeout { site: at, timer });
                }
            }
            Output::Ended(participant, decision) => self.ended(at, participant, decision),
            Output::Answer(decision) => self.answer(decision),
            Output::Note(what) => {
                self.tell(format!("site {at}: {what}"));
                self.keep(|| Item::Note(at, what));
            }
            Output::Leads(participant, term) => {
                self.tell(format!("site {at} leads partition {participant}"));
                self.keep(|| Item::Leader(at, participant as u32, term));
            }
        }
    }

    /// Counts a step; `false`: the site crashes before it.
    fn step(&mut self, at: usize) -> bool {
        if !self.has_begun() {
            return true;
        }
        self.places[at].steps += 1;
        let crash = Strike::Crash(at, self.places[at].steps);
        if !self.run.strikes.contains(&crash) {
            return true;
        }
        let place = &mut self.places[at];
        place.up = false;
        place.outputs.clear();
        place.inputs.clear();
        place.timer += 1;
        self.outcome.never_crashed.remove(&at);
        self.tell(format!("site {at} crashes"));
        self.keep(|| Item::Down(at, "crashed"));
        false
    }

    fn send(&mut self, from: usize, to: usize, message: S::Message) {
        let delay = self.random.as_mut().map_or(DELAY_US, |r| r.between(DELAY_US / 4, DELAY_US));
        let arrives = self.time + delay;
        let cut = |at: u64| {
            let at = at.checked_sub(BEGIN_US);
            at.is_some_and(|at| self.run.strikes.iter().any(|strike| strike.cuts(from, to, at)))
        };
        let lost = cut(self.time) || cut(arrives);
        if self.has_begun() && S::is_counted(&message) {
            self.outcome.spent.messages += 1;
        }
        let fate = if lost { Fate::Lost } else { Fate::Arrives(arrives) };
        self.keep(|| Item::Message { from, to, fate, what: message.to_string() });
        if !lost {
            self.schedule(arrives, Event::Arrive { from, to, message });
        }
    }

    fn flushed(&mut self, at: usize, life: u64) {
        let place = &mut self.places[at];
        if !place.up || place.life != life {
            return;
        }
        if let Some(record) = place.flushing.take() {
            let outputs: Outputs<S> = place.site.persisted(record);
            for output in outputs.into_iter().rev() {
                place.outputs.push_front(output);
            }
        }
        self.go_on(at);
    }

    fn restart(&mut self, at: usize) {
        let place = &mut self.places[at];
        if place.up {
            return;
        }
        place.up = true;
        place.life += 1;
        place.flushing = None;
        let outputs = place.site.restart();
        place.outputs.extend(outputs);
        self.tell(format!("site {at} restarts"));
        self.keep(|| Item::Up(at));
        self.go_on(at);
    }

    fn cut(&mut self, strike: usize, begins: bool) {
        let strike = &self.run.strikes[strike];
        let names: Vec<String> = strike.sites().iter().map(|s| format!("site {s}")).collect();
        let what = if begins { "cut off from the others" } else { "connected again" };
        self.tell(format!("{} {what}", names.join(" and ")));
        let at = self.time - BEGIN_US;
        let sites = self.places.len();
        for a in 0..sites {
            for b in 0..sites {
                let strikes = &self.run.strikes;
                let now = strikes.iter().any(|strike| strike.cuts(a, b, at));
                self.keep(|| Item::Silent(a, b, now));
            }
        }
    }

    fn spent(&self) -> Spent {
        Spent { us: self.time - BEGIN_US, ..self.outcome.spent }
    }

    fn ended(&mut self, at: usize, participant: usize, decision: Decision) {
        let ended = self.outcome.ended.entry(participant).or_default();
        ended.insert(decision);
        self.recorder.mix(participant as u64 * 2 + u64::from(decision == Decision::Commit));
        if at == participant {
            self.tell(format!("site {at} ended it: {decision}"));
        } else {
            self.tell(format!("site {at} ended it for participant {participant}: {decision}"));
        }
        let all = (1..self.places.len()).all(|site| self.outcome.ended.contains_key(&site));
        if all && self.outcome.all_ended.is_none() {
            self.outcome.all_ended = Some(self.spent());
        }
    }

    fn answer(&mut self, decision: Option<Decision>) {
        let spent = self.spent();
        self.outcome.answer.get_or_insert((decision, spent));
        let (told, outcome) = match decision {
            Some(Decision::Commit) => ("committed", "answered: committed"),
            Some(Decision::Abort) => ("aborted", "answered: aborted"),
            None => ("unknown", "unknown"),
        };
        self.tell(format!("the client is answered: {told}"));
        self.keep(|| Item::Answered { request: 1, outcome: outcome.to_owned() });
    }
}
