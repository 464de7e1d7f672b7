//! What happened, as a hash always and as a list when somebody wants to see it.

/// One thing that happened, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Frames went from one node to another.
    Message {
        /// The sender's number, from 0.
        from: usize,
        /// The receiver's.
        to: usize,
        /// When they arrive, unless the connection breaks before.
        arrives_us: u64,
        /// What they are.
        what: String,
    },
    /// A node came up.
    Up(usize),
    /// A node went down, and why.
    Down(usize, &'static str),
    /// A node became the leader of a group in a term.
    Leader(usize, u32, u64),
    /// Trouble struck, or ended.
    Fault(String),
    /// A node's groups: group, role, term, commit, last.
    Groups(usize, Vec<(u32, char, u64, u64, u64)>),
}

/// The events of a run, in order of time.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// When, in microseconds, and what.
    pub items: Vec<(u64, Item)>,
}

/// Hashes, and keeps if asked to.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    hash: u64,
    pub kept: Option<Trace>,
}

impl Recorder {
    pub fn new(keep: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, kept: keep.then(Trace::default) }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn mix(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    pub fn mix_bytes(&mut self, bytes: &[u8]) {
        self.mix(u64::from(crc32c::crc32c(bytes)) << 32 | bytes.len() as u64);
    }

    pub fn keep(&mut self, at_us: u64, item: impl FnOnce() -> Item) {
        if let Some(trace) = &mut self.kept {
            trace.items.push((at_us, item()));
        }
    }
}
