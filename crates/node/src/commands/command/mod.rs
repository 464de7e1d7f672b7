//! COMMAND: what there is, told from the tables that run it.

mod arguments;
mod describe;
mod key_specs;
mod of_keyspace;
mod syntax;

use super::subcommand::{self, Subcommand};
use crate::node::Node;
use describe::Entry;
pub(super) use of_keyspace::of_keyspace;
use synod_data::{Flags, Glob};
use synod_redis::Flow;
use synod_types::{ClientId, ReplySink};

const FLAGS: Flags = Flags::LOADING.and(Flags::STALE);

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("command|count", 2, FLAGS, count)
        .about("2.8.13", "", "The number of commands."),
    Subcommand::new("command|list", -2, FLAGS, list)
        .about("7.0.0", "[FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]", "The names of all commands, or of some."),
    Subcommand::new("command|info", -2, FLAGS, info)
        .about("2.8.13", "[<command-name> ...]", "Tells about some commands, or all."),
    Subcommand::new("command|docs", -2, FLAGS, docs)
        .about("7.0.0", "[<command-name> ...]", "What some commands do, or all."),
    Subcommand::new("command|getkeys", -4, FLAGS, get_keys)
        .about("2.8.13", "<full-command>", "The keys of a whole command."),
    Subcommand::new("command|getkeysandflags", -4, FLAGS, get_keys_and_flags)
        .about("7.0.0", "<full-command>", "The keys of a whole command, and what becomes of each."),
    Subcommand::new("command|help", 2, FLAGS, help)
        .about("5.0.0", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    if args.len() == 1 {
        return describe_all(node, client);
    }
    subcommand::dispatch(node, client, "COMMAND", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let bare = Some("Tells about all commands.");
    subcommand::help(node, client, "COMMAND", bare, TABLE)
}

fn describe_all(node: &mut Node, client: ClientId) -> Flow {
    node.reply(client, |out| {
        out.array(synod_data::commands().len());
        synod_data::commands().for_each(|command| describe::info(Entry::Command(command), out));
    });
    Flow::Next
}

fn count(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.reply(client, |out| out.integer(synod_data::commands().len() as i64));
    Flow::Next
}

fn info(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    if args.len() == 2 {
        return describe_all(node, client);
    }
    node.reply(client, |out| {
        out.array(args.len() - 2);
        for name in &args[2..] {
            match Entry::find(name) {
                Some(entry) => describe::info(entry, out),
                None => out.null(),
            }
        }
    });
    Flow::Next
}

fn docs(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let entries: Vec<Entry> = match &args[2..] {
        [] => synod_data::commands().map(Entry::Command).collect(),
        names => names.iter().filter_map(|name| Entry::find(name)).collect(),
    };
    node.reply(client, |out| {
        out.map(entries.len());
        entries.iter().for_each(|entry| describe::docs(*entry, out));
    });
    Flow::Next
}

fn list(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let everything = || synod_data::commands().flat_map(|c| Entry::Command(c).with_subcommands());
    let names: Vec<&str> = match &args[2..] {
        [] => everything().map(Entry::name).collect(),
        [by, what, value] if by.eq_ignore_ascii_case(b"filterby") => {
            if what.eq_ignore_ascii_case(b"module") {
                Vec::new() // there are no modules
            } else if what.eq_ignore_ascii_case(b"aclcat") {
                let wanted = value.to_ascii_lowercase();
                let in_category = |entry: &Entry| {
                    entry.categories().any(|category| category.as_bytes()[1..] == wanted)
                };
                everything().filter(in_category).map(Entry::name).collect()
            } else if what.eq_ignore_ascii_case(b"pattern") {
                let pattern = value.to_ascii_lowercase();
                let glob = Glob::new(&pattern);
                everything().map(Entry::name).filter(|n| glob.matches(n.as_bytes())).collect()
            } else {
                return node.refuse_request(client, "ERR syntax error");
            }
        }
        _ => return node.refuse_request(client, "ERR syntax error"),
    };
    node.reply(client, |out| {
        out.array(names.len());
        names.iter().for_each(|name| out.bulk(name.as_bytes()));
    });
    Flow::Next
}

/// The keys of the command that stands behind the subcommand, as positions.
///
/// # Errors
/// There is no such command, or none with keys and this number of arguments.
fn keys_of(args: &[&[u8]]) -> Result<(&'static synod_data::Command, Vec<usize>), &'static str> {
    let words = &args[2..];
    let entry = Entry::find_words(words).ok_or("ERR Invalid command specified")?;
    let Entry::Command(command) = entry else {
        return Err("ERR The command has no key arguments");
    };
    if command.keys.first == 0
        && command.keys.count_at == 0
        && matches!(command.keys.words, synod_data::KeyWords::None)
    {
        return Err("ERR The command has no key arguments");
    }
    if !command.check_arity(words.len()) {
        return Err("ERR Invalid number of arguments specified for command");
    }
    let positions: Vec<usize> = command.key_positions(words).collect();
    if positions.is_empty() && !command.flags.has(Flags::NO_MANDATORY_KEYS) {
        return Err("ERR Invalid arguments specified for command");
    }
    Ok((command, positions))
}

fn get_keys(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match keys_of(args) {
        Ok((_, positions)) => node.reply(client, |out| {
            out.array(positions.len());
            positions.iter().for_each(|at| out.bulk(args[2 + at]));
        }),
        Err(text) => return node.refuse_request(client, text),
    }
    Flow::Next
}

fn get_keys_and_flags(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match keys_of(args) {
        Ok((command, positions)) => node.reply(client, |out| {
            out.array(positions.len());
            for (nth, at) in positions.iter().enumerate() {
                out.array(2);
                out.bulk(args[2 + at]);
                describe::status_set(key_specs::flags_of(command, &args[2..], nth), out);
            }
        }),
        Err(text) => return node.refuse_request(client, text),
    }
    Flow::Next
}
