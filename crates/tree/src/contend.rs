//! Locks of the tree for those who have no session of ZooKeeper's: they stand in the same line as its recipes.
//!
//! Who takes a lock gets a znode in line that goes with a session of its own, as long as its lease; the znode's czxid is the
//! token. So what ends a session ends a lease, and a client of a recipe sees nothing but one more contender.
//!
//! The answers are those of the commands (`LOCK ACQUIRE` and so on), and not those of ZooKeeper's protocol.

use crate::acl::{Acl, Id};
use crate::call::{Change, Mode};
use crate::change::Author;
use crate::code::Code;
use crate::limits::SESSIONS_MAX;
use crate::path;
use crate::queue::{Queue, Standing, name_of};
use crate::tree::Tree;
use std::collections::BTreeMap;
use synod_machine::Context;
use synod_types::ReplySink;
use synod_types::plant::planted;

/// Who serves the sessions of leases: no connection, so no client can speak for one.
const LEASES: u64 = u64::MAX;
/// How long one that waits is kept in line without being asked for, at least, in milliseconds. Its lease begins when it is
/// renewed.
const WAITING_MS: u32 = 4_000;

/// What can be asked about a lock of the tree. The path is that of the znode that the contenders stand under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contend<'a> {
    /// Stand in line, or (without `wait`) only if nobody is before. Answers the token, an array of the token when others are
    /// before, or null.
    Enqueue {
        /// The lock.
        path: &'a str,
        /// The lease, in milliseconds.
        lease_ms: u32,
        /// Whether it is held together with others that say so.
        shared: bool,
        /// Whether to stand in line.
        wait: bool,
    },
    /// The lease of a holder begins anew. Answers 1, or 0 when it holds the lock no longer.
    Renew {
        /// The lock.
        path: &'a str,
        /// The holder.
        token: i64,
        /// The lease, in milliseconds.
        lease_ms: u32,
    },
    /// Leave the line, or give the lock back. Answers 1, or 0 when the token is not in line.
    Leave {
        /// The lock.
        path: &'a str,
        /// The contender.
        token: i64,
    },
    /// Read: where a contender stands. Answers 1 when it holds the lock, 0 when it is not in line, else null.
    Await {
        /// The lock.
        path: &'a str,
        /// The contender.
        token: i64,
    },
    /// Read: who holds the lock. Answers a map, or null when nobody is in line.
    Inspect {
        /// The lock.
        path: &'a str,
    },
}

impl Contend<'_> {
    /// Whether nothing in the tree changes by it.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        matches!(self, Self::Await { .. } | Self::Inspect { .. })
    }
}

/// What a client is told whose lock the tree refuses.
const fn told(code: Code) -> &'static str {
    match code {
        Code::NoAuth => "NOPERM the access list of the lock's znode forbids it",
        Code::NoChildrenForEphemerals => "ERR the lock's znode is ephemeral and has no children",
        Code::QuotaExceeded => "ERR the quota of the lock's znode is exceeded",
        _ => "ERR a lock of the tree has a path of the tree as its name",
    }
}

impl Tree {
    /// Runs a changing request about a lock.
    pub(crate) fn contend(&mut self, ask: &Contend<'_>, ctx: &Context, out: &mut dyn ReplySink) {
        match *ask {
            Contend::Enqueue { path, lease_ms, shared, wait } => {
                let admitted = self.queues.get(path).is_none_or(|queue| queue.admits(shared));
                let admitted = admitted || planted("line-jumped");
                if !admitted && !wait {
                    return out.null_array();
                }
                let timeout_ms = if admitted { lease_ms } else { lease_ms.max(WAITING_MS) };
                match self.enqueue(path, timeout_ms, shared, ctx) {
                    Ok(token) if admitted => out.integer(token),
                    Ok(token) => {
                        out.array(1);
                        out.integer(token);
                    }
                    Err(code) => out.error(told(code)),
                }
            }
            Contend::Renew { path, token, lease_ms } => {
                let leased = self.leased(path, token);
                let held = leased.filter(|_| self.standing(path, token) == Standing::Holds);
                if let Some(session) = held.and_then(|id| self.sessions.get_mut(&id)) {
                    session.timeout_ms = lease_ms;
                }
                out.integer(held.is_some().into());
            }
            Contend::Leave { path, token } => {
                let leased = self.leased(path, token);
                if let Some(session) = leased {
                    self.end(session);
                    self.commit();
                }
                out.integer(leased.is_some().into());
            }
            Contend::Await { .. } | Contend::Inspect { .. } => self.inspect(ask, out),
        }
    }

    /// Runs a reading request about a lock.
    pub(crate) fn inspect(&self, ask: &Contend<'_>, out: &mut dyn ReplySink) {
        match *ask {
            Contend::Await { path, token } => match self.standing(path, token) {
                Standing::Holds => out.integer(1),
                Standing::Gone => out.integer(0),
                Standing::Waits => out.null_array(),
            },
            Contend::Inspect { path } => match self.queues.get(path) {
                Some(queue) => self.describe(path, queue, out),
                None => out.null_array(),
            },
            _ => out.error(told(Code::BadArguments)),
        }
    }

    /// Those who may write under this lock: the tokens of its holders.
    pub fn holders(&self, path: &str) -> Vec<u64> {
        let queue = self.queues.get(path);
        let tokens = queue.into_iter().flat_map(|queue| queue.holders());
        tokens.map(|(_, token)| token.unsigned_abs()).collect()
    }

    /// The locks whose holders may have changed since this was asked last.
    pub fn take_changed_locks(&mut self) -> impl Iterator<Item = Box<str>> + use<> {
        self.queues.take_changed().into_iter()
    }

    /// Whether the one with this token stands in line behind others.
    #[must_use]
    pub fn waits(&self, path: &str, token: i64) -> bool {
        self.standing(path, token) == Standing::Waits
    }

    /// The session of a lease; `None` when the token is not in line, or belongs to a session of a client.
    pub(crate) fn leased(&self, path: &str, token: i64) -> Option<i64> {
        let name = self.queues.get(path)?.name(token)?;
        let owner = self.nodes.get(&path::join(path, name))?.stat.ephemeral_owner;
        self.sessions.get(&owner).filter(|session| session.owner == LEASES).map(|_| owner)
    }

    pub(crate) fn standing(&self, path: &str, token: i64) -> Standing {
        self.queues.get(path).map_or(Standing::Gone, |queue| queue.standing(token))
    }

    fn describe(&self, path: &str, queue: &Queue, out: &mut dyn ReplySink) {
        let holders: Vec<(&str, i64)> = queue.holders().collect();
        out.map(4);
        out.bulk(b"mode");
        out.bulk(if queue.is_shared() { b"shared" } else { b"exclusive" });
        out.bulk(b"token");
        out.integer(holders.iter().map(|(_, token)| *token).max().unwrap_or_default());
        out.bulk(b"holders");
        out.array(holders.len());
        for (name, token) in &holders {
            let owner =
                self.nodes.get(&path::join(path, name)).map(|node| node.stat.ephemeral_owner);
            let session = owner.and_then(|owner| self.sessions.get(&owner));
            out.map(3);
            out.bulk(b"token");
            out.integer(*token);
            out.bulk(b"ttl");
            out.integer(session.map_or(-1, |session| session.timeout_ms.into()));
            out.bulk(b"znode");
            out.bulk(name.as_bytes());
        }
        out.bulk(b"waiting");
        out.integer((queue.len() - holders.len()) as i64);
    }

    /// A session of its own, the znodes on the way to the lock that are not there, and the one in line; its token.
    fn enqueue(
        &mut self,
        lock: &str,
        timeout_ms: u32,
        shared: bool,
        ctx: &Context,
    ) -> Result<i64, Code> {
        path::check(lock)?;
        if path::is_special(lock) || self.sessions.len() >= SESSIONS_MAX {
            return Err(Code::BadArguments);
        }
        let session = self.open_session(LEASES, timeout_ms, ctx);
        let ids: &[Id] = &[];
        let author = Author { session, ids, now: ctx.now.0 as i64 };
        self.undo = Some(BTreeMap::new());
        match self.stand_in_line(lock, shared, &author) {
            Ok(()) => {
                self.undo = None;
                self.commit();
                Ok(self.zxid)
            }
            Err(code) => {
                self.take_back();
                self.sessions.remove(&session);
                Err(code)
            }
        }
    }

    fn stand_in_line(&mut self, lock: &str, shared: bool, author: &Author<'_>) -> Result<(), Code> {
        let ends = lock.match_indices('/').map(|(at, _)| at).skip(1).chain([lock.len()]);
        for end in ends {
            match self.create_open(&lock[..end], b"", false, author) {
                Ok(()) | Err(Code::NodeExists) => {}
                // Who may not create it need not, if it is there.
                Err(Code::NoAuth) => {}
                Err(code) => return Err(code),
            }
        }
        let number = self.nodes.get(lock).ok_or(Code::NoAuth)?.stat.cversion;
        let name = name_of(number, shared);
        self.create_open(&path::join(lock, &name), b"synod", true, author)
    }

    fn create_open(
        &mut self,
        path: &str,
        data: &[u8],
        ephemeral: bool,
        author: &Author<'_>,
    ) -> Result<(), Code> {
        let mode = Mode { ephemeral, ..Mode::default() };
        let acl = Acl::open();
        let change = Change::Create { path, data: Some(data), acl, mode, with_stat: false };
        self.one(&change, author).map(|_| ())
    }
}
