//! Moving keys to another server: what a node asks of its world, which has the sockets.
//!
//! The session that asked takes no further request until it is answered, so what is sent behind MIGRATE finds the keys moved.

use crate::node::Node;
use synod_types::{ClientId, ReplySink, limits};

/// Keys that are to be moved to another server.
///
/// The world asks this node for each as a client does: `WATCH`, `DUMP` and `PTTL`, `RESTORE-ASKING` at the target, and, when that has
/// acknowledged it and unless it is a copy, `DEL` in a transaction that the watch guards. Then it calls [`Node::migrated`].
#[derive(Clone, PartialEq, Eq)]
pub struct Migration {
    /// Who asked, and the place of the answer.
    pub client: (ClientId, u64),
    /// The target's host, a name or an address, and its port.
    pub target: (String, u16),
    /// The database there.
    pub database: i64,
    /// The keys, in their order.
    pub keys: Vec<Vec<u8>>,
    /// How long the target may be silent, in milliseconds; at least 1.
    pub timeout_ms: u64,
    /// Whether the keys stay here.
    pub copies: bool,
    /// Whether keys of the target are overwritten.
    pub replaces: bool,
    /// What AUTH is sent with: a password, or a user and a password.
    pub login: Vec<Vec<u8>>,
}

// No password in a log.
impl std::fmt::Debug for Migration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { client, target, keys, .. } = self;
        write!(f, "Migration({client:?} to {target:?}, {} keys)", keys.len())
    }
}

/// How a migration ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migrated {
    /// Every key that there was is at the target.
    Done,
    /// There was none of the keys.
    NoKey,
    /// Keys behind the one at which it ended are untouched; the error says what became of that one.
    Failed(String),
}

/// How many migrations are under way.
#[derive(Debug, Default)]
pub(crate) struct Migrations {
    under_way: usize,
}

impl Node {
    /// Hands a migration to the world, if it is not too many.
    pub(crate) fn migrate(&mut self, migration: Migration) {
        let (client, seq) = migration.client;
        if self.migrations.under_way >= limits::MIGRATIONS_MAX {
            let text = "ERR Too many MIGRATEs are under way at this node";
            return self.answer_migration(client, seq, &Migrated::Failed(text.to_owned()));
        }
        self.migrations.under_way += 1;
        self.output.migrations.push(Box::new(migration));
    }

    /// A migration has ended. Its client may be gone.
    pub fn migrated(&mut self, (client, seq): (ClientId, u64), how: &Migrated) {
        self.migrations.under_way = self.migrations.under_way.saturating_sub(1);
        self.answer_migration(client, seq, how);
    }

    fn answer_migration(&mut self, client: ClientId, seq: u64, how: &Migrated) {
        let ready = &mut self.output.ready;
        self.clients.sessions_mut().complete(client, seq, ready, &mut |out| match how {
            Migrated::Done => out.simple("OK"),
            Migrated::NoKey => out.simple("NOKEY"),
            Migrated::Failed(text) => out.error(text),
        });
    }
}
