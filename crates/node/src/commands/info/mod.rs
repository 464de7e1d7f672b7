//! INFO: what the node knows of itself, by section.
//!
//! Each worker counts for itself; a [`Tally`] of every worker is asked for and summed up, and the [`Page`], begun
//! when the request came, is written with the sums.

mod page;
mod tally;

pub(crate) use page::Page;
pub(crate) use tally::Tally;

use crate::colleagues::Errand;
use crate::gather::Join;
use crate::node::Node;
use crate::requests::Flow;
use synod_types::ClientId;

/// A part of INFO. The order is that of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Server,
    Clients,
    Memory,
    Persistence,
    Stats,
    Replication,
    Cpu,
    Modules,
    Commandstats,
    Errorstats,
    Cluster,
    Keyspace,
}

impl Section {
    pub const ALL: [Self; 12] = [
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
        Self::Cluster,
        Self::Keyspace,
    ];

    /// The title, which is also the section's name in lower case.
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
            Self::Cluster => "Cluster",
            Self::Keyspace => "Keyspace",
        }
    }

    /// Whether INFO without a word tells it.
    fn is_told_unasked(self) -> bool {
        self != Self::Commandstats
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
pub(super) fn sections(args: &[&[u8]]) -> Vec<Section> {
    let words = &args[1..];
    let asked = |s: &Section| match words {
        [] => s.is_told_unasked(),
        words => words.iter().any(|word| s.is_asked_by(word)),
    };
    Section::ALL.into_iter().filter(asked).collect()
}

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let page = Page::of(node, sections(args));
    node.ask_colleagues(client, Join::Info(Box::new(page)), &Errand::Tally)
}
