//! Two-phase commit, and its cooperative termination: who is in doubt and hears nothing asks everybody.
//!
//! ```text
//!   participant:  Working --Prepare--> Ready --Decide--> Ended
//!                    |                   |
//!                    | silence, Inquire  | silence: Inquire to all, again and again
//!                    v                   v
//!                 aborted             blocked until somebody answers who knows, or who has not voted
//! ```
//!
//! A site that is Ready cannot help another that is. So if the coordinator and everybody who heard from it are gone, those who
//! are left wait: the others may have committed, or may have aborted.

use super::{
    COORDINATOR, Decision, Input, Machine, Message, Output, SiteId, State, end, others, send_all,
};
use std::collections::BTreeSet;

/// A participant that hears nothing for so many rounds takes it that it will not.
const PATIENCE_ROUNDS: u32 = 2;

/// One site of two-phase commit.
#[derive(Clone, Debug)]
pub struct TwoPhase {
    me: SiteId,
    sites: usize,
    vote: bool,
    state: State,
    /// At the coordinator: whose votes are missing.
    missing: BTreeSet<SiteId>,
}

impl Machine for TwoPhase {
    fn new(me: SiteId, sites: usize, vote: bool) -> Self {
        Self { me, sites, vote, state: State::Working, missing: BTreeSet::new() }
    }

    fn restart(me: SiteId, sites: usize, disk: State) -> (Self, Vec<Output>) {
        let mut site = Self { state: disk, ..Self::new(me, sites, true) };
        let outputs = match disk {
            // It has promised nothing to anybody, and never will.
            State::Working => site.decide(Decision::Abort),
            State::Ready | State::PreCommitted => site.inquire(),
            State::Ended(decision) => {
                let mut outputs = vec![Output::Ended(decision)];
                if me == COORDINATOR {
                    outputs.extend(send_all(others(me, sites), Message::Decide(decision)));
                }
                outputs
            }
        };
        (site, outputs)
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        match input {
            Input::Begin if self.me == COORDINATOR => {
                self.missing = others(self.me, self.sites).collect();
                let mut outputs = send_all(self.missing.iter().copied(), Message::Prepare);
                outputs.push(Output::Timer(1));
                outputs
            }
            Input::Begin => vec![Output::Timer(PATIENCE_ROUNDS)],
            Input::Timeout => match self.state {
                State::Working => self.decide(Decision::Abort),
                State::Ready => self.inquire(),
                State::PreCommitted | State::Ended(_) => Vec::new(),
            },
            Input::Message(from, message) => self.receive(from, message),
        }
    }

    fn state(&self) -> State {
        self.state
    }
}

impl TwoPhase {
    fn receive(&mut self, from: SiteId, message: Message) -> Vec<Output> {
        match (message, self.state) {
            (Message::Prepare, State::Working) if self.vote => {
                self.state = State::Ready;
                vec![
                    Output::Persist(State::Ready),
                    Output::Send(from, Message::Vote(true)),
                    Output::Timer(PATIENCE_ROUNDS),
                ]
            }
            (Message::Prepare, State::Working) => {
                let mut outputs = self.decide(Decision::Abort);
                outputs.push(Output::Send(from, Message::Vote(false)));
                outputs
            }
            (Message::Prepare, State::Ended(Decision::Abort)) => {
                vec![Output::Send(from, Message::Vote(false))]
            }
            (Message::Vote(true), State::Working) => {
                let last = self.missing.remove(&from) && self.missing.is_empty();
                if last { self.decide(Decision::Commit) } else { Vec::new() }
            }
            (Message::Vote(false), State::Working) => self.decide(Decision::Abort),
            (Message::Decide(decision), State::Working | State::Ready) => {
                self.state = State::Ended(decision);
                end(self.me, decision)
            }
            (Message::Inquire, State::Ended(decision)) => {
                vec![Output::Send(from, Message::Decide(decision))]
            }
            // Who has not voted may abort, and that is an answer.
            (Message::Inquire, State::Working) if self.me != COORDINATOR => {
                let mut outputs = self.decide(Decision::Abort);
                outputs.push(Output::Send(from, Message::Decide(Decision::Abort)));
                outputs
            }
            _ => Vec::new(),
        }
    }

    /// Decides by itself. The coordinator tells everybody.
    fn decide(&mut self, decision: Decision) -> Vec<Output> {
        self.state = State::Ended(decision);
        let mut outputs = end(self.me, decision);
        if self.me == COORDINATOR {
            outputs.extend(send_all(others(self.me, self.sites), Message::Decide(decision)));
        }
        outputs
    }

    /// Cooperative termination.
    fn inquire(&self) -> Vec<Output> {
        let mut outputs = send_all(others(self.me, self.sites), Message::Inquire);
        outputs.push(Output::Timer(PATIENCE_ROUNDS));
        outputs
    }
}
