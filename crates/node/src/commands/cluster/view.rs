//! Who serves what, as one node sees it: the one source of CLUSTER SLOTS, SHARDS and NODES, so that they agree.
//!
//! A partition's slots belong to its leader. While none is known they stay with the replica that leads when all is
//! well, or another one that can be reached. A node whose address is not known yet serves nothing.

use crate::node::Node;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use synod_redis::node_name;
use synod_ring::{NodeInfo, split_host_port};
use synod_types::{ClientId, ClusterId, NodeId, Slot};

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// 40 hexadecimal digits; equal on every node.
    pub name: String,
    /// Where clients connect; empty with port 0 while it is not known.
    pub host: String,
    pub port: u16,
    /// Where peers connect.
    pub bus_port: u16,
    /// Whether it can be reached from here.
    pub up: bool,
}

impl Member {
    fn new(cluster: ClusterId, id: NodeId, info: &NodeInfo, up: bool) -> Self {
        let (host, port) = split_host_port(&info.client_addr).unwrap_or(("", 0));
        let (peer_host, bus_port) = split_host_port(&info.peer_addr).unwrap_or(("", 0));
        // A node that listens on all addresses says nothing of which; its peers have found it at one.
        let host = [host, peer_host].into_iter().find(|h| !is_unspecified(h)).unwrap_or("");
        let host = if port == 0 { "" } else { host };
        Self { name: node_name(cluster, id), host: host.to_owned(), port, bus_port, up }
    }

    /// With its port moved, if it is known.
    fn at_distance(self, distance: i32) -> Self {
        let moved = u16::try_from(i32::from(self.port) + distance).unwrap_or(self.port);
        Self { port: if self.port == 0 { 0 } else { moved }, ..self }
    }
}

/// How far the port for TLS lies above the one without, or below: on every node as far as on this one.
fn distance_to_tls(node: &Node) -> i32 {
    node.local
        .facts()
        .tls_port
        .map_or(0, |port| i32::from(port) - i32::from(node.local.facts().port))
}

fn is_unspecified(host: &str) -> bool {
    host.is_empty() || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_unspecified())
}

/// A partition, as it is served now.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub slots: RangeInclusive<Slot>,
    /// Who answers for it.
    pub owner: NodeId,
    /// The others that hold it, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// Whether the owner is known to lead.
    pub led: bool,
}

/// The whole.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub own: NodeId,
    pub epoch: u64,
    pub members: BTreeMap<NodeId, Member>,
    /// In the order of their slots.
    pub ranges: Vec<Range>,
    /// How many slots the partitions have, served or not.
    pub assigned: u32,
}

impl View {
    /// What `node` sees now, with the ports that `client` can use.
    pub fn of(node: &mut Node, client: ClientId) -> Self {
        let with_tls = node.clients.session(client).is_some_and(|session| session.uses_tls());
        let node = &*node;
        let to_tls = if with_tls { distance_to_tls(node) } else { 0 };
        let map = node.groups.map();
        let member = |(id, info): (&NodeId, &NodeInfo)| {
            (
                *id,
                Member::new(map.cluster, *id, info, node.others.peers().is_up(*id))
                    .at_distance(to_tls),
            )
        };
        let mut members: BTreeMap<NodeId, Member> = map.nodes.iter().map(member).collect();
        let own = node.local.id();
        members.entry(own).or_insert_with(|| member((&own, &node.local.config().info)).1);
        let reachable = |id: &NodeId| members.get(id).is_some_and(|m| m.port != 0);
        let mut ranges: Vec<Range> = map
            .partitions()
            .iter()
            .filter_map(|(partition, info)| {
                let leader = node.groups.leaders().get(*partition).filter(reachable);
                let holders = || info.replicas.iter().copied().filter(reachable);
                let owner = leader
                    .or_else(|| holders().find(|id| members[id].up))
                    .or_else(|| holders().next())?;
                Some(Range {
                    slots: info.slots.clone(),
                    owner,
                    replicas: holders().filter(|id| *id != owner).collect(),
                    led: leader.is_some(),
                })
            })
            .collect();
        ranges.sort_by_key(|range| *range.slots.start());
        let assigned = map.partitions().values().map(|p| slot_count(&p.slots)).sum();
        Self { own, epoch: map.epoch, members, ranges, assigned }
    }

    /// The slots of a node, neighbouring ranges joined.
    pub fn slots_of(&self, node: NodeId) -> Vec<RangeInclusive<Slot>> {
        let mut joined: Vec<RangeInclusive<Slot>> = Vec::new();
        for range in self.ranges.iter().filter(|range| range.owner == node) {
            match joined.last_mut() {
                Some(last) if last.end().0 + 1 == range.slots.start().0 => {
                    *last = *last.start()..=*range.slots.end();
                }
                _ => joined.push(range.slots.clone()),
            }
        }
        joined
    }

    /// Whose replica a node is that serves nothing itself: the owner of most of what it holds. `None` for a node
    /// that serves something, or holds nothing.
    pub fn master_of(&self, node: NodeId) -> Option<NodeId> {
        if self.ranges.iter().any(|range| range.owner == node) {
            return None;
        }
        let mut shared: BTreeMap<NodeId, usize> = BTreeMap::new();
        for range in self.ranges.iter().filter(|range| range.replicas.contains(&node)) {
            *shared.entry(range.owner).or_default() += 1;
        }
        shared.into_iter().rev().max_by_key(|(_, count)| *count).map(|(owner, _)| owner)
    }

    /// The nodes that hold something of what `owner` serves.
    pub fn replicas_of(&self, owner: NodeId) -> Vec<NodeId> {
        let held = self.ranges.iter().filter(|range| range.owner == owner);
        let mut all: Vec<NodeId> = held.flat_map(|range| range.replicas.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The member with this name.
    pub fn find(&self, name: &[u8]) -> Option<NodeId> {
        let member =
            self.members.iter().find(|(_, m)| m.name.as_bytes().eq_ignore_ascii_case(name));
        member.map(|(id, _)| *id)
    }

    /// How many slots have a leader.
    pub fn slots_led(&self) -> u32 {
        self.ranges.iter().filter(|range| range.led).map(|range| slot_count(&range.slots)).sum()
    }
}

fn slot_count(slots: &RangeInclusive<Slot>) -> u32 {
    u32::from(slots.end().0) - u32::from(slots.start().0) + 1
}
