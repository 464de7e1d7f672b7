//! CLIENT PAUSE: requests of this node's clients wait for a while.
//!
//! A request that waits is one that the node does not take; the world offers it again when the pause has ended.
//! What other nodes forward is served all the same.

use super::SYNTAX;
use crate::errand::{Errand, Pause};
use crate::node::Node;
use synod_data::{Command, Flags, number};
use synod_redis::Flow;
use synod_redis::Join;
use synod_types::ClientId;

pub(super) fn pause(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let all = match &args[3..] {
        [] => true,
        [mode] if mode.eq_ignore_ascii_case(b"all") => true,
        [mode] if mode.eq_ignore_ascii_case(b"write") => false,
        [_] => {
            return node.refuse_request(client, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        }
        _ => return node.refuse_request(client, SYNTAX),
    };
    let ms = match number::parse_i64(args[2]) {
        Some(ms) if ms < 0 => return node.refuse_request(client, "ERR timeout is negative"),
        Some(ms) => ms as u64,
        None => {
            return node.refuse_request(client, "ERR timeout is not an integer or out of range");
        }
    };
    let until_us = node.local.now().mono_us.saturating_add(ms.saturating_mul(1000));
    node.ask_colleagues(client, Join::AllOk, &Errand::Pause(Pause { until_us, all }))
}

pub(super) fn unpause(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.ask_colleagues(client, Join::AllOk, &Errand::Unpause)
}

impl Node {
    /// Begins a pause, or makes the one under way longer or stricter.
    pub(crate) fn pause_clients(&mut self, pause: Pause) {
        self.clients.pause(pause, self.local.now().mono_us);
    }

    /// Ends the pause.
    pub(crate) fn unpause_clients(&mut self) {
        if self.clients.unpause() {
            self.clients.sessions_mut().resume_all(&mut self.output.ready);
        }
    }

    /// Ends the pause when its time has come.
    pub(crate) fn tend_pause(&mut self) {
        if self.clients.has_pause() && self.clients.paused(self.local.now().mono_us).is_none() {
            self.unpause_clients();
        }
    }

    /// Whether the pause lets this request wait.
    pub(crate) fn is_paused(&mut self, client: ClientId, command: &Command) -> bool {
        let Some(pause) = self.clients.paused(self.local.now().mono_us) else { return false };
        let multi = self.clients.session(client).and_then(|session| session.multi());
        match (multi, command.name) {
            (Some(_), name) if name != "exec" => false, // it is only queued
            _ if pause.all => true,
            (Some(multi), _) => multi
                .commands
                .iter()
                .any(|args| synod_data::lookup(&args[0]).is_some_and(may_write)),
            (None, _) => may_write(command),
        }
    }
}

/// Whether a pause of writes holds the command back: what writes, and what Redis may have to send to its replicas.
fn may_write(command: &Command) -> bool {
    let may = ["eval", "evalsha", "fcall", "pfcount", "publish", "spublish"];
    command.flags.has(Flags::WRITE) || may.contains(&command.name)
}
