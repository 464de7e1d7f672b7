//! How often each command was called.
//!
//! Counted by the row of the command's name in the table of commands, and by subcommand where there are some.

use std::collections::BTreeMap;
use synod_data::Command;
use synod_types::varint;

/// Finds the name of a command, or `command|subcommand`, as the tables have it.
pub type KnownName = fn(&[u8]) -> Option<&'static str>;

/// Counts of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Indexed by [`Command::row`]; what is not in `by_name` yet.
    by_row: Vec<u64>,
    /// By name, or `command|subcommand`.
    pub by_name: BTreeMap<&'static str, u64>,
}

impl CallCounts {
    /// Counts a command.
    #[inline]
    pub fn count(&mut self, command: &Command) {
        let row = usize::from(command.row);
        if row >= self.by_row.len() {
            self.by_row.resize(synod_data::commands().len(), 0);
        }
        self.by_row[row] += 1;
    }

    /// Counts a command that has subcommands.
    pub fn count_name(&mut self, name: &'static str) {
        *self.by_name.entry(name).or_default() += 1;
    }

    /// Counts from zero again.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        other.all().for_each(|(name, times)| *self.by_name.entry(name).or_default() += times);
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let rows = synod_data::commands().zip(&self.by_row).map(|(c, times)| (c.name, *times));
        let names = self.by_name.iter().map(|(name, times)| (*name, *times));
        rows.filter(|(_, times)| *times > 0).chain(names)
    }

    /// Appends the counts.
    pub fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.all().count() as u64);
        for (name, times) in self.all() {
            varint::put_bytes(out, name.as_bytes());
            varint::put(out, times);
        }
    }

    /// Takes counts off the front. `known` finds the names as the tables have them; what it does not know is refused.
    pub fn decode(bytes: &mut &[u8], known: KnownName) -> Option<Self> {
        let mut counts = Self::default();
        for _ in 0..varint::take(bytes)? {
            let name = varint::take_bytes(bytes)?;
            let times = varint::take(bytes)?;
            counts.by_name.insert(known(name)?, times);
        }
        Some(counts)
    }
}
