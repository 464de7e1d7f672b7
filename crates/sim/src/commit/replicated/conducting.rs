//! The one who conducts: [`Coordinator`], whose first step, to fetch, is answered on the spot.

use super::message::encode;
use super::{SILENT_TICKS, TXN};
use std::collections::{BTreeMap, VecDeque};
use synod_txn::textbook::Decision;
use synod_txn::{Action, Answer, Ask, Coordinator, Fetched, Outcome, Part};
use synod_types::{Millis, PartitionId};

/// The participant that decides.
pub(super) const HOME: usize = 1;

/// What it wants done.
pub(super) enum Wish {
    /// Ask the one who leads a partition; the part whose answer is awaited.
    Ask { of: usize, step: Vec<u8>, part: Option<usize> },
    /// Answer the client.
    Answer(Option<Decision>),
}

/// A transaction that is conducted here.
pub(super) struct Conducting {
    coordinator: Coordinator,
    /// The part that each question was put to.
    pub awaited: BTreeMap<u64, usize>,
    /// When it asked last, in ticks.
    since: u64,
    over: bool,
}

fn key(participant: u32) -> Vec<u8> {
    format!("key {participant}").into_bytes()
}

impl Conducting {
    pub fn new(sites: usize, ticks: u64, parallel: bool) -> Self {
        let part = |of| Part { partition: PartitionId(of), keys: vec![key(of)], locks: Vec::new() };
        let coordinator = Coordinator::new((1..sites as u32).map(part).collect(), false, 0)
            .with_parallel_commit(parallel);
        Self { coordinator, awaited: BTreeMap::new(), since: ticks, over: false }
    }

    pub fn awaits(&self, ticket: u64) -> bool {
        self.awaited.contains_key(&ticket)
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    /// What was asked too long ago.
    pub fn late(&self, ticks: u64) -> Vec<u64> {
        let late = ticks >= self.since + SILENT_TICKS;
        self.awaited.keys().copied().filter(|_| late).collect()
    }

    pub fn begin(&mut self, ticks: u64) -> Vec<Wish> {
        let actions = self.coordinator.begin(TXN);
        self.perform(actions, ticks)
    }

    pub fn answered(&mut self, ticket: u64, answer: Answer, ticks: u64) -> Vec<Wish> {
        let Some(part) = self.awaited.remove(&ticket) else { return Vec::new() };
        let actions = self.coordinator.answered(part, answer, ticks);
        self.perform(actions, ticks)
    }

    fn perform(&mut self, actions: Vec<Action>, ticks: u64) -> Vec<Wish> {
        let mut wishes = Vec::new();
        let mut left: VecDeque<Action> = actions.into();
        while let Some(action) = left.pop_front() {
            match action {
                Action::Send(part, Ask::Fetch(_)) => {
                    let items = vec![(1, None)];
                    let fetched = Fetched { now: Millis(ticks), items, ..Fetched::default() };
                    left.extend(self.coordinator.answered(part, Answer::Fetched(fetched), ticks));
                }
                // No locks are taken here: nobody else wants the keys.
                Action::Send(_, Ask::Release) => {}
                Action::Send(part, ask) => {
                    self.since = ticks;
                    let of = self.coordinator.parts()[part].partition.0 as usize;
                    let step = encode(&self.coordinator.step(part, ask));
                    let part = ask.is_awaited().then_some(part);
                    wishes.push(Wish::Ask { of, step, part });
                }
                Action::Run => {
                    let write = |part: &Part| vec![(part.keys[0].clone(), Some(b"new".to_vec()))];
                    let writes = self.coordinator.parts().iter().map(write).collect();
                    left.extend(self.coordinator.ran(writes));
                }
                // This world tries once.
                Action::Again => {
                    wishes.push(Wish::Answer(Some(Decision::Abort)));
                    self.over = true;
                }
                Action::Answer(outcome) => wishes.push(Wish::Answer(match outcome {
                    Outcome::Done => Some(Decision::Commit),
                    Outcome::Refused(_) => Some(Decision::Abort),
                    Outcome::Unknown => None,
                })),
                Action::End => self.over = true,
            }
        }
        wishes
    }
}
