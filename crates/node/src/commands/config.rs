//! CONFIG: the settings as they are. Most are chosen when the process starts; [`Setting`] names those that change
//! while it runs.

use super::subcommand::{self, Subcommand};
use crate::errand::Errand;
use crate::node::Node;
use crate::settings::{Change, Setting};
use std::collections::BTreeMap;
use synod_data::value::{ELEMENT_BYTES_MAX, ENTRIES_MAX};
use synod_data::{Flags, Glob};
use synod_redis::Flow;
use synod_redis::Join;
use synod_redis::{ReplyMode, Waits};
use synod_replica::Origin;
use synod_types::{ClientId, ReplySink};

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);
/// The default user's password, which nobody can read back.
const REQUIREPASS: &str = "requirepass";
/// What Redis does not let anybody set either.
const IMMUTABLE: [&str; 3] = ["aclfile", "cluster-enabled", "databases"];
const OPERATOR: Flags = ANYTIME.and(Flags::ADMIN).and(Flags::NOSCRIPT);

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("config|get", -3, OPERATOR, get)
        .about("2.0.0", "<pattern> [<pattern> ...]", "The settings whose names match a glob-like pattern."),
    Subcommand::new("config|set", -4, OPERATOR, set)
        .about("2.0.0", "<name> <value> [<name> <value> ...]", "Changes settings, all of them or none."),
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
    match node.local.facts().durability {
        "none" => ("no", "no"),
        "everysec" => ("yes", "everysec"),
        "always" => ("yes", "always"),
        _ if node.local.config().ack_early => ("yes", "everysec"), // the world has not said yet
        _ => ("yes", "always"),
    }
}

/// Every setting, the world's own and those that Redis has a name for.
fn settings(node: &Node) -> BTreeMap<String, String> {
    let (appendonly, appendfsync) = durability(node);
    let mut settings: BTreeMap<String, String> = [
        ("acl-pubsub-default", "resetchannels".to_owned()),
        ("aclfile", String::new()),
        ("appendfsync", appendfsync.to_owned()),
        ("appendonly", appendonly.to_owned()),
        ("cluster-enabled", "yes".to_owned()),
        ("cluster-require-full-coverage", "no".to_owned()),
        ("databases", "1".to_owned()),
        // Where a small hash, set or sorted set ends.
        ("hash-max-listpack-entries", ENTRIES_MAX.to_string()),
        ("hash-max-listpack-value", ELEMENT_BYTES_MAX.to_string()),
        ("set-max-listpack-entries", ENTRIES_MAX.to_string()),
        ("set-max-listpack-value", ELEMENT_BYTES_MAX.to_string()),
        ("zset-max-listpack-entries", ENTRIES_MAX.to_string()),
        ("zset-max-listpack-value", ELEMENT_BYTES_MAX.to_string()),
        ("latency-tracking-info-percentiles", "50 99 99.9".to_owned()),
        (REQUIREPASS, String::new()),
        ("save", String::new()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    settings.extend(node.local.facts().settings.clone());
    settings.extend(node.settings.all().map(|(name, value)| (name.to_owned(), value)));
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
    let pairs = args[2..].as_chunks::<2>().0;
    let settings = settings(node);
    let named = match names(pairs, &settings) {
        Ok(named) => named,
        Err(text) => return node.refuse_request(client, &text),
    };
    let mut change = Change { asked_us: node.local.now().mono_us, values: Vec::new() };
    let mut password = None;
    let mut certificates = Vec::new();
    for (name, [_, value]) in named.iter().zip(pairs) {
        if node.local.certificates().is_some_and(|c| c.may_change(name)) {
            certificates.push((name.clone(), String::from_utf8_lossy(value).into_owned()));
            continue;
        }
        if name == REQUIREPASS {
            password = Some(*value);
            continue;
        }
        if let Err(reason) = check(node, name, &settings[name], value, &mut change) {
            return node.refuse_request(client, &failed(name, &reason));
        }
    }
    let captured =
        node.clients.session(client).is_some_and(|s| s.reply_mode() == ReplyMode::Captured);
    if captured && password.is_some() {
        let reason = "not inside a transaction: all nodes have to hear of it";
        return node.refuse_request(client, &failed(REQUIREPASS, reason));
    }
    if let Err((name, reason)) = change_certificates(node, &certificates) {
        return node.refuse_request(client, &failed(&name, &reason));
    }
    if change.values.is_empty() && password.is_none() {
        return super::connection::ok(node, client);
    }
    if !captured && password.is_none() {
        return node.ask_colleagues(client, Join::AllOk, &Errand::Change(change));
    }
    if let Some(session) = node.clients.session(client)
        && password.is_some()
        && session.is_writing()
    {
        return session.wait_for(Waits::Writes);
    }
    // Within EXEC the answer cannot wait, and beside a password it is not the one: the others are told and answer to nobody.
    for worker in 0..node.local.config().workers {
        node.ask_colleague(worker, Origin::Internal, &Errand::Change(change.clone()));
    }
    if let Some(password) = password {
        return super::acl::set_password(node, client, password);
    }
    super::connection::ok(node, client)
}

/// The world reads its files at once: the next connection is to find them in force.
///
/// # Errors
/// The name of the setting that is no good, and why.
fn change_certificates(
    node: &mut Node,
    pairs: &[(String, String)],
) -> Result<(), (String, String)> {
    let Some(certificates) = node.local.certificates().filter(|_| !pairs.is_empty()) else {
        return Ok(());
    };
    certificates.change(pairs)?;
    let now = certificates.settings();
    node.local
        .facts_mut()
        .settings
        .extend(now.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(())
}

/// The settings that are to change, by name. As Redis does, this looks at all names before it looks at any value: at an
/// unknown one above all, then at the first that cannot change or stands there twice.
///
/// # Errors
/// The text of the refusal.
fn names(pairs: &[[&[u8]; 2]], settings: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let mut named: Vec<String> = Vec::new();
    for [name, _] in pairs {
        let name = String::from_utf8_lossy(&name[..name.len().min(128)]).to_ascii_lowercase();
        if !settings.contains_key(&name) {
            return Err(format!(
                "ERR Unknown option or number of arguments for CONFIG SET - '{name}'"
            ));
        }
        named.push(name);
    }
    for (at, name) in named.iter().enumerate() {
        if IMMUTABLE.contains(&name.as_str()) {
            return Err(failed(name, "can't set immutable config"));
        }
        if named[..at].contains(name) {
            return Err(failed(name, "duplicate parameter"));
        }
    }
    Ok(named)
}

/// Adds a setting to what changes; one that is fixed here and not in Redis is accepted with the value it has.
///
/// # Errors
/// Redis's words for why not.
fn check(
    node: &Node,
    name: &str,
    now: &str,
    value: &[u8],
    change: &mut Change,
) -> Result<(), String> {
    match Setting::find(name) {
        Some(setting) => {
            let value = setting.parse(value)?;
            let max = node.settings.clients_max();
            if setting == Setting::MaxClients && value > max {
                return Err(format!(
                    "The operating system is not able to handle the specified number of clients, try with {max}"
                ));
            }
            change.values.push((setting, value));
        }
        None if now.as_bytes() != value => return Err("can't set immutable config".to_owned()),
        None => {}
    }
    Ok(())
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
