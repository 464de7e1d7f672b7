//! The words that list connections, watches and sessions: `cons`, `wchc`, `wchp`, `dump`.

use crate::connection::{ConnectionId, Phase, Waiting};
use crate::gate::{Gate, held};
use crate::pending::Pending;
use crate::surroundings::Mode;
use crate::words::{self, Facts};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use synod_tree::{Answer, Call, Reply, Request};

/// The longest listing; what is beyond it is left out.
const LISTING_BYTES_MAX: usize = 4 << 20;

impl Gate {
    /// The answer to a word that lists what this gate knows.
    pub(crate) fn listing(&self, word: [u8; 4]) -> Option<String> {
        match &word {
            b"cons" => Some(self.list_connections()),
            b"wchc" => Some(listed(self.watches_by(|session, path| (session, path)))),
            b"wchp" => Some(listed(self.watches_by(|session, path| (path, session)))),
            _ => None,
        }
    }

    pub(crate) fn list_connections(&self) -> String {
        let mut text = String::new();
        for connection in self.connections.values() {
            let name = connection.ids.told().first().map(|(_, ip)| ip.clone()).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                " /{name}[1](queued={},sid={:#x},to={},watches={})",
                connection.waiting(),
                connection.session,
                connection.timeout_us / 1_000,
                connection.watches.len()
            );
            if text.len() > LISTING_BYTES_MAX {
                break;
            }
        }
        text
    }

    fn watches_by(
        &self,
        place: impl Fn(String, String) -> (String, String),
    ) -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut bytes = 0;
        for connection in self.connections.values() {
            let session = format!("{:#x}", connection.session);
            for path in connection.watches.paths().chain(connection.watches.recursive()) {
                bytes += path.len() + session.len();
                if bytes > LISTING_BYTES_MAX {
                    return all;
                }
                let (by, what) = place(session.clone(), path.to_owned());
                all.entry(by).or_default().insert(what);
            }
        }
        all
    }

    /// Asks the tree; the word is answered when it has.
    pub(crate) fn ask_for_word(&mut self, id: ConnectionId, word: [u8; 4], request: Request<'_>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.phase = Phase::Connecting;
        connection.read_only = self.facts.read_only;
        let call = Call { session: 0, owner: 0, ids: Vec::new(), request };
        connection
            .push(Waiting::new(0, Pending::Word(word), held(&self.namespace, &call)), self.now_us);
    }

    /// Answers a word with what the tree said.
    pub(crate) fn write_word(&mut self, id: ConnectionId, word: [u8; 4], reply: &Reply) {
        let text = match &reply.answer {
            Answer::Sessions(sessions) => dump(sessions),
            Answer::Census(census) => {
                let facts = Facts { zxid: reply.zxid, ..self.facts() };
                let clients = || self.list_connections();
                let mode = match facts.read_only {
                    true => Mode::ReadOnly,
                    false => self.around.mode,
                };
                words::tell(word, facts, mode, *census, &clients)
            }
            _ => words::DOWN.to_owned(),
        };
        self.answer_word(id, &text);
    }
}

fn dump(sessions: &[(i64, Vec<String>)]) -> String {
    let mut text = format!("SessionTracker dump:\nSession Sets (0)/({}):\n", sessions.len());
    for (session, _) in sessions {
        let _ = writeln!(text, "\t{session:#x}");
    }
    let with: Vec<_> = sessions.iter().filter(|(_, paths)| !paths.is_empty()).collect();
    let count = with.len();
    let _ = write!(text, "ephemeral nodes dump:\nSessions with Ephemerals ({count}):\n");
    for (session, paths) in with {
        let _ = writeln!(text, "{session:#x}:");
        for path in paths {
            let _ = writeln!(text, "\t{path}");
        }
        if text.len() > LISTING_BYTES_MAX {
            break;
        }
    }
    text
}

fn listed(all: BTreeMap<String, BTreeSet<String>>) -> String {
    let mut text = String::new();
    for (by, whats) in all {
        text.push_str(&by);
        text.push('\n');
        for what in whats {
            text.push('\t');
            text.push_str(&what);
            text.push('\n');
        }
    }
    text
}
