//! What both engines can do, in one vocabulary: plain numbers, since each has types of its own.

/// What an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// A new leader's first entry.
    Noop,
    /// What a client proposed.
    Command(Vec<u8>),
    /// A change of membership; its bytes are the engine's own business.
    Change,
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub index: u64,
    /// The term it was proposed in.
    pub term: u64,
    /// What it is for.
    pub matter: Matter,
}

/// Who takes part. Sorted lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Who votes.
    pub voters: Vec<u64>,
    /// Who receives the log and does not vote.
    pub learners: Vec<u64>,
}

impl Members {
    /// Whether `id` is one of them.
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.voters.contains(&id) || self.learners.contains(&id)
    }
}

/// What a member thinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Whether it believes to lead.
    pub leads: bool,
    /// Whom it follows, itself included; 0 is nobody.
    pub leader: u64,
    /// Its term.
    pub term: u64,
    /// What it knows to be committed, all of it applied.
    pub commit: u64,
    /// The last index of its log.
    pub last: u64,
    /// The log behind the last snapshot, as it is on disk.
    pub log: Vec<Entry>,
    /// The membership behind the last applied entry.
    pub members: Members,
}

/// What comes out of a member when something was done to it.
#[derive(Debug)]
pub struct Out<M> {
    /// Mail, with its addressee.
    pub mail: Vec<(u64, M)>,
    /// What was newly committed.
    pub committed: Vec<Entry>,
}

impl<M> Default for Out<M> {
    fn default() -> Self {
        Self { mail: Vec::new(), committed: Vec::new() }
    }
}

/// A member of a group. Everything is made durable and applied at once; what a crash loses is what the
/// engine never asked to be written.
pub trait Member {
    /// What members say to each other.
    type Message: Clone;

    /// A member of a new group, or one that knows of it and does not belong to it yet.
    fn new(id: u64, founders: &[u64], election_ticks: u32) -> Self;
    /// The same after a crash.
    fn restart(&mut self);
    /// A message came.
    fn hear(&mut self, from: u64, message: Self::Message);
    /// Stands for election, if it may.
    fn campaign(&mut self);
    /// A unit of time passed.
    fn tick(&mut self);
    /// Proposes a command; whether it was taken.
    fn propose(&mut self, command: &[u8]) -> bool;
    /// Proposes a membership; whether it was taken.
    fn change(&mut self, target: &Members) -> bool;
    /// Hands leadership over.
    fn transfer(&mut self, to: u64);
    /// Forgets the log up to what is applied, in favour of a snapshot.
    fn snapshot(&mut self);
    /// What all that led to; called until there is nothing more.
    fn drain(&mut self) -> Out<Self::Message>;
    /// What it thinks.
    fn view(&self) -> View;
}
