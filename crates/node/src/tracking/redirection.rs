//! REDIRECT: a connection is told of changed keys in the place of another one, which may be of another worker.
//!
//! Nothing orders what two connections are told. A client that keeps copies by two connections notes what it has asked for, and
//! drops that note when it is told of the key; so it is told at once, and once more behind a reply that was under way.

use crate::errand::Errand;
use crate::node::Node;
use synod_redis::{invalidation, redirection_broken};
use synod_replica::Origin;
use synod_types::{ClientId, limits};
use synod_wire::resp::Proto;

/// What another connection is told once more in a client's place, behind the reply at `seq`; no keys are all keys.
#[derive(Debug)]
pub(super) struct Late {
    seq: u64,
    keys: Option<Vec<Vec<u8>>>,
}

/// Whom a message concerns: clients by the ids that they know, and the keys; none are all keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Redirected {
    pub to: u64,
    pub keys: Option<Vec<Vec<u8>>>,
}

impl Node {
    /// What a client has read may be under way to it: the connection that it has named hears of it once more, behind that.
    pub(super) fn tell_other_late(&mut self, client: ClientId, seq: u64, key: Option<&[u8]>) {
        let none = || Late { seq, keys: Some(Vec::new()) };
        let late = self.caching.late.entry(client).or_insert_with(none);
        late.seq = late.seq.max(seq);
        let few = |keys: &Vec<Vec<u8>>| keys.len() < limits::INVALIDATIONS_BEHIND_MAX;
        late.keys = late.keys.take().filter(few).zip(key).map(|(mut keys, key)| {
            keys.push(key.to_vec());
            keys
        });
    }

    pub(super) fn tell_late(&mut self) {
        let mut due = Vec::new();
        for (client, late) in &self.caching.late {
            let session = self.clients.session(*client);
            if session.is_none_or(|session| session.has_left(late.seq)) {
                due.push(*client);
            }
        }
        for client in due {
            let Some(late) = self.caching.late.remove(&client) else { continue };
            let session = self.clients.session(client).and_then(|session| session.tracking());
            let Some(to) = session.and_then(|tracking| tracking.redirect) else { continue };
            let keys: Option<Vec<&[u8]>> =
                late.keys.as_ref().map(|keys| keys.iter().map(Vec::as_slice).collect());
            self.tell_other(client, to, keys.as_deref());
        }
    }

    /// Tells the connection that a client has named in its place; it may be at another worker.
    pub(super) fn tell_other(&mut self, client: ClientId, to: u64, keys: Option<&[&[u8]]>) {
        let workers = u64::from(self.local.config().workers);
        let worker = u16::try_from((to - 1) % workers).unwrap_or(0);
        if worker == self.local.config().worker {
            if !self.tell_redirected(to, keys) {
                self.break_redirection(client, to);
            }
            return;
        }
        let keys = keys.map(|keys| keys.iter().map(|key| key.to_vec()).collect());
        let errand = Errand::Invalidate(Redirected { to, keys });
        self.ask_colleague(worker, Origin::Internal, &errand);
    }

    /// Tells a connection of this worker, which others have named; whether it is there.
    pub(crate) fn tell_redirected(&mut self, to: u64, keys: Option<&[&[u8]]>) -> bool {
        let Some(client) = self.client_with(to) else { return false };
        let Some(session) = self.clients.session(client) else { return false };
        let proto = session.proto();
        if proto == Proto::Resp3 || !session.subscriptions().is_empty() {
            session.push(&invalidation(keys, proto), &mut self.output.ready);
        }
        true
    }

    /// Another worker's clients have named a connection of this one to be told.
    pub(crate) fn redirected(&mut self, told: &Redirected) {
        let keys: Option<Vec<&[u8]>> =
            told.keys.as_ref().map(|keys| keys.iter().map(Vec::as_slice).collect());
        if !self.tell_redirected(told.to, keys.as_deref()) {
            let own = self.local.config().worker;
            for worker in (0..self.local.config().workers).filter(|worker| *worker != own) {
                self.ask_colleague(worker, Origin::Internal, &Errand::Unredirect(told.to));
            }
        }
    }

    /// A connection that clients have named is gone: those of them that are here are told.
    pub(crate) fn unredirect(&mut self, to: u64) {
        let clients: Vec<ClientId> = self.caching.tracked.clients().iter().copied().collect();
        for client in clients {
            let session = self.clients.session(client).and_then(|session| session.tracking());
            if session.is_some_and(|tracking| tracking.redirect == Some(to)) {
                self.break_redirection(client, to);
            }
        }
    }

    pub(super) fn break_redirection(&mut self, client: ClientId, to: u64) {
        let Some(session) = self.clients.session(client) else { return };
        if let Some(tracking) = session.tracking_mut() {
            tracking.is_broken = true;
        }
        if session.proto() == Proto::Resp3 {
            session.push(&redirection_broken(to), &mut self.output.ready);
        }
    }

    /// The connection of this worker with the id that clients know.
    pub(crate) fn client_with(&self, id: u64) -> Option<ClientId> {
        let found =
            self.clients.sessions().iter().find(|session| self.client_id(session.number()) == id);
        found.filter(|session| !session.is_closing()).map(|session| session.id())
    }
}
