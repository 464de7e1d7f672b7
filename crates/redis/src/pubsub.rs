//! Publish and subscribe: who listens on this worker, and what they hear.

use crate::sessions::{Ready, Sessions};
use std::collections::{BTreeMap, BTreeSet};
use synod_data::Glob;
use synod_types::{ClientId, ReplySink, limits};
use synod_wire::resp::{Proto, RespWriter};

/// What a name that is subscribed to means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// A channel by its name.
    Channel,
    /// All channels that match.
    Pattern,
    /// A shard channel by its name.
    Shard,
}

impl Space {
    /// The word of the messages about subscribing.
    #[must_use]
    pub fn subscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"subscribe",
            Self::Pattern => b"psubscribe",
            Self::Shard => b"ssubscribe",
        }
    }

    /// The word of the messages about unsubscribing.
    #[must_use]
    pub fn unsubscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"unsubscribe",
            Self::Pattern => b"punsubscribe",
            Self::Shard => b"sunsubscribe",
        }
    }
}

/// What one session listens to.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeSet<Vec<u8>>,
    patterns: BTreeSet<Vec<u8>>,
    shards: BTreeSet<Vec<u8>>,
    /// How long their names are together.
    bytes: usize,
}

impl Subscriptions {
    /// Whether there is room for this name; one that is there already takes none.
    fn has_room(&self, space: Space, name: &[u8]) -> bool {
        name.len() <= limits::CHANNEL_BYTES_MAX
            && (self.of(space).contains(name)
                || self.len() < limits::SUBSCRIPTIONS_MAX
                    && self.bytes + name.len() <= limits::SUBSCRIPTIONS_BYTES_MAX)
    }

    fn insert(&mut self, space: Space, name: &[u8]) {
        if self.of_mut(space).insert(name.to_vec()) {
            self.bytes += name.len();
        }
    }

    fn remove(&mut self, space: Space, name: &[u8]) {
        if self.of_mut(space).remove(name) {
            self.bytes -= name.len();
        }
    }

    /// The names of this space.
    #[must_use]
    pub fn of(&self, space: Space) -> &BTreeSet<Vec<u8>> {
        match space {
            Space::Channel => &self.channels,
            Space::Pattern => &self.patterns,
            Space::Shard => &self.shards,
        }
    }

    fn of_mut(&mut self, space: Space) -> &mut BTreeSet<Vec<u8>> {
        match space {
            Space::Channel => &mut self.channels,
            Space::Pattern => &mut self.patterns,
            Space::Shard => &mut self.shards,
        }
    }

    /// How many there are, as the messages about them count: shard channels for themselves.
    #[must_use]
    pub fn count(&self, space: Space) -> usize {
        match space {
            Space::Shard => self.shards.len(),
            _ => self.channels.len() + self.patterns.len(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shards.len()
    }

    /// Whether it listens to nothing.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Who listens to each name.
pub type Listeners = BTreeMap<Vec<u8>, BTreeSet<ClientId>>;

/// Who listens to what on this worker.
#[derive(Debug, Default)]
pub struct PubSub {
    channels: Listeners,
    patterns: Listeners,
    shards: Listeners,
    /// Subscribers with much unread, and since when.
    swollen: BTreeMap<ClientId, u64>,
}

impl PubSub {
    /// Who listens to the names of this space.
    #[must_use]
    pub fn of(&self, space: Space) -> &Listeners {
        match space {
            Space::Channel => &self.channels,
            Space::Pattern => &self.patterns,
            Space::Shard => &self.shards,
        }
    }

    fn of_mut(&mut self, space: Space) -> &mut Listeners {
        match space {
            Space::Channel => &mut self.channels,
            Space::Pattern => &mut self.patterns,
            Space::Shard => &mut self.shards,
        }
    }

    fn remove(&mut self, space: Space, name: &[u8], client: ClientId) {
        let listeners = self.of_mut(space);
        if let Some(clients) = listeners.get_mut(name) {
            clients.remove(&client);
            if clients.is_empty() {
                listeners.remove(name);
            }
        }
    }

    /// Subscribes a session; `false` when it has too many subscriptions or their names are too long.
    pub fn subscribe(
        &mut self,
        sessions: &mut Sessions,
        client: ClientId,
        space: Space,
        name: &[u8],
    ) -> bool {
        let Some(session) = sessions.get(client) else { return false };
        if !session.subscriptions().has_room(space, name) {
            return false;
        }
        session.subscriptions_mut().insert(space, name);
        self.of_mut(space).entry(name.to_vec()).or_default().insert(client);
        true
    }

    /// Ends a subscription, if it is there.
    pub fn unsubscribe(
        &mut self,
        sessions: &mut Sessions,
        client: ClientId,
        space: Space,
        name: &[u8],
    ) {
        if let Some(session) = sessions.get(client) {
            session.subscriptions_mut().remove(space, name);
        }
        self.remove(space, name, client);
    }

    /// Ends all subscriptions of a session.
    pub fn unsubscribe_all(&mut self, sessions: &mut Sessions, client: ClientId) {
        let Some(session) = sessions.get(client) else { return };
        let all = std::mem::take(session.subscriptions_mut());
        for space in [Space::Channel, Space::Pattern, Space::Shard] {
            all.of(space).iter().for_each(|name| self.remove(space, name, client));
        }
        self.swollen.remove(&client);
    }

    /// Delivers a message to this worker's subscribers; how many received it.
    pub fn deliver(
        &mut self,
        sessions: &mut Sessions,
        ready: &mut Ready,
        now_us: u64,
        (shard, channel, message): (bool, &[u8], &[u8]),
    ) -> i64 {
        let mut receivers = 0;
        let kind: &[u8] = if shard { b"smessage" } else { b"message" };
        let Self { channels, patterns, shards, swollen } = self;
        let listeners = if shard { shards } else { channels };
        let mut send = |clients: &BTreeSet<ClientId>, parts: &[&[u8]]| {
            let mut spelled = Spelled::new(parts);
            for client in clients {
                let Some(session) = sessions.get(*client) else { continue };
                let much = session.push(spelled.bytes(session.proto()), ready);
                if much {
                    swollen.entry(*client).or_insert(now_us);
                }
                receivers += 1;
            }
        };
        if let Some(clients) = listeners.get(channel) {
            send(clients, &[kind, channel, message]);
        }
        if !shard {
            for (pattern, clients) in patterns {
                if Glob::new(pattern).matches(channel) {
                    send(clients, &[b"pmessage", pattern, channel, message]);
                }
            }
        }
        receivers
    }

    /// Closes subscribers that have had much unread for too long.
    pub fn close_slow(&mut self, sessions: &mut Sessions, ready: &mut Ready, now_us: u64) {
        self.swollen.retain(|client, since_us| {
            let Some(session) = sessions.get(*client) else { return false };
            let much = session.has_much_unread();
            if much && now_us.saturating_sub(*since_us) > limits::PUBSUB_OUTPUT_SOFT_US {
                session.kill(ready);
            }
            much && !session.is_killed()
        });
    }
}

/// A message, spelled once for each protocol that is asked for.
struct Spelled<'a> {
    parts: &'a [&'a [u8]],
    by_proto: [Vec<u8>; 2],
}

impl<'a> Spelled<'a> {
    fn new(parts: &'a [&'a [u8]]) -> Self {
        Self { parts, by_proto: [Vec::new(), Vec::new()] }
    }

    fn bytes(&mut self, proto: Proto) -> &[u8] {
        let bytes = &mut self.by_proto[usize::from(proto == Proto::Resp3)];
        if bytes.is_empty() {
            let mut out = RespWriter::new(bytes, proto);
            out.push(self.parts.len());
            self.parts.iter().for_each(|part| out.bulk(part));
        }
        bytes
    }
}
