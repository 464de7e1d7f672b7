//! Publish and subscribe: who listens on this worker, and how a message reaches everyone.
//!
//! A message goes to the subscribers of this worker at once, and in a frame to every other worker, here and on other
//! nodes; those deliver it to theirs. Nothing is logged: who is not connected misses it, as in Redis. Frames between two
//! workers keep their order, so the messages of one publisher arrive in the order in which they were sent.
//!
//! ```text
//! Publish body:  sort u8 (of `Sort`) | channel length, channel | message
//! ```

use crate::forward::put_frame;
use crate::node::Node;
use crate::output::Output;
use crate::peers::Peers;
use crate::session::Session;
use std::collections::{BTreeMap, BTreeSet};
use synod_data::Glob;
use synod_types::{ClientId, NodeId, PartitionId, ReplySink, limits, varint};
use synod_wire::peer::FrameKind;
use synod_wire::resp::{Proto, RespWriter};

/// What a name that is subscribed to means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    Channel,
    Pattern,
    Shard,
}

impl Space {
    /// The word of the messages about subscribing.
    pub fn subscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"subscribe",
            Self::Pattern => b"psubscribe",
            Self::Shard => b"ssubscribe",
        }
    }

    /// The word of the messages about unsubscribing.
    pub fn unsubscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"unsubscribe",
            Self::Pattern => b"punsubscribe",
            Self::Shard => b"sunsubscribe",
        }
    }
}

/// What sort of message a frame holds; the numbers are part of the peer protocol.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Sort {
    Channel = 0,
    Shard = 1,
    /// Of a key: nobody published it.
    Notification = 2,
}

/// What one session listens to.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    channels: BTreeSet<Vec<u8>>,
    patterns: BTreeSet<Vec<u8>>,
    shards: BTreeSet<Vec<u8>>,
}

impl Subscriptions {
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
    pub fn count(&self, space: Space) -> usize {
        match space {
            Space::Shard => self.shards.len(),
            _ => self.channels.len() + self.patterns.len(),
        }
    }

    pub fn len(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shards.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

type Listeners = BTreeMap<Vec<u8>, BTreeSet<ClientId>>;

/// Who listens to what on this worker.
#[derive(Debug, Default)]
pub(crate) struct PubSub {
    channels: Listeners,
    patterns: Listeners,
    shards: Listeners,
    /// Subscribers with much unread, and since when.
    swollen: BTreeMap<ClientId, u64>,
}

impl PubSub {
    /// Who listens to the names of this space.
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

impl Session {
    /// Writes a message that answers no request, whatever replies are awaited; whether much is unread now. A session
    /// with too much unread is closed, and has nothing unread any more.
    fn push(&mut self, message: &[u8], output: &mut Output) -> bool {
        if self.closing {
            return false;
        }
        self.out.extend_from_slice(message);
        self.touch(output);
        if self.out.len() > limits::PUBSUB_OUTPUT_BYTES_MAX {
            self.kill(output);
        }
        self.out.len() > limits::PUBSUB_OUTPUT_SOFT_BYTES
    }
}

impl Node {
    /// Subscribes a session; `false` when it has too many subscriptions or the name is too long.
    pub(crate) fn subscribe(&mut self, client: ClientId, space: Space, name: &[u8]) -> bool {
        let Some(session) = self.sessions.get(client) else { return false };
        let is_new = !session.subscriptions.of(space).contains(name);
        let full = session.subscriptions.len() >= limits::SUBSCRIPTIONS_MAX;
        if name.len() > limits::CHANNEL_BYTES_MAX || (is_new && full) {
            return false;
        }
        session.subscriptions.of_mut(space).insert(name.to_vec());
        self.pubsub.of_mut(space).entry(name.to_vec()).or_default().insert(client);
        true
    }

    /// Ends a subscription, if it is there.
    pub(crate) fn unsubscribe(&mut self, client: ClientId, space: Space, name: &[u8]) {
        if let Some(session) = self.sessions.get(client) {
            session.subscriptions.of_mut(space).remove(name);
        }
        self.pubsub.remove(space, name, client);
    }

    /// Ends all subscriptions of a session.
    pub(crate) fn unsubscribe_all(&mut self, client: ClientId) {
        let Some(session) = self.sessions.get(client) else { return };
        let all = std::mem::take(&mut session.subscriptions);
        for space in [Space::Channel, Space::Pattern, Space::Shard] {
            all.of(space).iter().for_each(|name| self.pubsub.remove(space, name, client));
        }
        self.pubsub.swollen.remove(&client);
    }

    /// Delivers a message to this worker's subscribers; how many received it.
    pub(crate) fn deliver(&mut self, shard: bool, channel: &[u8], message: &[u8]) -> i64 {
        let mut receivers = 0;
        let kind: &[u8] = if shard { b"smessage" } else { b"message" };
        let Self { pubsub, sessions, output, now, .. } = self;
        let PubSub { channels, patterns, shards, swollen } = pubsub;
        let listeners = if shard { shards } else { channels };
        let mut send = |clients: &BTreeSet<ClientId>, parts: &[&[u8]]| {
            let mut spelled = Spelled::new(parts);
            for client in clients {
                let Some(session) = sessions.get(*client) else { continue };
                let much = session.push(spelled.bytes(session.proto), output);
                if much {
                    swollen.entry(*client).or_insert(now.mono_us);
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

    /// Sends a message to the workers of other nodes, and to the others of this one if `siblings`.
    pub(crate) fn spread(&mut self, shard: bool, channel: &[u8], message: &[u8], siblings: bool) {
        let own = self.config.id;
        let sort = if shard { Sort::Shard } else { Sort::Channel };
        self.spread_to(sort, channel, message, |node, peers| match node == own {
            true => siblings,
            false => peers.is_up(node),
        });
    }

    /// Sends a message to the workers of the nodes that `wants` names.
    pub(crate) fn spread_to(
        &mut self,
        sort: Sort,
        channel: &[u8],
        message: &[u8],
        wants: impl Fn(NodeId, &Peers) -> bool,
    ) {
        for to in self.heartbeat_destinations() {
            if wants(to.node, &self.peers) {
                let frames = self.output.frames.entry(to).or_default();
                put_frame(frames, FrameKind::Publish, PartitionId::META, |body| {
                    body.push(sort as u8);
                    varint::put_bytes(body, channel);
                    body.extend_from_slice(message);
                });
            }
        }
    }

    /// Another worker has published something.
    pub(crate) fn published(&mut self, body: &[u8]) {
        let Some((sort, mut rest)) = body.split_first() else { return };
        // Nobody here wants to hear of keys any more, which its sender did not know yet.
        if *sort == Sort::Notification as u8 && self.wanted_event_bits() == 0 {
            return;
        }
        if let Some(channel) = varint::take_bytes(&mut rest) {
            self.deliver(*sort == Sort::Shard as u8, channel, rest);
        }
    }

    /// Closes subscribers that have had much unread for too long.
    pub(crate) fn close_slow_subscribers(&mut self) {
        if self.pubsub.swollen.is_empty() {
            return;
        }
        let now_us = self.now.mono_us;
        let Self { pubsub, sessions, output, .. } = self;
        pubsub.swollen.retain(|client, since_us| {
            let Some(session) = sessions.get(*client) else { return false };
            let much = session.out.len() > limits::PUBSUB_OUTPUT_SOFT_BYTES;
            if much && now_us.saturating_sub(*since_us) > limits::PUBSUB_OUTPUT_SOFT_US {
                session.kill(output);
            }
            much && !session.killed
        });
    }
}
