//! CLIENT FENCE: a connection whose writes all carry the token of a lock.
//!
//! Each writing command is sent as `FENCE name token command`, so that the partition checks the token in the same step as
//! it writes. What writes in all partitions at once cannot be checked like that and is refused.

use crate::commands::{self, connection::ok};
use crate::node::Node;
use smallvec::SmallVec;
use synod_data::op::Args;
use synod_data::{Command, Flags, number};
use synod_redis::{Fence, Flow};
use synod_types::ClientId;

const EVERYWHERE: &str =
    "ERR a command that writes in all partitions cannot be fenced; CLIENT FENCE OFF allows it";

/// Whether a command writes, and does not bring its own token.
pub(crate) fn concerns(command: &Command) -> bool {
    command.flags.has(Flags::WRITE) && !matches!(command.name, "fence" | "lock")
        || command.runs_writing_script()
}

impl Node {
    /// A writing command of a connection whose writes are fenced.
    pub(crate) fn fenced_request(
        &mut self,
        client: ClientId,
        command: &Command,
        args: &[&[u8]],
    ) -> Flow {
        if command.is_session() {
            return self.refuse_request(client, EVERYWHERE);
        }
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        let Some(fence) = session.fence().cloned() else { return Flow::Next };
        let mut words: Args<'_> = SmallVec::from_slice(&[&b"FENCE"[..], &fence.name, &fence.token]);
        words.extend_from_slice(args);
        let Some(command) = synod_data::lookup(words[0]) else { return Flow::Next };
        self.take_admitted(client, command, &words)
    }
}

/// CLIENT FENCE name token, CLIENT FENCE OFF.
pub(crate) fn set(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let fence = match &args[2..] {
        [word] if word.eq_ignore_ascii_case(b"off") => None,
        [name, token] => {
            if number::parse_i64(token).is_none_or(|token| token < 1) {
                return node.refuse_request(client, "ERR a token is a positive integer");
            }
            Some(Fence { name: name.to_vec(), token: token.to_vec() })
        }
        _ => return node.refuse_request(client, &commands::wrong_arity("client|fence")),
    };
    if let Some(session) = node.clients.session(client) {
        session.set_fence(fence);
    }
    ok(node, client)
}
