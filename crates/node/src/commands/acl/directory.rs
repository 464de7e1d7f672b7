//! Every command and subcommand as rules speak of them, and sets of them.

use crate::commands::subcommand::Subcommand;
use synod_acl::{CommandRule, Selector, Vocabulary, Word};
use synod_data::{Categories, Command};

/// The subcommands of a command, as far as rules know them. Those of DEBUG are first arguments to them, as in Redis.
pub(crate) fn subcommands(command: &str) -> &'static [Subcommand] {
    match command {
        "debug" => &[],
        name => crate::commands::subcommands_of(name),
    }
}

/// The words that a rule may use.
pub(super) struct Words;

impl Vocabulary for Words {
    fn word(&self, name: &str) -> Option<Word> {
        let (name, sub) = match name.split_once('|') {
            Some((name, sub)) => (name, Some(sub)),
            None => (name, None),
        };
        let table = subcommands(synod_data::lookup(name.as_bytes())?.name);
        match sub {
            None if table.is_empty() => Some(Word::Command),
            None => Some(Word::Container),
            Some(sub) => table.iter().any(|known| known.word() == sub).then_some(Word::Subcommand),
        }
    }

    fn has_category(&self, name: &str) -> bool {
        Categories::find(name).is_some()
    }
}

/// One command or subcommand.
pub(super) struct Entry {
    pub command: &'static Command,
    pub name: &'static str,
    pub categories: Categories,
}

impl Entry {
    /// Whether a rule about this category concerns it; one about a command concerns its subcommands.
    fn is_under(&self, category: Categories) -> bool {
        self.categories.and(self.command.categories()).intersects(category)
    }

    /// Whether a rule about this name concerns it.
    fn is_part_of(&self, name: &str) -> bool {
        self.name == name || self.command.name == name
    }
}

/// All of them, each command before its subcommands.
pub(super) fn all() -> Vec<Entry> {
    let of = |command: &'static Command| {
        let subs = subcommands(command.name).iter().map(move |sub| {
            let categories = Categories::of(command.group, sub.flags).and(command.categories_also);
            Entry { command, name: sub.name, categories }
        });
        let own = Entry { command, name: command.name, categories: command.categories() };
        std::iter::once(own).chain(subs)
    };
    synod_data::commands().flat_map(of).collect()
}

/// Some of the entries, a bit for each.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Set(Vec<u64>);

impl Set {
    pub fn of(entries: &[Entry], belongs: impl Fn(&Entry) -> bool) -> Self {
        let mut words = vec![0; entries.len().div_ceil(64)];
        for (at, _) in entries.iter().enumerate().filter(|(_, entry)| belongs(entry)) {
            words[at / 64] |= 1 << (at % 64);
        }
        Self(words)
    }

    pub fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    /// Adds all of the others, or takes them away.
    pub fn change(&mut self, others: &Self, add: bool) {
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            if add { *word |= other } else { *word &= !other }
        }
    }

    /// How many of the others are in it, and how many are not.
    pub fn count(&self, others: &Self) -> (u32, u32) {
        let words = || self.0.iter().zip(&others.0);
        (
            words().map(|(word, other)| (word & other).count_ones()).sum(),
            words().map(|(word, other)| (!word & other).count_ones()).sum(),
        )
    }
}

/// The entries that a selector allows, and first arguments with which it allows forbidden ones.
pub(super) fn allowed<'s>(
    entries: &[Entry],
    selector: &'s Selector,
) -> (Set, Vec<(&'s str, &'s [u8])>) {
    let mut set = Set::of(entries, |_| selector.all_commands());
    let mut first_args: Vec<(&str, &[u8])> = Vec::new();
    for rule in selector.commands() {
        match rule {
            CommandRule::Command { allow, name } => {
                set.change(&Set::of(entries, |entry| entry.is_part_of(name)), *allow);
                first_args.retain(|(command, _)| command != name);
            }
            CommandRule::Category { allow, name } => {
                let Some(category) = Categories::find(name) else { continue };
                let concerned = |entry: &Entry| entry.is_under(category);
                set.change(&Set::of(entries, concerned), *allow);
                first_args.retain(|(command, _)| {
                    !entries.iter().any(|entry| entry.name == *command && concerned(entry))
                });
            }
            CommandRule::FirstArg { command, arg } => first_args.push((command, arg)),
        }
    }
    (set, first_args)
}

/// The entries that belong to a category themselves, and those that a rule about it concerns.
pub(super) fn of_category(entries: &[Entry], category: Categories) -> (Set, Set) {
    let own = Set::of(entries, |entry| entry.categories.intersects(category));
    (own, Set::of(entries, |entry| entry.is_under(category)))
}
