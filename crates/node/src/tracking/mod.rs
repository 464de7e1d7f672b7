//! Clients that keep copies of what they read (CLIENT TRACKING), and how those of this worker hear that a key has changed.
//!
//! What a client has read is remembered here, where it is connected, *before* its read sets out. The leaders tell every
//! worker with such clients of all keys that change (`streams.rs`), in the same order as their answers. Whenever it is not
//! sure that this worker has heard of every change (a partition has a new leader or none, something between two workers
//! was lost), its clients are told that everything may have changed. So a copy is out of date for a bounded time at most.
//!
//! ```text
//!   read k --remembered--> leader --answer--> the client's replies
//!   write k -----------------> leader --Changed--> who has read k? --> behind the reply with k
//! ```

mod redirection;
mod streams;
mod telling;

pub(crate) use redirection::Redirected;
pub(crate) use streams::Streams;

use crate::authority::runs_script;
use crate::colleagues::NODE;
use crate::node::Node;
use redirection::Late;
use std::collections::{BTreeMap, BTreeSet};
use synod_data::op::Args;
use synod_data::{Command, Noted};
use synod_redis::{Tracked, Tracking};
use synod_replica::{Changes, Origin};
use synod_types::{ClientId, RequestId, limits};

/// Of so many requests of clients that run scripts or do not want to hear of their own changes it is known whose they are,
/// once they were sent elsewhere.
const OWN_REQUESTS_MAX: usize = 4_096;

/// What the clients of this worker keep copies of.
#[derive(Debug, Default)]
pub(crate) struct Caching {
    tracked: Tracked,
    pub streams: Streams,
    /// Keys that have changed in this turn, for those who hear of prefixes, and through whom.
    changed: BTreeMap<Vec<u8>, Option<ClientId>>,
    /// Every key may have changed in this turn.
    all_changed: bool,
    /// What has changed may not have been heard of.
    unheard: bool,
    /// Clients that were answered in this turn that they are told of changes from now on.
    begun: BTreeSet<ClientId>,
    /// What others are told once more when a reply of the client that has named them has left.
    late: BTreeMap<ClientId, Late>,
    /// Requests of clients that run scripts or do not want to hear of their own changes.
    own_requests: BTreeMap<RequestId, ClientId>,
    /// The newest of those of which it is not known any more whose they are.
    forgotten: Option<RequestId>,
}

impl Caching {
    /// `seed`: no other process of this worker has the same.
    pub fn new(seed: u64) -> Self {
        Self { streams: Streams::new(seed), ..Self::default() }
    }

    /// Whether this may be a request of which it is not known any more whose it is.
    fn is_forgotten(&self, id: RequestId) -> bool {
        self.forgotten.is_some_and(|newest| id <= newest)
    }

    /// What is remembered.
    pub fn tracked(&self) -> &Tracked {
        &self.tracked
    }
}

/// Whether an operation came from a client of this worker.
fn is_own(origin: Option<Origin>) -> bool {
    matches!(origin, Some(Origin::Client { .. } | Origin::Gather { .. }))
}

impl Node {
    /// CLIENT TRACKING ON.
    pub(crate) fn begin_tracking(&mut self, client: ClientId, tracking: Tracking) {
        self.end_tracking(client);
        let Some(session) = self.clients.session(client) else { return };
        self.caching.tracked.begin(client, &tracking);
        session.set_tracking(Some(tracking));
        self.ask_for_changes();
    }

    /// CLIENT TRACKING OFF, or the client is gone.
    pub(crate) fn end_tracking(&mut self, client: ClientId) {
        let Some(session) = self.clients.session(client) else { return };
        let Some(before) = session.set_tracking(None) else { return };
        self.caching.tracked.end(client, &before);
    }

    /// A command is about to run that may give the client something to keep.
    #[cold]
    pub(crate) fn remember_reads(
        &mut self,
        client: ClientId,
        command: &'static Command,
        args: &[&[u8]],
    ) {
        let Some(session) = self.clients.session(client) else { return };
        let seq = session.begin_read();
        let apart = runs_script(command, args) && self.one_partition(command, args).is_err();
        self.remember_keys(client, seq, (command, args), apart);
        if command.name != "client"
            && let Some(tracking) = self.clients.session(client).and_then(|s| s.tracking_mut())
        {
            tracking.caching = false;
        }
    }

    /// As [`Self::remember_reads`], of what EXEC is about to run.
    pub(crate) fn remember_queued_reads(&mut self, client: ClientId, commands: &[Vec<Vec<u8>>]) {
        let Some(session) = self.clients.session(client) else { return };
        if session.tracking().is_none() {
            return;
        }
        let seq = session.begin_read();
        let all: Vec<Args<'_>> =
            commands.iter().map(|args| args.iter().map(Vec::as_slice).collect()).collect();
        let apart = crate::commands::lie_apart(self, &all);
        for args in &all {
            if let Some(command) = synod_data::lookup(args[0]) {
                self.remember_keys(client, seq, (command, args), apart);
            }
        }
    }

    /// `apart`: keys lie in several partitions, and no leader sees which of them a script reads.
    fn remember_keys(
        &mut self,
        client: ClientId,
        seq: u64,
        (command, args): (&Command, &[&[u8]]),
        apart: bool,
    ) {
        let script = runs_script(command, args);
        let reads = command.only_reads() || script;
        let Some(session) = self.clients.session(client).filter(|_| reads) else { return };
        let Some(tracking) = session.tracking_mut().filter(|t| t.remembers()) else { return };
        tracking.keeps = true;
        if script && !apart {
            // What it reads its leader tells.
            tracking.runs_scripts = true;
            return;
        }
        for at in command.key_positions(args) {
            self.caching.tracked.remember(args[at], client, seq, |seq| session.has_left(seq));
        }
    }

    /// A script of a client has read a key, or one of whom it is not known any more.
    fn read_by_script(&mut self, key: &[u8], client: Option<ClientId>) {
        let Some(client) = client else {
            self.caching.unheard = true;
            return;
        };
        let Some(session) = self.clients.session(client) else { return };
        if session.tracking().is_some_and(|tracking| tracking.runs_scripts) {
            let seq = session.last_read();
            self.caching.tracked.remember(key, client, seq, |seq| session.has_left(seq));
        }
    }

    /// Notes whose request this is, for a client that runs scripts or does not want to hear of its own changes.
    pub(crate) fn note_own_request(&mut self, id: RequestId, origin: Origin) {
        let Some(client) = self.author(Some(origin)) else { return };
        let session = self.clients.session(client).and_then(|session| session.tracking());
        if session.is_some_and(|tracking| tracking.skips_own || tracking.runs_scripts) {
            self.caching.own_requests.insert(id, client);
            if self.caching.own_requests.len() > OWN_REQUESTS_MAX {
                let oldest = self.caching.own_requests.pop_first();
                self.caching.forgotten = oldest.map(|(id, _)| id);
            }
        }
    }

    /// Which client of this worker an operation was done for, as far as it is known.
    fn author(&self, origin: Option<Origin>) -> Option<ClientId> {
        match origin? {
            Origin::Client { client, .. } => Some(client),
            Origin::Gather { gather, .. } => {
                self.clients.gathers().place(gather).map(|(client, _)| client)
            }
            Origin::Internal | Origin::Peer { .. } | Origin::Call { .. } | Origin::Step { .. } => {
                None
            }
        }
    }

    /// Keys of a partition that is led here have changed.
    pub(crate) fn publish_changes(&mut self, changes: &Changes) {
        self.spread_changes(changes);
        if self.caching.streams.listens() {
            self.caching.all_changed |= changes.all;
            for (key, noted, origin) in &changes.keys {
                let author = self.author(*origin);
                match noted {
                    Noted::Changed => self.invalidate(key, author),
                    Noted::Read if is_own(*origin) => self.read_by_script(key, author),
                    Noted::Read => {}
                }
            }
        }
    }

    /// A key has changed: whoever has read it is told. Those who hear of its prefix are told when the turn ends.
    fn invalidate(&mut self, key: &[u8], author: Option<ClientId>) {
        let skips = |client: &ClientId| {
            let session = self.clients.session(*client).and_then(|session| session.tracking());
            session.is_some_and(|tracking| tracking.skips_own)
        };
        let but = author.filter(skips);
        for (client, reader) in self.caching.tracked.forget(key, but) {
            self.tell_reader(client, reader, key);
        }
        if self.caching.tracked.prefixes().is_empty() {
            return;
        }
        let changed = &mut self.caching.changed;
        if changed.len() >= limits::CHANGED_KEYS_MAX {
            self.caching.all_changed = true;
            return;
        }
        let known = changed.entry(key.to_vec()).or_insert(author);
        if *known != author {
            *known = None;
        }
    }

    /// Answers CLIENT TRACKING once the changes of all keys are heard of.
    pub(crate) fn answer_trackers(&mut self) {
        for (client, seq) in self.heard_of_by() {
            self.caching.begun.insert(client);
            let origin = Origin::Client { client, seq };
            self.desk(NODE).relay(origin, b"+OK\r\n");
        }
    }
}
