//! The shapes that Redis Cluster's clients read: SLOTS, SHARDS, the lines of NODES, INFO.

use super::view::{Member, View};
use std::fmt::Write;
use synod_types::{NodeId, ReplySink};

fn text(key: &str, value: &str, out: &mut dyn ReplySink) {
    out.bulk(key.as_bytes());
    out.bulk(value.as_bytes());
}

/// One direction of a connection.
pub(super) fn link(
    (direction, events): (&str, &str),
    node: &str,
    since_ms: u64,
    out: &mut dyn ReplySink,
) {
    out.map(6);
    text("direction", direction, out);
    text("node", node, out);
    out.bulk(b"create-time");
    out.integer(since_ms.cast_signed());
    text("events", events, out);
    out.bulk(b"send-buffer-allocated");
    out.integer(0);
    out.bulk(b"send-buffer-used");
    out.integer(0);
}

/// One entry per partition: first and last slot, the owner, the replicas that can be reached.
pub(super) fn slots(view: &View, out: &mut dyn ReplySink) {
    out.array(view.ranges.len());
    for range in &view.ranges {
        let replicas: Vec<&Member> =
            range.replicas.iter().map(|id| &view.members[id]).filter(|m| m.up).collect();
        out.array(3 + replicas.len());
        out.integer(range.slots.start().0.into());
        out.integer(range.slots.end().0.into());
        for member in std::iter::once(&view.members[&range.owner]).chain(replicas) {
            out.array(4);
            out.bulk(member.host.as_bytes());
            out.integer(member.port.into());
            out.bulk(member.name.as_bytes());
            out.map(0);
        }
    }
}

/// One entry per node that serves something, with the nodes that hold some of it as its replicas; and one for each
/// node that neither serves nor holds anything.
pub(super) fn shards(view: &View, out: &mut dyn ReplySink) {
    let owners: Vec<NodeId> =
        view.members.keys().copied().filter(|id| view.master_of(*id).is_none()).collect();
    out.array(owners.len());
    for owner in owners {
        let slots = view.slots_of(owner);
        out.map(2);
        out.bulk(b"slots");
        out.array(2 * slots.len());
        for range in slots {
            out.integer(range.start().0.into());
            out.integer(range.end().0.into());
        }
        let replicas = view.replicas_of(owner);
        out.bulk(b"nodes");
        out.array(1 + replicas.len());
        shard_node(&view.members[&owner], "master", out);
        replicas.iter().for_each(|id| shard_node(&view.members[id], "replica", out));
    }
}

fn shard_node(member: &Member, role: &str, out: &mut dyn ReplySink) {
    out.map(7);
    text("id", &member.name, out);
    out.bulk(b"port");
    out.integer(member.port.into());
    text("ip", &member.host, out);
    text("endpoint", &member.host, out);
    text("role", role, out);
    // Replicas follow by log entries, not by an offset of bytes.
    out.bulk(b"replication-offset");
    out.integer(0);
    text("health", if member.up { "online" } else { "fail" }, out);
}

/// A line of CLUSTER NODES, without its end. Each node has one role there: a node that serves nothing is the
/// replica of the one that serves most of what it holds.
pub(super) fn line(view: &View, id: NodeId) -> String {
    let member = &view.members[&id];
    let master = view.master_of(id);
    let mut flags = vec![if master.is_some() { "slave" } else { "master" }];
    if id == view.own {
        flags.insert(0, "myself");
    }
    if !member.up {
        flags.push("fail");
    }
    if member.port == 0 {
        flags.push("noaddr");
    }
    let mut line = format!(
        "{} {}:{}@{} {} {} 0 0 {} {}",
        member.name,
        member.host,
        member.port,
        member.bus_port,
        flags.join(","),
        master.map_or("-", |id| view.members[&id].name.as_str()),
        view.epoch,
        if member.up { "connected" } else { "disconnected" },
    );
    for range in view.slots_of(id) {
        let (first, last) = (range.start().0, range.end().0);
        let _writing_to_a_string_succeeds = match first == last {
            true => write!(line, " {first}"),
            false => write!(line, " {first}-{last}"),
        };
    }
    line
}

pub(super) fn info(view: &View, ok: bool) -> String {
    let (assigned, led) = (view.assigned, view.slots_led());
    let size = view.members.keys().filter(|id| !view.slots_of(**id).is_empty()).count();
    format!(
        "cluster_state:{}\r\n\
         cluster_slots_assigned:{assigned}\r\n\
         cluster_slots_ok:{led}\r\n\
         cluster_slots_pfail:0\r\n\
         cluster_slots_fail:{}\r\n\
         cluster_known_nodes:{}\r\n\
         cluster_size:{size}\r\n\
         cluster_current_epoch:{}\r\n\
         cluster_my_epoch:{}\r\n\
         total_cluster_links_buffer_limit_exceeded:0\r\n",
        if ok { "ok" } else { "fail" },
        assigned - led,
        view.members.len(),
        view.epoch,
        view.epoch,
    )
}
