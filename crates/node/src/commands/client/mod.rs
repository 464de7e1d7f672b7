//! CLIENT: what connections say of themselves, and what an operator does to them.
//!
//! Connections belong to workers; what concerns all of them is asked of every worker of the node.

mod kill;
mod list;
mod pause;
mod tracking;

pub(crate) use kill::kill_matching;
pub(crate) use list::{lines, own_line};

use super::connection::{BAD_NAME, is_plain, ok};
use super::subcommand::{self, Subcommand};
use crate::errand::{Errand, Type};
use crate::node::Node;
use synod_data::{Flags, number};
use synod_redis::Flow;
use synod_redis::Join;
use synod_redis::ReplyMode;
use synod_replica::WaitEnd;
use synod_types::{ClientId, ReplySink};

const SYNTAX: &str = "ERR syntax error";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);
const PLAIN: Flags = ANYTIME.and(Flags::NOSCRIPT);
const OPERATOR: Flags = PLAIN.and(Flags::ADMIN);

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("client|caching", 3, PLAIN, tracking::caching)
        .about("6.0.0", "(YES|NO)", "Whether what the next command reads is tracked."),
    Subcommand::new("client|fence", -3, PLAIN, crate::fence::set)
        .about("7.0.0", "(<name> <token>|OFF)", "Has all writes of this connection refused once the lock was granted anew."),
    Subcommand::new("client|getredir", 2, PLAIN, tracking::get_redir)
        .about("6.0.0", "", "The connection that is told of invalid keys: 0, this one; -1, no key is tracked."),
    Subcommand::new("client|getname", 2, PLAIN, get_name)
        .about("2.6.9", "", "The name of this connection."),
    Subcommand::new("client|id", 2, PLAIN, id)
        .about("5.0.0", "", "The id of this connection."),
    Subcommand::new("client|info", 2, PLAIN, list::info)
        .about("6.2.0", "", "Tells about this connection."),
    Subcommand::new("client|kill", -3, OPERATOR, kill::kill)
        .about("2.4.0", "(<ip:port>|<option> <value> [<option> <value> ...])",
               "Closes connections. Options: ID, ADDR, LADDR, TYPE, USER, SKIPME (YES|NO)."),
    Subcommand::new("client|list", -2, OPERATOR, list::list)
        .about("2.4.0", "[TYPE (NORMAL|MASTER|REPLICA|PUBSUB)|ID <id> [<id> ...]]", "Tells about the connections of this node."),
    Subcommand::new("client|order", 3, PLAIN, crate::order::set)
        .about("7.0.0", "(RELAXED|STRICT|DEFAULT)", "Whether writes of this connection to different partitions take effect in their order."),
    Subcommand::new("client|unpause", 2, OPERATOR, pause::unpause)
        .about("6.2.0", "", "Ends what PAUSE began."),
    Subcommand::new("client|pause", -3, OPERATOR, pause::pause)
        .about("2.9.50", "<milliseconds> [WRITE|ALL]", "Lets all requests of this node's clients wait, or the writing ones."),
    Subcommand::new("client|reply", 3, PLAIN, reply)
        .about("3.2.0", "(ON|OFF|SKIP)", "Whether this connection is answered."),
    Subcommand::new("client|setname", 3, PLAIN, set_name)
        .about("2.6.9", "<name>", "Names this connection."),
    Subcommand::new("client|setinfo", 4, PLAIN, set_info)
        .about("7.2.0", "(LIB-NAME|LIB-VER) <value>", "Says which library this connection uses."),
    Subcommand::new("client|unblock", -3, OPERATOR, unblock)
        .about("5.0.0", "<id> [TIMEOUT|ERROR]", "Ends the wait of a blocked connection, as its timeout would or with an error."),
    Subcommand::new("client|tracking", -3, PLAIN, tracking::tracking)
        .about("6.0.0", "(ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]", "Whether this connection is told of changes of the keys that it has read."),
    Subcommand::new("client|trackinginfo", 2, PLAIN, tracking::info)
        .about("6.2.0", "", "Tells about the tracking of keys."),
    Subcommand::new("client|no-evict", 3, OPERATOR, no_evict)
        .about("7.0.0", "(ON|OFF)", "Whether this connection is left alone when clients are closed for what they have not read."),
    Subcommand::new("client|no-touch", 3, PLAIN, no_touch)
        .about("7.2.0", "(ON|OFF)", "Changes nothing: reading a key leaves no trace."),
    Subcommand::new("client|help", 2, ANYTIME, help)
        .about("5.0.0", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "CLIENT", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "CLIENT", None, TABLE)
}

impl Node {
    /// The id of a connection as clients know it: unique on the node, and greater for a later one of a worker.
    pub(crate) fn client_id(&self, number: u64) -> u64 {
        let workers = u64::from(self.local.config().workers);
        (number - 1) * workers + u64::from(self.local.config().worker) + 1
    }

    pub(crate) fn own_client_id(&mut self, client: ClientId) -> u64 {
        let number = self.clients.session(client).map_or(1, |session| session.number());
        self.client_id(number)
    }
}

fn id(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let id = node.own_client_id(client);
    node.reply(client, |out| out.integer(id as i64));
    Flow::Next
}

fn get_name(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let name =
        node.clients.session(client).map(|session| session.name().to_vec()).unwrap_or_default();
    node.reply(client, |out| if name.is_empty() { out.null() } else { out.bulk(&name) });
    Flow::Next
}

fn set_name(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    if !is_plain(args[2]) {
        return node.refuse_request(client, BAD_NAME);
    }
    if let Some(session) = node.clients.session(client) {
        session.set_name(args[2]);
    }
    ok(node, client)
}

fn set_info(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let (what, value) = (args[2], args[3]);
    let is_name = what.eq_ignore_ascii_case(b"lib-name");
    if !is_name && !what.eq_ignore_ascii_case(b"lib-ver") {
        let what = String::from_utf8_lossy(&what[..what.len().min(128)]);
        return node.refuse_request(client, &format!("ERR Unrecognized option '{what}'"));
    }
    if !is_plain(value) {
        let what = if is_name { "lib-name" } else { "lib-ver" };
        let text = format!("ERR {what} cannot contain spaces, newlines or special characters.");
        return node.refuse_request(client, &text);
    }
    if let Some(session) = node.clients.session(client) {
        match is_name {
            true => session.set_library_name(value),
            false => session.set_library_version(value),
        }
    }
    ok(node, client)
}

fn reply(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    let word = args[2];
    if word.eq_ignore_ascii_case(b"on") {
        session.set_reply_mode(ReplyMode::On);
        return ok(node, client);
    }
    if word.eq_ignore_ascii_case(b"off") {
        session.set_reply_mode(ReplyMode::Off);
    } else if word.eq_ignore_ascii_case(b"skip") {
        if session.reply_mode() != ReplyMode::Off {
            session.set_reply_mode(ReplyMode::SkipNext);
        }
    } else {
        return node.refuse_request(client, SYNTAX);
    }
    Flow::Next
}

fn is_on(arg: &[u8]) -> Option<bool> {
    let on = arg.eq_ignore_ascii_case(b"on");
    (on || arg.eq_ignore_ascii_case(b"off")).then_some(on)
}

fn no_touch(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match is_on(args[2]) {
        Some(_) => ok(node, client),
        None => node.refuse_request(client, SYNTAX),
    }
}

fn no_evict(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let Some(kept) = is_on(args[2]) else { return node.refuse_request(client, SYNTAX) };
    if let Some(session) = node.clients.session(client) {
        session.set_kept(kept);
    }
    ok(node, client)
}

fn unblock(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let error = match &args[3..] {
        [] => false,
        [why] if why.eq_ignore_ascii_case(b"timeout") => false,
        [why] if why.eq_ignore_ascii_case(b"error") => true,
        [_] => {
            let text = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
            return node.refuse_request(client, text);
        }
        _ => return node.refuse_request(client, SYNTAX),
    };
    let Some(id) = number::parse_i64(args[2]) else {
        return node.refuse_request(client, NOT_AN_INTEGER);
    };
    node.ask_colleagues(client, Join::Sum, &Errand::Unblock(id as u64, error))
}

/// Ends the wait of this worker's connection with this id; whether it waited.
pub(crate) fn unblock_here(node: &mut Node, id: u64, error: bool) -> bool {
    let found =
        node.clients.sessions().iter().find(|session| node.client_id(session.number()) == id);
    let Some(client) = found.map(|session| session.id()) else { return false };
    node.end_wait_of(client, if error { WaitEnd::Error } else { WaitEnd::Timeout })
}

/// The types of clients that Redis has; `None` for a word that is none.
fn type_of(kind: &[u8]) -> Option<Type> {
    let is = |name: &str| kind.eq_ignore_ascii_case(name.as_bytes());
    if is("normal") {
        return Some(Type::Normal);
    }
    if is("pubsub") {
        return Some(Type::Subscriber);
    }
    ["master", "replica", "slave"].into_iter().any(is).then_some(Type::Replica)
}

fn unknown_type(kind: &[u8]) -> String {
    let kind = String::from_utf8_lossy(&kind[..kind.len().min(128)]);
    format!("ERR Unknown client type '{kind}'")
}
