//! Three-phase commit, and Skeen's termination: those who are left elect one of them, who looks where all stand and decides.
//!
//! ```text
//!   silence --> Electing: do those before me in line live? --yes--> Following, for a while
//!                   |  no
//!                   v
//!               Collecting: where does everybody stand?
//!                   |  somebody knows the decision: that
//!                   |  somebody is pre-committed:   PreCommit to all who are Ready, then commit
//!                   |  nobody is:                   abort
//!                   v
//!               Ended
//! ```
//!
//! Nobody commits while anybody who lives is Ready and in doubt. So whoever is left sees from where they stand what the others can have
//! done: if all of them are Ready nobody has committed. That rests on two things: a message takes no longer than is known,
//! and who is silent is dead. In a cut network who is silent lives, and may decide the other way.
//!
//! A site that restarted has missed what was said meanwhile. It does not count among those who are left, and only asks. If
//! everybody did restart, all of them together know enough, from their disks.

use super::{
    COORDINATOR, Decision, Input, Machine, Message, Output, SiteId, State, end, others, send_all,
};
use std::collections::{BTreeMap, BTreeSet};

/// A participant that hears nothing for so many rounds takes it that its coordinator is gone.
const PATIENCE_ROUNDS: u32 = 2;
/// A site that knows one before it in line to live leaves it so many rounds to lead.
const LEADER_ROUNDS: u32 = 4;

/// What the timer stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Somebody else leads.
    Following,
    /// The coordinator waits for votes.
    Voting,
    /// Who leads waits for acks.
    PreCommitting,
    /// Those before it in line are asked whether they live.
    Electing,
    /// Everybody is asked where it stands.
    Collecting,
    /// It restarted, and those who answered do not know enough.
    Asking,
}

/// One site of three-phase commit.
#[derive(Clone, Debug)]
pub struct ThreePhase {
    me: SiteId,
    sites: usize,
    vote: bool,
    state: State,
    restarted: bool,
    phase: Phase,
    /// Whose votes or acks are missing.
    missing: BTreeSet<SiteId>,
    /// Where each that answered stands, and whether it restarted.
    reports: BTreeMap<SiteId, (State, bool)>,
}

/// What those who are left may do, from where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    End(Decision),
    /// Have everybody know first that all agreed.
    PreCommit,
}

fn verdict(states: impl Iterator<Item = State> + Clone) -> Verdict {
    match states.clone().find_map(State::decision) {
        Some(decision) => Verdict::End(decision),
        None if states.clone().any(|state| state == State::PreCommitted) => Verdict::PreCommit,
        None => Verdict::End(Decision::Abort),
    }
}

impl Machine for ThreePhase {
    fn new(me: SiteId, sites: usize, vote: bool) -> Self {
        Self {
            me,
            sites,
            vote,
            state: State::Working,
            restarted: false,
            phase: Phase::Following,
            missing: BTreeSet::new(),
            reports: BTreeMap::new(),
        }
    }

    fn restart(me: SiteId, sites: usize, disk: State) -> (Self, Vec<Output>) {
        let mut site = Self { state: disk, restarted: true, ..Self::new(me, sites, true) };
        let outputs = match disk {
            // No vote, and at the coordinator no PreCommit, has left it: nobody can have committed.
            State::Working => site.decide(Decision::Abort),
            State::Ready | State::PreCommitted => site.collect(),
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
                self.ask(Phase::Voting, others(self.me, self.sites).collect(), Message::Prepare)
            }
            Input::Begin => vec![Output::Timer(PATIENCE_ROUNDS)],
            Input::Timeout => self.time_out(),
            Input::Message(from, message) => self.receive(from, message),
        }
    }

    fn state(&self) -> State {
        self.state
    }
}

impl ThreePhase {
    fn time_out(&mut self) -> Vec<Output> {
        match (self.state, self.phase) {
            (State::Ended(_), _) => Vec::new(),
            (State::Working, _) => self.decide(Decision::Abort),
            (_, Phase::Following) => self.elect(),
            (_, Phase::Electing | Phase::Asking) => self.collect(),
            (_, Phase::Collecting) => self.conclude(),
            // Who is silent is dead.
            (_, Phase::PreCommitting | Phase::Voting) => self.decide(Decision::Commit),
        }
    }

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
            (Message::Vote(true), State::Working) => match self.is_last(from) {
                true => self.pre_commit(others(self.me, self.sites).collect()),
                false => Vec::new(),
            },
            (Message::Vote(false), State::Working) => self.decide(Decision::Abort),
            (Message::PreCommit, State::Ready) if !self.restarted => {
                self.state = State::PreCommitted;
                self.phase = Phase::Following;
                vec![
                    Output::Persist(State::PreCommitted),
                    Output::Send(from, Message::Ack),
                    Output::Timer(PATIENCE_ROUNDS),
                ]
            }
            (Message::Ack, State::PreCommitted) if self.phase == Phase::PreCommitting => {
                match self.is_last(from) {
                    true => self.decide(Decision::Commit),
                    false => Vec::new(),
                }
            }
            (Message::Decide(_), State::Ended(_)) => Vec::new(),
            (Message::Decide(decision), _) => {
                self.state = State::Ended(decision);
                end(self.me, decision)
            }
            (Message::Elect | Message::Inquire | Message::Report(..) | Message::Alive, _) => {
                self.receive_of_termination(from, message)
            }
            _ => Vec::new(),
        }
    }

    fn receive_of_termination(&mut self, from: SiteId, message: Message) -> Vec<Output> {
        match message {
            Message::Elect | Message::Inquire if self.state == State::Working => {
                let mut outputs = self.decide(Decision::Abort);
                outputs.push(Output::Send(from, Message::Decide(Decision::Abort)));
                outputs
            }
            Message::Elect => match self.state.decision() {
                Some(decision) => vec![Output::Send(from, Message::Decide(decision))],
                None if self.restarted => Vec::new(),
                None => {
                    let mut outputs = vec![Output::Send(from, Message::Alive)];
                    if self.phase == Phase::Following {
                        outputs.extend(self.elect());
                    }
                    outputs
                }
            },
            Message::Alive if self.phase == Phase::Electing && self.state.decision().is_none() => {
                self.phase = Phase::Following;
                vec![Output::Timer(LEADER_ROUNDS)]
            }
            Message::Inquire => {
                vec![Output::Send(from, Message::Report(self.state, self.restarted))]
            }
            Message::Report(state, restarted)
                if self.phase == Phase::Collecting && self.state.decision().is_none() =>
            {
                self.reports.insert(from, (state, restarted));
                let all = self.reports.len() == self.sites;
                if all || state.decision().is_some() { self.conclude() } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }

    fn is_last(&mut self, from: SiteId) -> bool {
        self.missing.remove(&from) && self.missing.is_empty()
    }

    fn ask(&mut self, phase: Phase, whom: BTreeSet<SiteId>, message: Message) -> Vec<Output> {
        self.phase = phase;
        self.missing = whom;
        let mut outputs = send_all(self.missing.iter().copied(), message);
        outputs.push(Output::Timer(1));
        outputs
    }

    /// Asks those before it in line whether they live. Nobody is before the coordinator.
    fn elect(&mut self) -> Vec<Output> {
        match self.me {
            COORDINATOR => self.collect(),
            me => self.ask(Phase::Electing, (0..me.0).map(SiteId).collect(), Message::Elect),
        }
    }

    /// Asks everybody where it stands.
    fn collect(&mut self) -> Vec<Output> {
        self.reports = BTreeMap::from([(self.me, (self.state, self.restarted))]);
        let all = others(self.me, self.sites).collect();
        self.ask(Phase::Collecting, all, Message::Inquire)
    }

    /// Everybody who lives has answered.
    fn conclude(&mut self) -> Vec<Output> {
        let reports = std::mem::take(&mut self.reports);
        let decided = reports.values().find_map(|(state, _)| state.decision());
        let complete =
            reports.len() == self.sites && reports.values().all(|(_, restarted)| *restarted);
        if self.restarted && decided.is_none() && !complete {
            self.phase = Phase::Asking;
            return vec![Output::Timer(PATIENCE_ROUNDS)];
        }
        let counts = |(_, (state, restarted)): &(&SiteId, &(State, bool))| {
            !*restarted || state.decision().is_some() || self.restarted
        };
        let left = reports.iter().filter(counts);
        match verdict(left.clone().map(|(_, (state, _))| *state)) {
            Verdict::End(decision) => self.decide(decision),
            // All restarted, so all that anybody promised is on disks and known here.
            Verdict::PreCommit if self.restarted => self.decide(Decision::Commit),
            Verdict::PreCommit => {
                let ready = left.filter(|(_, (state, _))| *state == State::Ready);
                let whom = ready.map(|(site, _)| *site).filter(|site| *site != self.me).collect();
                self.pre_commit(whom)
            }
        }
    }

    /// Has these know that everybody voted yes.
    fn pre_commit(&mut self, whom: BTreeSet<SiteId>) -> Vec<Output> {
        let mut outputs = Vec::new();
        if self.state != State::PreCommitted {
            self.state = State::PreCommitted;
            outputs.push(Output::Persist(State::PreCommitted));
        }
        if whom.is_empty() {
            outputs.extend(self.decide(Decision::Commit));
        } else {
            outputs.extend(self.ask(Phase::PreCommitting, whom, Message::PreCommit));
        }
        outputs
    }

    /// Decides. Who leads tells everybody; a participant that aborts before it voted does not lead.
    fn decide(&mut self, decision: Decision) -> Vec<Output> {
        let leads = self.me == COORDINATOR || self.state != State::Working;
        self.state = State::Ended(decision);
        let mut outputs = end(self.me, decision);
        if leads {
            outputs.extend(send_all(others(self.me, self.sites), Message::Decide(decision)));
        }
        outputs
    }
}
