//! The shape of COMMAND INFO and COMMAND DOCS.

use super::{arguments, key_specs, syntax};
use crate::commands::subcommand::{self, Subcommand};
use crate::commands::subcommands_of;
use synod_data::{Categories, Command, Flags, Group};
use synod_types::ReplySink;

/// A command, or a subcommand and what it belongs to.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    Command(&'static Command),
    Sub(&'static Command, &'static Subcommand),
}

impl Entry {
    /// Finds `name` or `name|subcommand`.
    pub fn find(name: &[u8]) -> Option<Self> {
        let mut words = name.splitn(2, |b| *b == b'|');
        let command = synod_data::lookup(words.next()?)?;
        match words.next() {
            None => Some(Self::Command(command)),
            Some(word) => Self::sub(command, word),
        }
    }

    /// Finds what a whole command would run; `None` when its subcommand does not exist.
    pub fn find_words(words: &[&[u8]]) -> Option<Self> {
        let command = synod_data::lookup(words[0])?;
        match words.get(1) {
            Some(word) if !subcommands_of(command.name).is_empty() => {
                let entry = Self::sub(command, word)?;
                // The keyspace runs the command as a whole, which knows where its keys are.
                Some(if command.is_session() { entry } else { Self::Command(command) })
            }
            _ => Some(Self::Command(command)),
        }
    }

    fn sub(command: &'static Command, word: &[u8]) -> Option<Self> {
        let sub = subcommand::find(subcommands_of(command.name), word)?;
        Some(Self::Sub(command, sub))
    }

    /// Itself and its subcommands.
    pub fn with_subcommands(self) -> impl Iterator<Item = Self> {
        let subs = match self {
            Self::Command(command) => subcommands_of(command.name),
            Self::Sub(..) => &[],
        };
        let command = self.command();
        std::iter::once(self).chain(subs.iter().map(move |sub| Self::Sub(command, sub)))
    }

    fn command(self) -> &'static Command {
        match self {
            Self::Command(command) | Self::Sub(command, _) => command,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Command(command) => command.name,
            Self::Sub(_, sub) => sub.name,
        }
    }

    pub fn flags(self) -> Flags {
        match self {
            Self::Command(command) => command.flags,
            Self::Sub(_, sub) => sub.flags,
        }
    }

    pub fn group(self) -> Group {
        self.command().group
    }

    /// The categories that access lists know it by.
    pub fn categories(self) -> impl Iterator<Item = &'static str> {
        let categories = match self {
            Self::Command(command) => command.categories(),
            Self::Sub(command, sub) => {
                Categories::of(command.group, sub.flags).and(command.categories_also)
            }
        };
        categories.names()
    }

    /// Its arguments in the notation of `arguments`; empty when it has none.
    pub fn syntax(self) -> &'static str {
        match self {
            Self::Command(command) => command.syntax,
            Self::Sub(_, sub) => syntax::line(sub.name).unwrap_or(""),
        }
    }

    pub fn arity(self) -> i16 {
        match self {
            Self::Command(command) => command.arity,
            Self::Sub(_, sub) => sub.arity,
        }
    }

    /// Since when it is there, and what it does.
    fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::Command(command) => (command.since, command.summary),
            Self::Sub(_, sub) => (sub.since, sub.summary),
        }
    }
}

/// A set of status lines.
pub(super) fn status_set(names: &[&str], out: &mut dyn ReplySink) {
    out.set(names.len());
    names.iter().for_each(|name| out.simple(name));
}

/// What a client that caches or compares replies has to know. How to split a command over the nodes is not among
/// it: every node answers for all of them.
fn tips(name: &str) -> &'static [&'static str] {
    match name {
        "client|info"
        | "client|list"
        | "cluster|count-failure-reports"
        | "cluster|getkeysinslot"
        | "cluster|info"
        | "cluster|nodes"
        | "cluster|replicas"
        | "cluster|shards"
        | "cluster|slaves"
        | "cluster|slots"
        | "dump"
        | "function|stats"
        | "hrandfield"
        | "hscan"
        | "info"
        | "object"
        | "object|encoding"
        | "object|freq"
        | "object|idletime"
        | "object|refcount"
        | "pttl"
        | "randomkey"
        | "scan"
        | "spop"
        | "srandmember"
        | "sscan"
        | "time"
        | "ttl"
        | "xadd"
        | "xautoclaim"
        | "xclaim"
        | "xpending"
        | "xtrim"
        | "zrandmember"
        | "zscan" => &["nondeterministic_output"],
        "command" | "command|docs" | "command|info" | "command|list" | "hgetall" | "hkeys"
        | "function|list" | "hvals" | "keys" | "sdiff" | "sinter" | "smembers" | "sunion" => {
            &["nondeterministic_output_order"]
        }
        _ => &[],
    }
}

/// One entry of COMMAND and COMMAND INFO.
pub(super) fn info(entry: Entry, out: &mut dyn ReplySink) {
    out.array(10);
    out.bulk(entry.name().as_bytes());
    out.integer(entry.arity().into());
    status_set(&entry.flags().names().collect::<Vec<_>>(), out);
    let (first, last, step) = match entry {
        Entry::Sub(_, sub) if !has_keys(sub) => (0, 0, 0),
        Entry::Command(command) | Entry::Sub(command, _) => {
            (command.keys.first, command.keys.last, command.keys.step)
        }
    };
    for number in [first, last, step] {
        out.integer(number.into());
    }
    status_set(&entry.categories().collect::<Vec<_>>(), out);
    let tips = tips(entry.name());
    out.set(tips.len());
    tips.iter().for_each(|tip| out.bulk(tip.as_bytes()));
    match entry {
        Entry::Command(command) => {
            key_specs::write(command, out);
            let subs = subcommands_of(command.name);
            out.array(subs.len());
            subs.iter().for_each(|sub| info(Entry::Sub(command, sub), out));
        }
        Entry::Sub(command, sub) => {
            match has_keys(sub) {
                true => key_specs::write(command, out),
                false => out.set(0),
            }
            out.array(0);
        }
    }
}

/// Whether it names a key: those of the keyspace do, except for HELP.
fn has_keys(sub: &Subcommand) -> bool {
    sub.run.is_none() && sub.arity != 2
}

/// One pair of COMMAND DOCS.
pub(super) fn docs(entry: Entry, out: &mut dyn ReplySink) {
    let subs = match entry {
        Entry::Command(command) => subcommands_of(command.name),
        Entry::Sub(..) => &[],
    };
    let (since, summary) = entry.about();
    out.bulk(entry.name().as_bytes());
    let arguments = Some(entry.syntax()).filter(|line| !line.is_empty()).and_then(arguments::parse);
    out.map(3 + usize::from(arguments.is_some()) + usize::from(!subs.is_empty()));
    for (name, text) in [("summary", summary), ("since", since), ("group", entry.group().name())] {
        out.bulk(name.as_bytes());
        out.bulk(text.as_bytes());
    }
    if let Some(arguments) = arguments {
        out.bulk(b"arguments");
        arguments::write(&arguments, &mut 0, out);
    }
    if !subs.is_empty() {
        out.bulk(b"subcommands");
        out.map(subs.len());
        subs.iter().for_each(|sub| docs(Entry::Sub(entry.command(), sub), out));
    }
}
