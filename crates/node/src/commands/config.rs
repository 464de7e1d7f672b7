//! CONFIG: the settings as they are. They are chosen when the process starts; none changes while it runs.

use super::subcommand::{self, Subcommand};
use crate::colleagues::Errand;
use crate::gather::Join;
use crate::node::Node;
use crate::requests::Flow;
use std::collections::BTreeMap;
use synod_data::{Flags, Glob};
use synod_types::{ClientId, ReplySink, limits};

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);
const OPERATOR: Flags = ANYTIME.and(Flags::ADMIN).and(Flags::NOSCRIPT);

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("config|get", -3, OPERATOR, get)
        .about("2.0.0", "<pattern> [<pattern> ...]", "The settings whose names match a glob-like pattern."),
    Subcommand::new("config|set", -4, OPERATOR, set)
        .about("2.0.0", "<name> <value> [<name> <value> ...]", "Accepts the value that a setting has; none changes at run time."),
    Subcommand::new("config|resetstat", 2, OPERATOR, reset_stat)
        .about("2.0.0", "", "Counts from zero again what INFO counts."),
    Subcommand::new("config|rewrite", 2, OPERATOR, rewrite)
        .about("2.8.0", "", "Answers an error: there is no file that the server could write."),
    Subcommand::new("config|help", 2, ANYTIME, help)
        .about("5.0.0", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "CONFIG", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "CONFIG", None, TABLE)
}

/// How Redis would say when a write reaches the disk: `(appendonly, appendfsync)`.
pub(super) fn durability(node: &Node) -> (&'static str, &'static str) {
    match node.facts.durability {
        "none" => ("no", "no"),
        "everysec" => ("yes", "everysec"),
        "always" => ("yes", "always"),
        _ if node.config.ack_early => ("yes", "everysec"), // the world has not said yet
        _ => ("yes", "always"),
    }
}

/// Every setting, the world's own and those that Redis has a name for.
fn settings(node: &Node) -> BTreeMap<String, String> {
    let (appendonly, appendfsync) = durability(node);
    let mut settings: BTreeMap<String, String> = [
        ("appendfsync", appendfsync.to_owned()),
        ("appendonly", appendonly.to_owned()),
        ("cluster-enabled", "yes".to_owned()),
        ("cluster-require-full-coverage", "no".to_owned()),
        ("databases", "1".to_owned()),
        ("maxclients", limits::CLIENTS_MAX.to_string()),
        ("maxmemory", "0".to_owned()),
        ("maxmemory-policy", "noeviction".to_owned()),
        ("notify-keyspace-events", String::new()),
        ("proto-max-bulk-len", limits::BULK_BYTES_MAX.to_string()),
        ("requirepass", String::new()),
        ("save", String::new()),
        ("timeout", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    settings.extend(node.facts.settings.clone());
    settings
}

fn get(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let patterns: Vec<Vec<u8>> = args[2..].iter().map(|p| p.to_ascii_lowercase()).collect();
    let mut settings = settings(node);
    settings.retain(|name, _| patterns.iter().any(|p| Glob::new(p).matches(name.as_bytes())));
    node.reply(client, |out| {
        out.map(settings.len());
        for (name, value) in &settings {
            out.bulk(name.as_bytes());
            out.bulk(value.as_bytes());
        }
    });
    Flow::Next
}

fn set(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    if !args.len().is_multiple_of(2) {
        return node.refuse_request(client, "ERR syntax error");
    }
    let settings = settings(node);
    let mut seen = Vec::new();
    for [name, value] in args[2..].as_chunks::<2>().0 {
        let name = String::from_utf8_lossy(&name[..name.len().min(128)]).to_ascii_lowercase();
        let refused = match settings.get(&name) {
            None => {
                format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            Some(_) if seen.contains(&name) => failed(&name, "duplicate parameter"),
            Some(now) if now.as_bytes() != *value => failed(&name, "can't set immutable config"),
            Some(_) => {
                seen.push(name);
                continue;
            }
        };
        return node.refuse_request(client, &refused);
    }
    super::connection::ok(node, client)
}

fn failed(name: &str, reason: &str) -> String {
    format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
}

fn reset_stat(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.ask_colleagues(client, Join::AllOk, &Errand::ResetStat)
}

fn rewrite(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.refuse_request(client, "ERR The server is running without a config file")
}
