//! Serving what the replica here has while the tree has no leader, to clients that say that they take that.
//!
//! ```text
//!  serving --nothing was answered for a while, and there is a replica here--> read-only
//!     ^                                                                         |
//!     +------------------------------ the tree answers again -------------------+
//! ```
//!
//! At either end the connections of such clients are closed: they come again, and find what there is then. What they read is
//! as old as this replica; a session that has ended elsewhere is still taken for one. Neither is anything of it
//! in the tree: a client without a session gets a number that no tree gives, and has to open one where it may write.

use crate::connection::{ConnectionId, Phase, State, Waiting};
use crate::gate::{Gate, held};
use crate::pending::Pending;
use crate::translate::translate;
use synod_tree::{Answer, Call, READER, Reply, Request};
use synod_wire::jute::{ConnectRequest, Op, put_connect_reply};

/// How long nothing was answered when this begins.
const SILENT_US: u64 = 2_000_000;
/// ZooKeeper's number for a change that a server which only reads was asked for.
const NOT_READ_ONLY: i32 = -119;

impl Gate {
    /// Begins or ends it, as the time and the answers of the tree want it.
    pub(crate) fn tend_read_only(&mut self, has_replica: bool) {
        if self.facts.serving {
            self.silent_since_us = None;
        }
        let since = match self.facts.serving {
            true => None,
            false => Some(*self.silent_since_us.get_or_insert(self.now_us)),
        };
        let begins = since.is_some_and(|since| self.now_us >= since + SILENT_US) && has_replica;
        if begins == self.facts.read_only {
            return;
        }
        self.facts.read_only = begins;
        let concerned = self.connections.iter().filter(|(_, connection)| {
            connection.phase != Phase::Greeting
                && if begins { connection.takes_read_only } else { connection.read_only }
        });
        for id in concerned.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.hang_up(id);
        }
    }

    /// A client connects that takes what there is.
    pub(crate) fn connect_read_only(
        &mut self,
        id: ConnectionId,
        asked: &ConnectRequest,
        timeout_ms: u32,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.read_only = true;
        let request = match asked.session {
            0 => Request::Sync,
            _ => Request::Recognise { password: asked.password },
        };
        let pending = Pending::ConnectReadOnly { last_zxid: asked.last_zxid, timeout_ms };
        let call = Call { session: asked.session, owner: READER, ids: Vec::new(), request };
        connection.push(Waiting::new(0, pending, held(&self.namespace, &call)), self.now_us);
    }

    /// What the replica says to that.
    pub(crate) fn write_connect_read_only(
        &mut self,
        id: ConnectionId,
        last_zxid: i64,
        timeout_ms: u32,
        reply: &Reply,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (session, password) = match reply.answer {
            Answer::Session { id, password, .. } => (id, password),
            // A number that no tree gives, for a session that is in none.
            Answer::Done => ((id.0 & 0xffff_ffff) as i64 | 1 << 62, [0; 16]),
            // It may have begun behind what this replica has.
            _ => return self.hang_up(id),
        };
        if last_zxid > reply.zxid {
            return self.hang_up(id);
        }
        let timeout = i32::try_from(timeout_ms).unwrap_or(i32::MAX);
        put_connect_reply(&mut connection.output, session, &password, timeout, Some(true));
        connection.phase = Phase::Connected;
        connection.session = session;
        connection.timeout_us = u64::from(timeout_ms) * 1_000;
        (connection.since, connection.shown) = (reply.zxid, reply.zxid);
        if self.sessions.is_empty() {
            self.follower.begin(reply.zxid);
        }
        if let Some(before) = self.sessions.insert(session, id).filter(|before| *before != id) {
            self.hang_up(before);
        }
    }

    /// A request of a connection that only reads.
    pub(crate) fn read_only_request(&self, id: ConnectionId, xid: i32, op: &Op<'_>) -> Waiting {
        let local = |pending| Waiting::new(xid, pending, State::local());
        match translate(op) {
            Ok((Request::Close, pending)) => local(pending),
            Ok((request, pending)) if request.is_read() => {
                let ids = self.connections.get(&id).map(|c| c.ids.all()).unwrap_or_default();
                let call = Call { session: 0, owner: READER, ids, request };
                Waiting::new(xid, pending, held(&self.namespace, &call))
            }
            Ok(_) => local(Pending::Local(Err(NOT_READ_ONLY))),
            Err(code) => local(Pending::Local(Err(code))),
        }
    }
}
