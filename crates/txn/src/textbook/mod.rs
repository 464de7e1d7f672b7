//! Two-phase and three-phase commit as textbooks have them, for comparison with our own: a coordinator that is one site, and
//! participants that are one site each, none of them replicated.
//!
//! ```text
//!   two phases                                   three phases
//!   coordinator          participant             coordinator          participant
//!       |---- Prepare ------->|                      |---- Prepare ------->|
//!       |                  [Ready]                   |                  [Ready]
//!       |<------ yes ---------|                      |<------ yes ---------|
//!   [Committed]               |   in doubt       [PreCommitted]            |   in doubt
//!       |---- Decide -------->|                      |---- PreCommit ----->|
//!       |                 [Committed]                |               [PreCommitted]
//!                                                    |<------ Ack ---------|   knows that all agreed
//!                                                [Committed]               |
//!                                                    |---- Decide -------->|
//!                                                    |                 [Committed]
//! ```
//!
//! In brackets stands what is forced to the disk before anything else is done. Both are step machines: what happened comes in
//! ([`Input`]), what is to be done goes out in order ([`Output`]). The world that drives them and our own through the
//! same trouble is `sim/src/commit`.
//!
//! Sources: Gray, "Notes on data base operating systems" (1978), for two phases; Skeen, "Nonblocking commit protocols"
//! (SIGMOD 1981), for three; Bernstein, Hadzilacos and Goodman, "Concurrency control and recovery in database systems"
//! (1987), chapter 7, for both and for how they are ended when the coordinator is silent.

mod three_phase;
mod two_phase;

#[cfg(test)]
mod tests;

pub use three_phase::ThreePhase;
pub use two_phase::TwoPhase;

use std::fmt;

/// A site: 0 is the coordinator, the others are the participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SiteId(pub usize);

/// The site of the coordinator. It has nothing of its own to write.
pub const COORDINATOR: SiteId = SiteId(0);

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Everything is written.
    Commit,
    /// Nothing is.
    Abort,
}

/// Where a site stands, and what it writes to its disk. Nothing on the disk means [`State::Working`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It has promised nothing: it may still abort by itself.
    #[default]
    Working,
    /// It has voted yes, and can neither commit nor abort by itself.
    Ready,
    /// Three phases only: it knows that everybody voted yes.
    PreCommitted,
    /// It is over.
    Ended(Decision),
}

impl State {
    /// The decision, where there is one.
    #[must_use]
    pub const fn decision(self) -> Option<Decision> {
        match self {
            Self::Ended(decision) => Some(decision),
            _ => None,
        }
    }
}

/// What sites say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The coordinator asks for a vote.
    Prepare,
    /// A participant's vote.
    Vote(bool),
    /// Three phases only: everybody voted yes.
    PreCommit,
    /// Three phases only: the answer to that.
    Ack,
    /// How it ended.
    Decide(Decision),
    /// How did it end, or where do you stand?
    Inquire,
    /// Three phases only: who is asked stands here, and did or did not restart since it began.
    Report(State, bool),
    /// Three phases only: do you live, who come before me in line?
    Elect,
    /// The answer to that: the sender will lead, or someone before it.
    Alive,
}

/// What happened to a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The work is done, and the transaction is to be committed. All sites know of it by then.
    Begin,
    /// A message came.
    Message(SiteId, Message),
    /// The timer ran out.
    Timeout,
}

/// What a site wants done. In order: what stands behind a `Persist` waits until that is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Force this to the disk, in place of what was there.
    Persist(State),
    /// Send, or lose.
    Send(SiteId, Message),
    /// Call [`Input::Timeout`] after so many rounds, in place of any earlier timer; 0: never. A round is the longest time that a question,
    /// what has to be forced to disks for it, and the answer take, if all is well.
    Timer(u32),
    /// It is over for this site.
    Ended(Decision),
    /// The coordinator answers the client.
    Answer(Decision),
}

/// One site of a protocol.
pub trait Machine: Sized {
    /// A site of so many, the coordinator included, before anything has happened. `vote` is what it answers to Prepare.
    fn new(me: SiteId, sites: usize, vote: bool) -> Self;
    /// The site after a crash, with what is on its disk; [`State::Working`] if nothing is.
    fn restart(me: SiteId, sites: usize, disk: State) -> (Self, Vec<Output>);
    /// Something happened.
    fn step(&mut self, input: Input) -> Vec<Output>;
    /// Where it stands.
    fn state(&self) -> State;
}

/// All sites but one.
fn others(me: SiteId, sites: usize) -> impl Iterator<Item = SiteId> {
    (0..sites).map(SiteId).filter(move |site| *site != me)
}

fn send_all(to: impl IntoIterator<Item = SiteId>, message: Message) -> Vec<Output> {
    to.into_iter().map(|site| Output::Send(site, message)).collect()
}

/// A decision on the disk first, then known.
fn end(me: SiteId, decision: Decision) -> Vec<Output> {
    let mut outputs =
        vec![Output::Timer(0), Output::Persist(State::Ended(decision)), Output::Ended(decision)];
    if me == COORDINATOR {
        outputs.push(Output::Answer(decision));
    }
    outputs
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            COORDINATOR => f.write_str("the coordinator"),
            Self(number) => write!(f, "participant {number}"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "commit",
            Self::Abort => "abort",
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Working => "working",
            Self::Ready => "ready",
            Self::PreCommitted => "pre-committed",
            Self::Ended(Decision::Commit) => "committed",
            Self::Ended(Decision::Abort) => "aborted",
        })
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepare => f.write_str("prepare"),
            Self::Vote(true) => f.write_str("vote: yes"),
            Self::Vote(false) => f.write_str("vote: no"),
            Self::PreCommit => f.write_str("pre-commit"),
            Self::Ack => f.write_str("ack"),
            Self::Decide(decision) => write!(f, "decided: {decision}"),
            Self::Inquire => f.write_str("inquire"),
            Self::Report(state, false) => write!(f, "report: {state}"),
            Self::Report(state, true) => write!(f, "report: {state}, restarted"),
            Self::Elect => f.write_str("elect"),
            Self::Alive => f.write_str("alive"),
        }
    }
}
