//! MONITOR: the commands that this node's clients send, as they are run.
//!
//! Every worker sends its lines to those workers of the node that have somebody who listens, and to nobody otherwise.

use crate::errand::Errand;
use crate::node::Node;
use std::collections::BTreeSet;
use std::fmt::Write;
use synod_data::{Command, Flags};
use synod_redis::{Flow, Join, ReplyMode};
use synod_replica::Origin;
use synod_types::{ClientId, limits};

/// Who listens on this worker, and which workers have somebody who does.
#[derive(Debug, Default)]
pub(crate) struct Monitors {
    clients: BTreeSet<ClientId>,
    workers: BTreeSet<u16>,
}

impl Node {
    /// MONITOR.
    pub(crate) fn monitor(&mut self, client: ClientId) -> Flow {
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        if session.reply_mode() == ReplyMode::Captured {
            let text = "ERR MONITOR isn't allowed for DENY BLOCKING client";
            return self.refuse_request(client, text);
        }
        session.set_monitor(true);
        self.clients.monitors_mut().clients.insert(client);
        let errand = Errand::Monitors(self.local.config().worker, true);
        self.ask_colleagues(client, Join::AllOk, &errand)
    }

    /// A client listens no longer.
    pub(crate) fn end_monitor(&mut self, client: ClientId) {
        if !self.clients.monitors_mut().clients.remove(&client) {
            return;
        }
        if let Some(session) = self.clients.session(client) {
            session.set_monitor(false);
        }
        if self.clients.monitors().clients.is_empty() {
            let errand = Errand::Monitors(self.local.config().worker, false);
            for worker in 0..self.local.config().workers {
                self.ask_colleague(worker, Origin::Internal, &errand);
            }
        }
    }

    /// A worker has somebody who listens, or nobody any more.
    pub(crate) fn note_monitors(&mut self, worker: u16, any: bool) {
        match any {
            true => self.clients.monitors_mut().workers.insert(worker),
            false => self.clients.monitors_mut().workers.remove(&worker),
        };
    }

    /// Whether anybody listens.
    #[inline]
    pub(crate) fn is_monitored(&self) -> bool {
        !self.clients.monitors().workers.is_empty()
    }

    /// A command was run. What is for administrators is not told, and secrets are not.
    #[cold]
    pub(crate) fn tell_monitors(&mut self, client: ClientId, command: &Command, args: &[&[u8]]) {
        let sub =
            args.get(1).and_then(|word| crate::commands::subcommand_flags(command.name, word));
        if command.flags.has(Flags::ADMIN) || sub.is_some_and(|flags| flags.has(Flags::ADMIN)) {
            return;
        }
        let addr = self.clients.session(client).map(|session| session.addr().to_owned());
        let shown = crate::requests::redacted(command, args);
        let line = line(self.local.now().wall.0, &addr.unwrap_or_default(), &shown);
        for worker in self.clients.monitors().workers.clone() {
            match worker == self.local.config().worker {
                true => self.show_monitors(&line),
                false => {
                    let errand = Errand::Monitored(line.clone());
                    self.ask_colleague(worker, Origin::Internal, &errand);
                }
            }
        }
    }

    /// As [`Self::tell_monitors`], of what EXEC runs.
    pub(crate) fn tell_monitors_of_queued(&mut self, client: ClientId, commands: &[Vec<Vec<u8>>]) {
        for args in commands.iter().filter(|_| self.is_monitored()).cloned().collect::<Vec<_>>() {
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            if let Some(command) = synod_data::lookup(args[0]) {
                self.tell_monitors(client, command, &args);
            }
        }
    }

    /// Shows a line to those who listen here.
    pub(crate) fn show_monitors(&mut self, line: &[u8]) {
        for client in self.clients.monitors().clients.clone() {
            if let Some(session) = self.clients.session(client) {
                session.push(line, &mut self.output.ready);
            }
        }
    }
}

/// A line as Redis has it: time, database and address, and the arguments in quotes. Long ones are cut.
fn line(wall_ms: u64, addr: &str, args: &[&[u8]]) -> Vec<u8> {
    let mut text = format!("+{}.{:03}000 [0 {addr}]", wall_ms / 1000, wall_ms % 1000);
    for (nth, arg) in args.iter().enumerate() {
        if text.len() > limits::MONITOR_LINE_BYTES_MAX {
            let _writing_to_a_string_succeeds =
                write!(text, " \"... ({} more arguments)\"", args.len() - nth);
            break;
        }
        let room = limits::MONITOR_LINE_BYTES_MAX.saturating_sub(text.len());
        let shown = &arg[..arg.len().min(room)];
        text.push_str(" \"");
        shown.iter().for_each(|byte| quote(*byte, &mut text));
        if shown.len() < arg.len() {
            let _writing_to_a_string_succeeds =
                write!(text, "... ({} more bytes)", arg.len() - shown.len());
        }
        text.push('"');
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn quote(byte: u8, text: &mut String) {
    match byte {
        b'\\' | b'"' => text.extend(['\\', char::from(byte)]),
        b'\n' => text.push_str("\\n"),
        b'\r' => text.push_str("\\r"),
        b'\t' => text.push_str("\\t"),
        0x07 => text.push_str("\\a"),
        0x08 => text.push_str("\\b"),
        b' '..=b'~' => text.push(char::from(byte)),
        other => _ = write!(text, "\\x{other:02x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_as_redis_does_and_cut() {
        let args: &[&[u8]] = &[b"set", b"a \"b\"\\", b"\n\x00\xff"];
        assert_eq!(
            line(1_339_518_083_107, "127.0.0.1:1", args),
            b"+1339518083.107000 [0 127.0.0.1:1] \"set\" \"a \\\"b\\\"\\\\\" \"\\n\\x00\\xff\"\r\n"
        );
        let long = vec![b'x'; limits::MONITOR_LINE_BYTES_MAX * 2];
        let line = line(0, "", &[b"set", &long, &long]);
        assert!(line.len() < limits::MONITOR_LINE_BYTES_MAX + 200);
        assert!(
            String::from_utf8_lossy(&line)
                .ends_with("more bytes)\" \"... (1 more arguments)\"\r\n")
        );
    }
}
