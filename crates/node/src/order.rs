//! CLIENT ORDER: whether what a connection writes to different partitions takes effect in the order in which it was sent.
//!
//! Each partition has a log of its own, and pipelined writes to several of them run side by side: somebody may see the second
//! and not the first yet, if only for a moment. Where order is strict, a write waits until all writes of its connection to other
//! partitions are answered: committed and applied, or refused, or of unknown fate, and then nothing is promised of
//! them. Writes to one partition follow each other without waiting, as ever.

use crate::commands::connection::ok;
use crate::node::Node;
use crate::settings::Setting;
use synod_data::{Command, Flags, Handler};
use synod_redis::Flow;
use synod_types::ClientId;
use synod_types::plant::planted;

impl Node {
    /// Whether a request has to wait for the writes that its connection has under way. If not, it is taken for begun.
    pub(crate) fn would_overtake(
        &mut self,
        client: ClientId,
        command: &Command,
        args: &[&[u8]],
    ) -> bool {
        let as_set = self.settings.get(Setting::ClientOrder) == 1;
        let Some(session) = self.clients.session(client) else { return false };
        if !session.is_ordered().unwrap_or(as_set) || planted("order-relaxed") {
            return false;
        }
        let to = match command.handler {
            Handler::Read(_) => return false,
            Handler::Write(_) => self.one_partition(command, args).unwrap_or(None),
            // Subscribers are told at once, and EXEC may write anywhere.
            Handler::Session => match command.name {
                "exec" | "publish" | "spublish" | "script" | "function" => None,
                _ if command.flags.has(Flags::WRITE) => None,
                _ => return false,
            },
        };
        self.clients.session(client).is_some_and(|session| session.overtakes(to))
    }
}

/// CLIENT ORDER RELAXED | STRICT | DEFAULT.
pub(crate) fn set(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let is = |word: &str| args[2].eq_ignore_ascii_case(word.as_bytes());
    let ordered = match () {
        () if is("relaxed") => Some(false),
        () if is("strict") => Some(true),
        () if is("default") => None,
        () => return node.refuse_request(client, "ERR syntax error"),
    };
    if let Some(session) = node.clients.session(client) {
        session.set_ordered(ordered);
    }
    ok(node, client)
}
