//! Our own commit in the world of one transaction: [`Coordinator`] and [`Records`] as they ship, over logs that our own Raft
//! replicates.
//!
//! Participant *p* is a partition of three replicas, on sites *p*, *p+1* and *p+2* counted round; site *p* leads it at first.
//! Partition 1 is home. Site 0 conducts. What a transaction reads is at hand when it begins, as for the textbooks.
//! A participant that votes no has a version that changed.

mod conducting;
mod message;
mod replica;

pub(crate) use message::Message;

use super::site::{Input, Output, Outputs, Site};
use super::{DELAY_US, FLUSH_US};
use conducting::Conducting;
use replica::{Durable, Replica};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use synod_consensus::Role;
use synod_txn::textbook::Decision;
use synod_txn::{Answer, Step, TxnId};
use synod_types::{Millis, NodeId};

/// Sites tick once in the longest time that a message takes.
const TICK_US: u64 = DELAY_US + FLUSH_US;
/// After so many ticks in which nothing is heard a leader asks, and who conducts gives an answer up.
const SILENT_TICKS: u64 = 20;
/// How many replicas a partition has.
const REPLICAS: usize = 3;
/// The one transaction.
const TXN: TxnId = TxnId { node: NodeId(1), worker: 0, number: 1 };

/// The sites of a partition's replicas.
fn hosts(participant: usize, sites: usize) -> impl Iterator<Item = usize> {
    (0..REPLICAS).map(move |at| (participant + at) % sites)
}

/// What a leader asked another partition.
#[derive(Clone, Copy)]
enum Question {
    /// Home, about an intent here.
    Resolve,
    /// One that home's stage rests on.
    Inquire,
    /// One that has to end what home decided.
    Finish,
}

/// A node.
pub(crate) struct Replicated {
    me: usize,
    sites: usize,
    parallel: bool,
    no: BTreeSet<usize>,
    replicas: BTreeMap<usize, Replica>,
    conducting: Option<Conducting>,
    ticks: u64,
    /// Names questions, so that no answer to an earlier life is taken for one to this.
    tickets: u64,
    /// Questions of leaders here: on behalf of which participant, to which.
    asked: BTreeMap<u64, (usize, usize, Question)>,
    /// For home here: who keeps its part of what is staged.
    found: BTreeSet<usize>,
    /// For home here: who has ended what was committed.
    settled: BTreeSet<usize>,
    /// Messages of this site to itself.
    own: VecDeque<Message>,
}

impl Replicated {
    pub fn new(me: usize, sites: usize, no: BTreeSet<usize>, parallel: bool) -> Self {
        let held = (1..sites).filter(|participant| hosts(*participant, sites).any(|s| s == me));
        let replicas = held.map(|of| (of, Replica::new(me, of, hosts(of, sites)))).collect();
        Self {
            me,
            sites,
            parallel,
            no,
            replicas,
            conducting: None,
            ticks: 0,
            tickets: 0,
            asked: BTreeMap::new(),
            found: BTreeSet::new(),
            settled: BTreeSet::new(),
            own: VecDeque::new(),
        }
    }

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    fn send(&mut self, to: usize, message: Message, out: &mut Outputs<Self>) {
        if to == self.me {
            self.own.push_back(message);
        } else {
            out.push(Output::Send(to, message));
        }
    }

    /// Asks all replicas of a partition; the one that leads answers.
    fn ask_all(
        &mut self,
        of: usize,
        (whom, question): (usize, Question),
        step: &Step<'_>,
        out: &mut Outputs<Self>,
    ) {
        let ticket = self.ticket();
        self.asked.insert(ticket, (of, whom, question));
        let message = Message::ask(whom, ticket, step);
        for host in hosts(whom, self.sites) {
            self.send(host, message.clone(), out);
        }
    }

    fn receive(&mut self, from: usize, message: Message, out: &mut Outputs<Self>) {
        match message {
            Message::Peer(of, message) => {
                if let Some(replica) = self.replicas.get_mut(&of) {
                    replica.engine.step(NodeId(from as u64 + 1), message);
                }
            }
            Message::Ask { of, ticket, step } => {
                if let Some(replica) = self.replicas.get_mut(&of) {
                    replica.propose(Some((from, ticket)), &step, Millis(self.ticks));
                }
            }
            Message::Answer { ticket, answer, .. } => self.answered(ticket, answer, out),
        }
    }

    fn answered(&mut self, ticket: u64, answer: Answer, out: &mut Outputs<Self>) {
        if self.conducting.as_ref().is_some_and(|conducting| conducting.awaits(ticket)) {
            self.conduct(|conducting, ticks| conducting.answered(ticket, answer, ticks), out);
            return;
        }
        let Some((of, whom, question)) = self.asked.remove(&ticket) else { return };
        let others = self.sites - 2;
        let step = match (question, answer) {
            (Question::Resolve, Answer::Yes) => Step::Finish { txn: TXN, commit: true },
            (Question::Resolve, Answer::No) => Step::Finish { txn: TXN, commit: false },
            (Question::Inquire, Answer::No) => Step::Conclude { txn: TXN, commit: false },
            (Question::Inquire, Answer::Yes) => {
                self.found.insert(whom);
                if self.found.len() < others {
                    return;
                }
                Step::Conclude { txn: TXN, commit: true }
            }
            (Question::Finish, _) => {
                self.settled.insert(whom);
                if self.settled.len() < others {
                    return;
                }
                Step::Forget { txn: TXN }
            }
            _ => return, // it is asked again after a while
        };
        if let Some(replica) = self.replicas.get_mut(&of) {
            replica.propose(None, &message::encode(&step), Millis(self.ticks));
        }
    }

    /// Lets the one who conducts act, and sends what it wants sent: to the site that leads the partition at first.
    fn conduct(
        &mut self,
        act: impl FnOnce(&mut Conducting, u64) -> Vec<conducting::Wish>,
        out: &mut Outputs<Self>,
    ) {
        let Some(mut conducting) = self.conducting.take() else { return };
        for wish in act(&mut conducting, self.ticks) {
            match wish {
                conducting::Wish::Ask { of, step, part } => {
                    let ticket = self.ticket();
                    if let Some(part) = part {
                        conducting.awaited.insert(ticket, part);
                    }
                    self.send(of, Message::Ask { of, ticket, step }, out);
                }
                conducting::Wish::Answer(decision) => out.push(Output::Answer(decision)),
            }
        }
        self.conducting = (!conducting.is_over()).then_some(conducting);
    }

    fn tick(&mut self, out: &mut Outputs<Self>) {
        self.ticks += 1;
        out.push(Output::Timer(Some(TICK_US)));
        let late = self.conducting.as_ref().map(|conducting| conducting.late(self.ticks));
        for ticket in late.unwrap_or_default() {
            self.answered(ticket, Answer::Unknown, out);
        }
        let mut silent = Vec::new();
        for (of, replica) in &mut self.replicas {
            replica.engine.tick();
            if replica.is_silent(self.ticks) {
                silent.push(*of);
            }
        }
        for of in silent {
            let records = &self.replicas[&of].records;
            let mut questions = Vec::new();
            match (records.staged().next(), records.intents().next()) {
                (Some((txn, rests)), _) => {
                    for (other, until) in rests {
                        let step = Step::Inquire { txn, until: *until };
                        questions.push((other.0 as usize, Question::Inquire, step));
                    }
                }
                (None, Some((txn, intent))) => {
                    let step = Step::Resolve { txn, deadline: intent.deadline };
                    questions.push((conducting::HOME, Question::Resolve, step));
                }
                (None, None) => {}
            }
            for other in records.committed().flat_map(|(_, others)| others) {
                let step = Step::Finish { txn: TXN, commit: true };
                questions.push((other.0 as usize, Question::Finish, step));
            }
            for (whom, question, step) in questions {
                self.ask_all(of, (whom, question), &step, out);
            }
        }
    }

    /// Does what the engines want done, until nothing is left that can be done at once.
    fn drain(&mut self, mut out: Outputs<Self>) -> Outputs<Self> {
        let mut durable: Vec<Durable> = Vec::new();
        loop {
            let mut busy = false;
            if let Some(message) = self.own.pop_front() {
                busy = true;
                self.receive(self.me, message, &mut out);
            }
            let parts: Vec<usize> = self.replicas.keys().copied().collect();
            for of in parts {
                let says_no = self.no.contains(&of);
                let Some(replica) = self.replicas.get_mut(&of) else { continue };
                let drained = replica.drain(of, says_no);
                busy |= drained.busy;
                durable.extend(drained.durable);
                if let Some(term) = drained.leads {
                    out.push(Output::Leads(of, term));
                }
                out.extend(drained.notes.into_iter().map(Output::Note));
                for decision in drained.ended {
                    out.push(Output::Ended(of, decision));
                }
                for (to, message) in drained.sends {
                    self.send(to, message, &mut out);
                }
            }
            if !busy {
                break;
            }
        }
        if !durable.is_empty() {
            out.push(Output::Persist(durable));
        }
        out
    }
}

impl Site for Replicated {
    type Message = Message;
    type Record = Vec<Durable>;

    fn step(&mut self, input: Input<Message>) -> Outputs<Self> {
        let mut out = Vec::new();
        match input {
            Input::Start => {
                if let Some(replica) = self.replicas.get_mut(&self.me) {
                    replica.engine.campaign();
                }
                // Sites do not tick at the same moment.
                out.push(Output::Timer(Some(TICK_US + self.me as u64)));
            }
            Input::Begin => {
                if self.me == 0 {
                    self.conducting = Some(Conducting::new(self.sites, self.ticks, self.parallel));
                    self.conduct(Conducting::begin, &mut out);
                }
            }
            Input::Message(from, message) => self.receive(from, message, &mut out),
            Input::Timeout => self.tick(&mut out),
        }
        self.drain(out)
    }

    fn persisted(&mut self, record: Vec<Durable>) -> Outputs<Self> {
        for durable in record {
            if let Some(replica) = self.replicas.get_mut(&durable.of) {
                replica.persisted(durable);
            }
        }
        self.drain(Vec::new())
    }

    fn restart(&mut self) -> Outputs<Self> {
        self.replicas.values_mut().for_each(Replica::restart);
        self.conducting = None;
        self.asked.clear();
        self.settled.clear();
        self.found.clear();
        self.own.clear();
        self.tickets += 1 << 32;
        self.drain(vec![Output::Timer(Some(TICK_US))])
    }

    fn in_doubt(&self) -> Vec<usize> {
        let held = self.replicas.iter();
        let held = held.filter(|(_, replica)| replica.records.intents().next().is_some());
        held.map(|(of, _)| *of).collect()
    }

    fn is_counted(message: &Message) -> bool {
        !message.is_beat()
    }
}

/// How a participant that is asked to end it does so.
fn decision(commit: bool) -> Decision {
    if commit { Decision::Commit } else { Decision::Abort }
}

/// Whether a replica leads.
fn leads(role: Role) -> bool {
    role == Role::Leader
}
