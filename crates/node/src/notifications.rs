//! Keyspace notifications: what happened to keys, published to those who asked their node for it.
//!
//! `notify-keyspace-events` is a setting of a node, as in Redis, but a node hears of all keys of the cluster, not only of
//! those that it leads: its heartbeats tell what it wants, leaders collect what anybody wants, and send each node its part.
//! Like every message, a notification is sent once; one that falls into a change of leader or of the setting may be
//! lost, and by a change of leader it may also be sent twice: the new one applies what the old one has published.

use crate::node::Node;
use crate::pubsub::Sort;
use crate::settings::Setting;
use synod_data::events::{Classes, Event};
use synod_types::NodeId;

impl Node {
    /// What this node's subscribers are to hear of.
    pub(crate) fn wanted_events(&self) -> Classes {
        let bits = u16::try_from(self.settings.get(Setting::NotifyKeyspaceEvents));
        Classes::from_bits(bits.unwrap_or_default()).heard()
    }

    /// The bits of that, for the heartbeats.
    pub(crate) fn wanted_event_bits(&self) -> u16 {
        self.wanted_events().bits()
    }

    /// Lets the replicas here collect what anybody wants.
    pub(crate) fn collect_events(&mut self) {
        let all = self.others.peers().wanted_events().and(self.wanted_events());
        self.groups.replicas_mut().for_each(|replica| replica.want_events(all));
    }

    /// Publishes what happened to keys of a partition that is led here.
    pub(crate) fn publish_events(&mut self, events: &[Event]) {
        let own = self.local.id();
        let wanted = self.wanted_events();
        for event in events {
            let by_key = [b"__keyspace@0__:", event.key.as_slice()].concat();
            let by_event = [b"__keyevent@0__:", event.name.as_bytes()].concat();
            let messages = [
                (Classes::KEYSPACE, by_key, event.name.as_bytes()),
                (Classes::KEYEVENT, by_event, event.key.as_slice()),
            ];
            for (channels, channel, message) in messages {
                let to = event.class.and(channels);
                if wanted.has(to) {
                    self.deliver(false, &channel, message);
                }
                self.spread_to(Sort::Notification, &channel, message, |node, peers| {
                    match node == own {
                        true => wanted.has(to),
                        false => peers.is_up(node) && peers.wants(node, to),
                    }
                });
            }
        }
    }

    /// A peer's heartbeat told what its subscribers are to hear of.
    pub(crate) fn peer_wants(&mut self, peer: NodeId, bits: u16) {
        if self.others.peers_mut().set_wanted_events(peer, Classes::from_bits(bits)) {
            self.collect_events();
        }
    }
}
