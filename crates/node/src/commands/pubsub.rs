//! SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites, PUBLISH, SPUBLISH, PUBSUB.

use super::LONG_PATTERN;
use super::subcommand::{self, Subcommand};
use crate::errand::Errand;
use crate::node::Node;
use synod_data::{Flags, Glob};
use synod_redis::Flow;
use synod_redis::Join;
use synod_redis::Space;
use synod_redis::{ReplyMode, Waits};
use synod_types::{ClientId, ReplySink, limits, varint};

const PLAIN: Flags = Flags::PUBSUB.and(Flags::LOADING).and(Flags::STALE);

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("pubsub|channels", -2, PLAIN, channels)
        .about("2.8.0", "[<pattern>]", "The channels of this node that have subscribers."),
    Subcommand::new("pubsub|numpat", 2, PLAIN, numpat)
        .about("2.8.0", "", "The number of patterns that this node's clients are subscribed to."),
    Subcommand::new("pubsub|numsub", -2, PLAIN, numsub)
        .about("2.8.0", "[<channel> [<channel> ...]]", "How many of this node's clients are subscribed to each of the channels."),
    Subcommand::new("pubsub|shardchannels", -2, PLAIN, shard_channels)
        .about("7.0.0", "[<pattern>]", "The shard channels of this node that have subscribers."),
    Subcommand::new("pubsub|shardnumsub", -2, PLAIN, shard_numsub)
        .about("7.0.0", "[<shardchannel> [<shardchannel> ...]]", "How many of this node's clients are subscribed to each of the shard channels."),
    Subcommand::new("pubsub|help", 2, Flags::LOADING.and(Flags::STALE), help)
        .about("6.2.0", "", "Prints this help."),
];

/// What PUBSUB asks of each worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Query {
    /// The names that match.
    Channels { shard: bool, pattern: Option<Vec<u8>> },
    /// How many listen to each of these.
    NumSub { shard: bool, names: Vec<Vec<u8>> },
    /// All patterns.
    Patterns,
}

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "PUBSUB", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "PUBSUB", None, TABLE)
}

fn channels(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    names(node, client, false, args)
}

fn shard_channels(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    names(node, client, true, args)
}

fn names(node: &mut Node, client: ClientId, shard: bool, args: &[&[u8]]) -> Flow {
    let pattern = match &args[2..] {
        [] => None,
        [pattern] if pattern.len() > limits::PATTERN_BYTES_MAX => {
            return node.refuse_request(client, LONG_PATTERN);
        }
        [pattern] => Some(pattern.to_vec()),
        _ => {
            let text = format!(
                "ERR unknown subcommand or wrong number of arguments for '{}'. Try PUBSUB HELP.",
                String::from_utf8_lossy(args[1])
            );
            return node.refuse_request(client, &text);
        }
    };
    let query = Query::Channels { shard, pattern };
    node.ask_colleagues(client, Join::Union, &Errand::PubSub(query))
}

fn numpat(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.ask_colleagues(client, Join::UnionLen, &Errand::PubSub(Query::Patterns))
}

fn numsub(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    count(node, client, false, args)
}

fn shard_numsub(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    count(node, client, true, args)
}

fn count(node: &mut Node, client: ClientId, shard: bool, args: &[&[u8]]) -> Flow {
    let names: Vec<Vec<u8>> = args[2..].iter().map(|name| name.to_vec()).collect();
    let query = Query::NumSub { shard, names: names.clone() };
    node.ask_colleagues(client, Join::SumEach(names), &Errand::PubSub(query))
}

pub(super) fn publish(node: &mut Node, client: ClientId, args: &[&[u8]], shard: bool) -> Flow {
    let (channel, message) = (args[1], args[2]);
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    // A subscriber that hears of a write is to find it: the writes before the message come first.
    let inside = session.reply_mode() == ReplyMode::Captured;
    if !inside && session.is_writing() {
        return session.wait_for(Waits::Writes);
    }
    let alone = node.local.config().workers == 1;
    node.spread(shard, channel, message, inside && !alone);
    if inside || alone {
        let receivers = node.deliver(shard, channel, message);
        node.reply(client, |out| out.integer(receivers));
        return Flow::Next;
    }
    let errand = Errand::Publish { shard, channel: channel.to_vec(), message: message.to_vec() };
    node.ask_colleagues(client, Join::Sum, &errand)
}

pub(super) fn subscribe(node: &mut Node, client: ClientId, args: &[&[u8]], space: Space) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if !session.is_idle() {
        // No message may come before the word that it is subscribed to.
        return session.wait_for(Waits::Idle);
    }
    for name in &args[1..] {
        if !node.clients.subscribe(client, space, name) {
            return node.refuse_request(client, TOO_MUCH);
        }
        tell(node, client, space, true, Some(name));
    }
    Flow::Next
}

const TOO_MUCH: &str = "ERR too many subscriptions of one client, or too long names";

pub(super) fn unsubscribe(node: &mut Node, client: ClientId, args: &[&[u8]], space: Space) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if !session.is_idle() {
        return session.wait_for(Waits::Idle);
    }
    let mut names: Vec<Vec<u8>> = args[1..].iter().map(|name| name.to_vec()).collect();
    if names.is_empty() {
        names = session.subscriptions().of(space).iter().cloned().collect();
    }
    for name in &names {
        node.clients.unsubscribe(client, space, name);
        tell(node, client, space, false, Some(name));
    }
    if names.is_empty() {
        tell(node, client, space, false, None);
    }
    Flow::Next
}

/// Tells a client of a subscription that began or ended.
fn tell(node: &mut Node, client: ClientId, space: Space, began: bool, name: Option<&[u8]>) {
    let subscriptions = node.clients.session(client).map(|s| s.subscriptions().count(space));
    let word = if began { space.subscribed() } else { space.unsubscribed() };
    node.reply(client, |out| {
        out.push(3);
        out.bulk(word);
        match name {
            Some(name) => out.bulk(name),
            None => out.null(),
        }
        out.integer(subscriptions.unwrap_or(0) as i64);
    });
}

/// Whether a command may be sent by a RESP2 client that is subscribed to something.
pub(crate) fn is_allowed_to_subscribers(name: &str) -> bool {
    matches!(
        name,
        "subscribe"
            | "psubscribe"
            | "ssubscribe"
            | "unsubscribe"
            | "punsubscribe"
            | "sunsubscribe"
            | "ping"
            | "quit"
            | "reset"
    )
}

/// Redis's words for a command that it may not send.
pub(crate) fn not_for_subscribers(name: &str) -> String {
    format!(
        "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
    )
}

/// What this worker answers.
pub(crate) fn answer(node: &Node, query: &Query, out: &mut dyn ReplySink) {
    let space = |shard| if shard { Space::Shard } else { Space::Channel };
    match query {
        Query::Channels { shard, pattern } => {
            let pattern = pattern.as_deref().unwrap_or(b"*");
            let glob = Glob::new(pattern);
            let listeners = node.clients.pubsub().of(space(*shard));
            let names: Vec<_> = listeners.keys().filter(|name| glob.matches(name)).collect();
            out.array(names.len());
            names.iter().for_each(|name| out.bulk(name));
        }
        Query::NumSub { shard, names } => {
            let listeners = node.clients.pubsub().of(space(*shard));
            out.array(names.len());
            for name in names {
                out.integer(listeners.get(name).map_or(0, |clients| clients.len()) as i64);
            }
        }
        Query::Patterns => {
            let patterns = node.clients.pubsub().of(Space::Pattern);
            out.array(patterns.len());
            patterns.keys().for_each(|pattern| out.bulk(pattern));
        }
    }
}

impl Query {
    /// `tag u8 | shard u8 | count | name*`
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let none = Vec::new();
        let (tag, shard, names): (u8, bool, Vec<&Vec<u8>>) = match self {
            Self::Channels { shard, pattern } => (0, *shard, pattern.iter().collect()),
            Self::NumSub { shard, names } => (1, *shard, names.iter().collect()),
            Self::Patterns => (2, false, none.iter().collect()),
        };
        out.extend_from_slice(&[tag, u8::from(shard)]);
        varint::put(out, names.len() as u64);
        names.iter().for_each(|name| varint::put_bytes(out, name));
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let ([tag, shard], rest) = bytes.split_first_chunk::<2>()?;
        *bytes = rest;
        let count = usize::try_from(varint::take(bytes)?).ok().filter(|n| *n <= bytes.len())?;
        let names = (0..count).map(|_| varint::take_bytes(bytes).map(<[u8]>::to_vec));
        let mut names = names.collect::<Option<Vec<_>>>()?;
        let shard = *shard == 1;
        Some(match tag {
            0 => Self::Channels { shard, pattern: names.pop() },
            1 => Self::NumSub { shard, names },
            2 => Self::Patterns,
            _ => return None,
        })
    }
}
