//! INFO: what the node knows of itself, by section.
//!
//! Each worker counts for itself; a [`Tally`] of every worker is asked for and summed up, and the [`Page`], begun
//! when the request came, is written with the sums.

mod memory;
mod page;
mod tally;

pub use memory::MemoryQuery;
pub use page::{Facts, Page, node_name};
pub use tally::Tally;

/// A part of INFO. The order is that of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The process.
    Server,
    /// Its connections.
    Clients,
    /// Memory.
    Memory,
    /// Logs and snapshots.
    Persistence,
    /// Counters.
    Stats,
    /// Leaders and followers.
    Replication,
    /// Processor time.
    Cpu,
    /// None.
    Modules,
    /// How often each command was called.
    Commandstats,
    /// How often each error was answered.
    Errorstats,
    /// How long each command takes.
    Latencystats,
    /// The cluster.
    Cluster,
    /// Keys.
    Keyspace,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::Server,
        Self::Clients,
        Self::Memory,
        Self::Persistence,
        Self::Stats,
        Self::Replication,
        Self::Cpu,
        Self::Modules,
        Self::Commandstats,
        Self::Errorstats,
        Self::Latencystats,
        Self::Cluster,
        Self::Keyspace,
    ];

    /// The title, which is also the section's name in lower case.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Clients => "Clients",
            Self::Memory => "Memory",
            Self::Persistence => "Persistence",
            Self::Stats => "Stats",
            Self::Replication => "Replication",
            Self::Cpu => "CPU",
            Self::Modules => "Modules",
            Self::Commandstats => "Commandstats",
            Self::Errorstats => "Errorstats",
            Self::Latencystats => "Latencystats",
            Self::Cluster => "Cluster",
            Self::Keyspace => "Keyspace",
        }
    }

    /// Whether INFO without a word tells it.
    fn is_told_unasked(self) -> bool {
        !matches!(self, Self::Commandstats | Self::Latencystats)
    }

    /// Whether a word of the request asks for this section.
    fn is_asked_by(self, word: &[u8]) -> bool {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        is(self.title())
            || is("all")
            || is("everything")
            || (is("default") && self.is_told_unasked())
    }
}

/// The sections that a request asks for, in order.
#[must_use]
pub fn sections(args: &[&[u8]]) -> Vec<Section> {
    let words = &args[1..];
    let asked = |s: &Section| match words {
        [] => s.is_told_unasked(),
        words => words.iter().any(|word| s.is_asked_by(word)),
    };
    Section::ALL.into_iter().filter(asked).collect()
}
