//! The clients of this worker and what they have under way here: sessions, replies that are put together from several,
//! subscriptions, monitors, transactions that wait for a command of their own.

use crate::commands::Running;
use crate::errand::Pause;
use crate::monitor::Monitors;
use std::collections::BTreeMap;
use synod_redis::{Gathers, PubSub, Session, Sessions, Space};
use synod_types::ClientId;

/// The clients of one worker.
#[derive(Default)]
pub(crate) struct Clients {
    sessions: Sessions,
    gathers: Gathers,
    pubsub: PubSub,
    monitors: Monitors,
    /// Transactions that wait for a command of their session.
    running: BTreeMap<ClientId, Running>,
    /// Requests of clients wait, if this is set.
    pause: Option<Pause>,
}

impl Clients {
    /// The session of a client, if it is still there.
    #[inline]
    pub(crate) fn session(&mut self, client: ClientId) -> Option<&mut Session> {
        self.sessions.get(client)
    }

    /// All sessions.
    #[inline]
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// As [`Self::sessions`], to change them.
    #[inline]
    pub(crate) fn sessions_mut(&mut self) -> &mut Sessions {
        &mut self.sessions
    }

    /// Replies that are put together from those of several partitions, workers or nodes.
    #[inline]
    pub(crate) fn gathers(&self) -> &Gathers {
        &self.gathers
    }

    /// As [`Self::gathers`], to change them.
    #[inline]
    pub(crate) fn gathers_mut(&mut self) -> &mut Gathers {
        &mut self.gathers
    }

    /// Those to whom answers go: a session, or what is put together for one.
    #[inline]
    pub(crate) fn answered(&mut self) -> (&mut Sessions, &mut Gathers) {
        (&mut self.sessions, &mut self.gathers)
    }

    /// Who subscribed to what.
    pub(crate) fn pubsub(&self) -> &PubSub {
        &self.pubsub
    }

    /// Subscribes a session; `false` when it has too many subscriptions or the name is too long.
    pub(crate) fn subscribe(&mut self, client: ClientId, space: Space, name: &[u8]) -> bool {
        self.pubsub.subscribe(&mut self.sessions, client, space, name)
    }

    /// Ends a subscription, if it is there.
    pub(crate) fn unsubscribe(&mut self, client: ClientId, space: Space, name: &[u8]) {
        self.pubsub.unsubscribe(&mut self.sessions, client, space, name);
    }

    /// Ends all subscriptions of a session.
    pub(crate) fn unsubscribe_all(&mut self, client: ClientId) {
        self.pubsub.unsubscribe_all(&mut self.sessions, client);
    }

    /// Subscriptions and sessions, for the delivery of messages.
    pub(crate) fn subscribers(&mut self) -> (&mut PubSub, &mut Sessions) {
        (&mut self.pubsub, &mut self.sessions)
    }

    /// Who watches what clients send.
    #[inline]
    pub(crate) fn monitors(&self) -> &Monitors {
        &self.monitors
    }

    /// As [`Self::monitors`], to change them.
    pub(crate) fn monitors_mut(&mut self) -> &mut Monitors {
        &mut self.monitors
    }

    /// A transaction waits for a command of its session.
    pub(crate) fn set_aside(&mut self, client: ClientId, running: Running) {
        self.running.insert(client, running);
    }

    /// The transaction that waited, if there is one.
    pub(crate) fn take_aside(&mut self, client: ClientId) -> Option<Running> {
        self.running.remove(&client)
    }

    /// Begins a pause, or makes the one under way at `now_us` longer or stricter.
    pub(crate) fn pause(&mut self, pause: Pause, now_us: u64) {
        let longer = |before: Pause| Pause {
            until_us: before.until_us.max(pause.until_us),
            all: before.all || pause.all,
        };
        self.pause = Some(self.paused(now_us).map_or(pause, longer));
    }

    /// Ends the pause; whether there was one.
    pub(crate) fn unpause(&mut self) -> bool {
        self.pause.take().is_some()
    }

    /// Whether a pause was begun and not ended yet, though its time may have come.
    #[inline]
    pub(crate) fn has_pause(&self) -> bool {
        self.pause.is_some()
    }

    /// The pause, while its time has not come.
    pub(crate) fn paused(&self, now_us: u64) -> Option<Pause> {
        self.pause.filter(|pause| pause.until_us > now_us)
    }
}
