//! What the world of one transaction asks of a site, and the textbooks' machines as such sites.

use super::ROUND_US;
use std::fmt;
use synod_txn::textbook::{self, Decision, Machine, SiteId, State};

/// What happens to a site.
#[derive(Clone, Debug)]
pub(crate) enum Input<M> {
    /// The world begins. It settles before the transaction does.
    Start,
    /// The transaction is to be committed.
    Begin,
    /// A message came.
    Message(usize, M),
    /// The timer ran out.
    Timeout,
}

/// What a site wants done. In order: what stands behind a `Persist` waits until that is on the disk.
#[derive(Clone, Debug)]
pub(crate) enum Output<M, R> {
    /// Force this to the disk, then call [`Site::persisted`].
    Persist(R),
    /// Send, or lose.
    Send(usize, M),
    /// A timeout after so many microseconds, in place of the last one; `None`: none.
    Timer(Option<u64>),
    /// A participant has ended it here.
    Ended(usize, Decision),
    /// The client is answered; `None`: what became of it is not known.
    Answer(Option<Decision>),
    /// What a look at the site shows from now on.
    Note(String),
    /// The site leads the group of a participant, in a term.
    Leads(usize, u64),
}

/// Everything a site wants done.
pub(crate) type Outputs<S> = Vec<Output<<S as Site>::Message, <S as Site>::Record>>;

/// A site: what runs on it, and its disk.
pub(crate) trait Site {
    type Message: Clone + fmt::Display;
    type Record;
    fn step(&mut self, input: Input<Self::Message>) -> Outputs<Self>
    where
        Self: Sized;
    /// This is on the disk.
    fn persisted(&mut self, record: Self::Record) -> Outputs<Self>
    where
        Self: Sized;
    /// Everything but the disk is lost, and the site runs again.
    fn restart(&mut self) -> Outputs<Self>
    where
        Self: Sized;
    /// The participants that are in doubt here.
    fn in_doubt(&self) -> Vec<usize>;
    /// Whether a message is part of the transaction, and no sign of life.
    fn is_counted(message: &Self::Message) -> bool;
}

/// A machine of the textbooks and its disk. The coordinator counts as a participant that writes nothing.
#[derive(Debug)]
pub(crate) struct Textbook<P> {
    me: usize,
    sites: usize,
    machine: P,
    disk: State,
}

impl<P: Machine> Textbook<P> {
    pub fn new(me: usize, sites: usize, vote: bool) -> Self {
        Self { me, sites, machine: P::new(SiteId(me), sites, vote), disk: State::Working }
    }

    fn outputs(&self, outputs: Vec<textbook::Output>) -> Outputs<Self> {
        let one = |output| match output {
            textbook::Output::Persist(state) => Output::Persist(state),
            textbook::Output::Send(to, message) => Output::Send(to.0, message),
            textbook::Output::Timer(0) => Output::Timer(None),
            textbook::Output::Timer(rounds) => Output::Timer(Some(u64::from(rounds) * ROUND_US)),
            textbook::Output::Ended(decision) => Output::Ended(self.me, decision),
            textbook::Output::Answer(decision) => Output::Answer(Some(decision)),
        };
        outputs.into_iter().map(one).collect()
    }
}

impl<P: Machine> Site for Textbook<P> {
    type Message = textbook::Message;
    type Record = State;

    fn step(&mut self, input: Input<textbook::Message>) -> Outputs<Self> {
        let input = match input {
            Input::Start => return Vec::new(),
            Input::Begin => textbook::Input::Begin,
            Input::Message(from, message) => textbook::Input::Message(SiteId(from), message),
            Input::Timeout => textbook::Input::Timeout,
        };
        let outputs = self.machine.step(input);
        self.outputs(outputs)
    }

    fn persisted(&mut self, record: State) -> Outputs<Self> {
        self.disk = record;
        vec![Output::Note(record.to_string())]
    }

    fn restart(&mut self) -> Outputs<Self> {
        let (machine, outputs) = P::restart(SiteId(self.me), self.sites, self.disk);
        self.machine = machine;
        self.outputs(outputs)
    }

    fn in_doubt(&self) -> Vec<usize> {
        match self.machine.state().decision() {
            Some(_) => Vec::new(),
            None => vec![self.me],
        }
    }

    fn is_counted(_: &textbook::Message) -> bool {
        true
    }
}
