//! What has happened in the tree: asked for where nobody here tells it soon enough, and told to those who watch.

use crate::connection::{ConnectionId, Phase};
use crate::gate::Gate;
use crate::submit::Asker;
use crate::surroundings::Hearing;
use crate::watchers::above;
use synod_tree::events::{Event, Kind, What};
use synod_tree::{Answer, Call, Reply, Request};
use synod_wire::jute;

/// A question that was answered with nothing after so long has waited for news, and is asked again at once; one that was
/// answered sooner found no place to wait.
const WAITED_US: u64 = 100_000;

impl Gate {
    /// Asks what has happened since the gate looked last, unless that is on its way.
    pub(crate) fn ask(&mut self) {
        let idle = self.asking_since_us.is_none();
        let Some(since) = self.follower.seen().filter(|_| idle) else { return };
        self.asking_since_us = Some(self.now_us);
        let call =
            Call { session: 0, owner: 0, ids: Vec::new(), request: Request::Events { since } };
        self.submit(&call, Asker::Follower);
    }

    /// The question was answered, or (`None`) is to be asked again.
    pub(crate) fn question_answered(&mut self, reply: Option<Reply>) {
        let asked_us = self.asking_since_us.take().unwrap_or(self.now_us);
        let waited = self.now_us >= asked_us + WAITED_US;
        if reply.is_some_and(|reply| self.told(reply) || waited) {
            self.ask_for_watchers();
        }
    }

    /// Keeps a question waiting at the leader while somebody here watches, unless the leader is here.
    pub(crate) fn ask_for_watchers(&mut self) {
        if self.hearing != Hearing::AtOnce && !self.watchers.is_empty() {
            self.ask();
        }
    }

    /// What has happened since the gate asked; whether that is anything.
    fn told(&mut self, reply: Reply) -> bool {
        match reply.answer {
            Answer::Events(Some(events)) => {
                let any = !events.is_empty();
                self.news(reply.zxid, events);
                any
            }
            Answer::Events(None) => {
                self.lost_track(reply.zxid);
                true
            }
            _ => false,
        }
    }

    /// The tree no longer remembers what the gate has not seen: clients connect again and say what they watch.
    pub fn lost_track(&mut self, zxid: i64) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        ids.into_iter().for_each(|id| self.hang_up(id));
        self.follower.stop();
        self.follower.begin(zxid);
    }

    /// Everything that happened up to a change; what the gate has seen of it may be left out.
    pub fn news(&mut self, zxid: i64, events: impl IntoIterator<Item = Event>) {
        let before = self.follower.seen();
        let new = self.follower.learn(zxid, events);
        if before == self.follower.seen() {
            return;
        }
        for event in &new {
            self.happened(event);
        }
        for id in std::mem::take(&mut self.held) {
            self.deliver(id);
            self.take_input(id);
        }
    }

    fn happened(&mut self, event: &Event) {
        match &event.what {
            What::Node(kind, path) => {
                for id in self.watchers.concerned(path) {
                    self.fire(id, *kind, path);
                }
            }
            What::SessionEnded(session) => self.session_gone(*session, event.zxid, None),
            What::SessionMoved(session, owner) => {
                self.session_gone(*session, event.zxid, Some(*owner));
            }
        }
    }

    /// Tells one connection what it watches of a change.
    pub(crate) fn fire(&mut self, id: ConnectionId, kind: Kind, path: &str) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.phase == Phase::Closing {
            return; // the last word was spoken
        }
        let output = &mut connection.output;
        connection.watches.fire(kind, path, &mut |kind, path| {
            jute::put_event(output, kind as i32, path);
        });
        for path in [Some(path), above(path)].into_iter().flatten() {
            if !connection.watches.has(path) {
                self.watchers.remove(path, id);
            }
        }
        self.dirty.insert(id);
    }

    /// A session has ended or is served by another owner since this change.
    fn session_gone(&mut self, session: i64, zxid: i64, owner: Option<u64>) {
        let Some(id) = self.sessions.get(&session).copied() else { return };
        let Some(connection) = self.connections.get(&id) else { return };
        if owner == Some(id.0) || zxid <= connection.since || connection.is_leaving() {
            return;
        }
        self.sessions.remove(&session);
        self.hang_up(id);
    }
}
