//! Commands that have subcommands, each a table: what there is, with how many arguments, and what runs it.
//!
//! HELP and COMMAND answer from the same tables, so they never tell of something that is not there.

use crate::node::Node;
use synod_data::Flags;
use synod_redis::{Called, Flow};
use synod_types::{ClientId, ReplySink};

/// Runs a subcommand; its arity was checked.
pub(crate) type Run = fn(&mut Node, ClientId, &[&[u8]]) -> Flow;

/// One subcommand.
pub(crate) struct Subcommand {
    /// The command's name, a bar, its own name; in lower case.
    pub name: &'static str,
    /// The number of arguments, both words included; negative: at least that many.
    pub arity: i16,
    pub flags: Flags,
    /// The version of Redis that had it first.
    pub since: &'static str,
    /// What HELP shows behind the name.
    pub usage: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// `None` where the keyspace runs it, with its command: it stands in a table for COMMAND alone.
    pub run: Option<Run>,
}

impl Subcommand {
    pub const fn new(name: &'static str, arity: i16, flags: Flags, run: Run) -> Self {
        Self { name, arity, flags, since: "", usage: "", summary: "", run: Some(run) }
    }

    /// One that the keyspace runs.
    pub const fn of_keyspace(name: &'static str, arity: i16, flags: Flags) -> Self {
        Self { name, arity, flags, since: "", usage: "", summary: "", run: None }
    }

    pub const fn about(
        self,
        since: &'static str,
        usage: &'static str,
        summary: &'static str,
    ) -> Self {
        Self { since, usage, summary, ..self }
    }

    /// The name without the command's.
    pub fn word(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, word)| word)
    }

    /// Whether `len` arguments, both words included, are acceptable.
    pub fn check_arity(&self, len: usize) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { len >= wanted } else { len == wanted }
    }
}

/// Finds a subcommand by its own name, in any case.
pub(crate) fn find<'t>(table: &'t [Subcommand], word: &[u8]) -> Option<&'t Subcommand> {
    table.iter().find(|sub| sub.word().as_bytes().eq_ignore_ascii_case(word))
}

/// Runs the subcommand that `args[1]` names. `command` is the command's name in upper case.
pub(super) fn dispatch(
    node: &mut Node,
    client: ClientId,
    command: &str,
    table: &[Subcommand],
    args: &[&[u8]],
) -> Flow {
    let found = find(table, args[1]).and_then(|sub| Some((sub, sub.run?)));
    let Some((sub, run)) = found else {
        // As in Redis, what is no command is a call of none.
        count_as(node, client, None, Called::NONE);
        return node.refuse_request(client, &super::unknown_subcommand(command, args[1]));
    };
    let called = node.counted.calls_mut().subcommand(sub.name);
    if !sub.check_arity(args.len()) {
        node.counted.calls_mut().count_rejected(called);
        count_as(node, client, Some(sub.name), Called::NONE);
        return node.refuse_request(client, &super::wrong_arity(sub.name));
    }
    count_as(node, client, Some(sub.name), called);
    node.counted.calls_mut().count(called);
    run(node, client, args)
}

/// What the request turned out to be, for CLIENT LIST and for the counts of calls.
fn count_as(node: &mut Node, client: ClientId, name: Option<&'static str>, called: Called) {
    if let Some(session) = node.clients.session(client) {
        session.set_last_command(name.unwrap_or(session.last_command()), called);
    }
}

/// Answers HELP: the subcommands in the order of the table. `bare` tells what the command does without any.
pub(super) fn help(
    node: &mut Node,
    client: ClientId,
    command: &str,
    bare: Option<&str>,
    table: &[Subcommand],
) -> Flow {
    let mut lines =
        vec![format!("{command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    if let Some(summary) = bare {
        lines.extend(["(no subcommand)".to_owned(), format!("    {summary}")]);
    }
    for sub in table {
        let word = sub.word().to_ascii_uppercase();
        let space = if sub.usage.is_empty() { "" } else { " " };
        lines.extend([format!("{word}{space}{}", sub.usage), format!("    {}", sub.summary)]);
    }
    node.reply(client, |out| {
        out.array(lines.len());
        lines.iter().for_each(|line| out.simple(line));
    });
    Flow::Next
}
