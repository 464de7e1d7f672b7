//! What `synod serve --join` has to know of a cluster before the node can ask for a seat: a member tells it by its status.

use crate::calls;
use crate::http;
use crate::settings::Address;
use crate::status::{Node, Status};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use synod_server::{Engine, Join};
use synod_types::{ClusterId, Incarnation, NodeId};

/// A seat in a cluster that runs.
pub struct Seat {
    /// Whom to ask for it.
    pub join: Join,
    /// The members and their peer addresses, the new one included.
    pub members: BTreeMap<NodeId, String>,
    /// The engine that the cluster was founded with.
    pub engine: Engine,
}

impl Seat {
    /// Asks the member at this HTTP address.
    pub fn ask(at: &Address, node: NodeId, peer_listen: SocketAddr) -> Result<Self> {
        let address = at.to_string();
        let status = Status::whole(&address).with_context(|| {
            format!("--join {address}: no status from there; give the HTTP address of a member that is up")
        })?;
        Self::of(&status, &address, node, peer_listen).with_context(|| format!("--join {address}"))
    }

    fn of(status: &Status, http: &str, node: NodeId, peer_listen: SocketAddr) -> Result<Self> {
        let cluster =
            hex(status.cluster()).map(ClusterId).context("it does not say its cluster")?;
        if cluster.0 == 0 {
            bail!(
                "the cluster is not founded yet: start all members of its --initial-cluster first"
            );
        }
        let engine = status.founded_with().parse().ok();
        let engine = engine.context(
            "it does not say what its cluster was founded with: is it an older version?",
        )?;
        let mut roster = BTreeMap::new();
        let mut members: BTreeMap<_, _> = [(node, peer_listen.to_string())].into();
        // A member with this very id is either this node, which was taken in before, or a reason for the cluster to refuse.
        for member in status.members().iter().filter(|member| member.id != node.0) {
            let incarnation = hex(&member.incarnation).context("a member has no incarnation")?;
            roster.insert(NodeId(member.id), Incarnation(incarnation));
            members.insert(NodeId(member.id), member.peer_listen.clone());
        }
        let to_tls = distance_to_tls(status);
        let asked: Vec<SocketAddr> = status
            .members()
            .iter()
            .filter(|member| member.up)
            .filter_map(|m| clients(m, http))
            .map(|mut at| {
                at.set_port(at.port().wrapping_add_signed(to_tls));
                at
            })
            .collect();
        if asked.is_empty() {
            bail!("no member says where it serves clients");
        }
        let tls = calls::to_clients().cloned();
        Ok(Self { join: Join { cluster, members: asked, roster, tls }, members, engine })
    }
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

/// How far the members' ports for clients with TLS lie above those without, where they are called with TLS: on all of them as far
/// as on the one that answers.
fn distance_to_tls(status: &Status) -> i16 {
    let listen = status.listen_of_answering().and_then(|listen| listen.parse().ok());
    match (calls::to_clients(), status.tls_port, listen) {
        (Some(_), Some(port), Some::<SocketAddr>(listen)) => {
            port.wrapping_sub(listen.port()).cast_signed()
        }
        _ => 0,
    }
}

/// Where a member serves clients. One that listens on every address is reached where its peers reach it, or at `http`.
fn clients(member: &Node, http: &str) -> Option<SocketAddr> {
    let listen: SocketAddr = member.listen.parse().ok()?;
    if !listen.ip().is_unspecified() {
        return Some(listen);
    }
    let mut reached =
        [member.peer_listen.as_str(), http].into_iter().filter_map(|name| http::resolve(name).ok());
    let mut reached = reached.find(|address| !address.ip().is_unspecified())?;
    reached.set_port(listen.port());
    Some(reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(cluster: &str, engine: &str) -> Result<Seat> {
        let text = format!(
            r#"{{"cluster":"{cluster}","founded_with":"{engine}","nodes":[
                {{"id":1,"listen":"127.0.0.1:1","peer_listen":"10.0.0.1:2","incarnation":"0a","up":true}},
                {{"id":2,"listen":"0.0.0.0:3","peer_listen":"127.0.0.2:4","incarnation":"0b","up":true}},
                {{"id":3,"listen":"127.0.0.1:5","peer_listen":"10.0.0.3:6","incarnation":"0c","up":false}}]}}"#
        );
        let status: Status = serde_json::from_str(&text).unwrap();
        Seat::of(&status, "127.0.0.1:9", NodeId(4), "127.0.0.1:44".parse().unwrap())
    }

    #[test]
    fn a_seat_is_among_the_members_that_there_are() {
        let seat = seat("00ab", "zab").unwrap();
        assert_eq!((seat.join.cluster, seat.engine), (ClusterId(0xab), Engine::Zab));
        assert_eq!(seat.members.len(), 4);
        assert_eq!(seat.members[&NodeId(4)], "127.0.0.1:44");
        assert_eq!(seat.join.roster.len(), 3);
        assert_eq!(seat.join.roster[&NodeId(2)], Incarnation(11));
        let asked: Vec<String> = seat.join.members.iter().map(ToString::to_string).collect();
        assert_eq!(asked, ["127.0.0.1:1", "127.0.0.2:3"]);
    }

    #[test]
    fn there_is_none_where_there_is_no_cluster() {
        for (cluster, engine, why) in [
            ("0", "raft", "not founded yet"),
            ("", "raft", "its cluster"),
            ("1", "", "founded with"),
        ] {
            let refused = seat(cluster, engine).err().unwrap().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
