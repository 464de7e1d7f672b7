//! How a published message reaches everyone.
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
use crate::peers::Peers;
use synod_types::{NodeId, PartitionId, varint};
use synod_wire::peer::FrameKind;

/// What sort of message a frame holds; the numbers are part of the peer protocol.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Sort {
    Channel = 0,
    Shard = 1,
    /// Of a key: nobody published it.
    Notification = 2,
}

impl Node {
    /// Delivers a message to this worker's subscribers; how many received it.
    pub(crate) fn deliver(&mut self, shard: bool, channel: &[u8], message: &[u8]) -> i64 {
        let (pubsub, sessions) = self.clients.subscribers();
        let message = (shard, channel, message);
        pubsub.deliver(sessions, &mut self.output.ready, self.local.now().mono_us, message)
    }

    /// Sends a message to the workers of other nodes, and to the others of this one if `siblings`.
    pub(crate) fn spread(&mut self, shard: bool, channel: &[u8], message: &[u8], siblings: bool) {
        let own = self.local.id();
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
            if wants(to.node, self.others.peers()) {
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
        let (pubsub, sessions) = self.clients.subscribers();
        pubsub.close_slow(sessions, &mut self.output.ready, self.local.now().mono_us);
    }
}
