//! Who another node is: whether it is the member that it says it is, with the data directory that it had.
//!
//! Every connection begins with a hello of each side, and [`Node::admit`] judges the other one's. What this node holds
//! against a peer, from the strongest to the weakest:
//!
//! 1. the cluster map: the incarnation of each member and how often it was started, as the metadata group has it. A node
//!    that was away may know an old one, and must not refuse its leader for that: whoever has a newer map tells it who the
//!    members are by now;
//! 2. before there is a map, the roster: the incarnations of the founding members as they were met first;
//! 3. what this process has seen: two processes cannot have been the same start of the same directory.

use crate::forward;
use crate::node::Node;
use std::collections::BTreeMap;
use synod_ring::{ClusterMap, NodeInfo};
use synod_types::limits::NODES_MAX;
use synod_types::plant::planted;
use synod_types::{Incarnation, NodeId, PartitionId};
use synod_wire::peer::{
    EngineName, FrameKind, Hello, HelloRefused, PROTOCOL_VERSION, Purpose, address_hash,
};

/// What this process holds against peers besides the map and the roster.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The newest start of each peer that said hello to this process.
    starts: BTreeMap<NodeId, Start>,
    /// The members as the log had them when the process began, committed or not.
    remembered: BTreeMap<NodeId, NodeInfo>,
    /// The members by a newer map than this node's, as another member told.
    told: Members,
    belongs: bool,
}

impl Known {
    /// Whether a member of a founded cluster said that it knows this node as it is.
    pub fn belongs(&self) -> bool {
        self.belongs
    }
}

/// One start of one data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Start {
    incarnation: Incarnation,
    starts: u64,
    process: u64,
}

impl Start {
    /// Whether the directory of this hello remembers the start, or may have forgotten it since.
    fn is_known_to(&self, hello: &Hello) -> bool {
        let Some(since) = hello.starts.checked_sub(self.starts) else { return false };
        let then = match since {
            0 => Some(&hello.process),
            // More starts than are told of, however many, are out of reach.
            since => usize::try_from(since - 1).ok().and_then(|since| hello.past.get(since)),
        };
        then.is_none_or(|process| *process == self.process || *process == 0 || self.process == 0)
    }
}

/// Who the members were when the cluster map had this epoch: `epoch u64 | count u32 | (node | incarnation | starts |
/// process, each u64)*`.
#[derive(Debug, Default)]
struct Members {
    epoch: u64,
    nodes: BTreeMap<NodeId, NodeInfo>,
}

impl Members {
    fn encode(map: &ClusterMap, out: &mut Vec<u8>) {
        out.extend_from_slice(&map.epoch.to_le_bytes());
        out.extend_from_slice(&(map.nodes.len() as u32).to_le_bytes());
        for (node, info) in &map.nodes {
            for word in [node.0, info.incarnation.0, info.starts, info.process] {
                out.extend_from_slice(&word.to_le_bytes());
            }
        }
    }

    fn decode(body: &[u8]) -> Option<Self> {
        let (epoch, rest) = body.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (words, tail) = rest.as_chunks::<8>();
        let count = u32::from_le_bytes(*count) as usize;
        if !tail.is_empty() || count > NODES_MAX || words.len() != 4 * count {
            return None;
        }
        let nodes = words.as_chunks::<4>().0.iter().map(|member| {
            let [node, incarnation, starts, process] = member.map(u64::from_le_bytes);
            let incarnation = Incarnation(incarnation);
            (NodeId(node), NodeInfo { incarnation, starts, process, ..NodeInfo::default() })
        });
        Some(Self { epoch: u64::from_le_bytes(*epoch), nodes: nodes.collect() })
    }
}

impl Node {
    /// What this node says to `to` when a connection for `purpose` begins.
    #[must_use]
    pub fn hello(&self, to: NodeId, purpose: Purpose) -> Hello {
        Hello {
            protocol_version: PROTOCOL_VERSION,
            cluster: self.groups.map().cluster,
            from: self.local.id(),
            to,
            incarnation: self.local.config().info.incarnation,
            starts: self.local.config().info.starts,
            process: self.local.config().process,
            past: self.local.config().past,
            known: self.known_incarnation(to),
            address: address_hash(&self.local.config().info.peer_addr),
            worker: self.local.config().worker,
            workers: self.local.config().workers,
            purpose,
            engine: EngineName::new(self.local.config().engine.as_str()),
        }
    }

    /// The incarnation that this node knows a member with; 0 if none.
    fn known_incarnation(&self, node: NodeId) -> Incarnation {
        match self.groups.map().is_founded() {
            true => self.members().get(&node).map_or(Incarnation(0), |info| info.incarnation),
            false => self.others.roster().incarnation(node),
        }
    }

    /// The members by the newest map that this node has or was told of.
    fn members(&self) -> &BTreeMap<NodeId, NodeInfo> {
        let told = &self.others.known().told;
        if told.epoch > self.groups.map().epoch { &told.nodes } else { &self.groups.map().nodes }
    }

    /// Tells a member that has an earlier map who the members are by now.
    pub(crate) fn tell_of_members(&mut self, to: NodeId, epoch: u64) {
        if self.local.config().worker != 0 || epoch >= self.groups.map().epoch {
            return;
        }
        let map = self.groups.map().clone();
        let frames = forward::queue(&mut self.output, self.local.id(), to, 0);
        forward::put_frame(frames, FrameKind::Members, PartitionId::META, |body| {
            Members::encode(&map, body);
        });
    }

    /// A member told who the members are. What it tells was committed, so it holds whatever this node's log says.
    pub(crate) fn told_of_members(&mut self, body: &[u8]) {
        let Some(told) = Members::decode(body) else { return };
        let is_ours = told.nodes.contains_key(&self.local.id());
        let known = self.groups.map().epoch.max(self.others.known().told.epoch);
        if self.groups.map().is_founded() && is_ours && told.epoch > known {
            self.others.known_mut().told = told;
        }
    }

    /// What the node's log says of the members, committed or not: on that a restart judges peers too, since how far the
    /// log is committed may have been written down long before.
    pub fn remember_members(&mut self, map: &ClusterMap) {
        self.remember_users(map);
        self.others.known_mut().remembered = map.nodes.clone();
    }

    /// Whether the connection that begins with this hello may stand. A founding member that was not met before is
    /// remembered.
    ///
    /// # Errors
    /// Why not; both sides should say so in their logs.
    pub fn admit(&mut self, hello: &Hello) -> Result<(), HelloRefused> {
        let checked = self.check(hello);
        if matches!(checked, Err(HelloRefused::Incarnation { .. })) {
            self.knocked(hello);
        }
        checked?;
        let (from, incarnation) = (hello.from, hello.incarnation);
        let start = Start { incarnation, starts: hello.starts, process: hello.process };
        self.others.known_mut().starts.insert(from, start);
        let is_first = !self.groups.map().is_founded() && self.local.config().worker == 0;
        if is_first && self.others.roster_mut().meet(from, incarnation) {
            self.output.roster = Some(self.others.roster().known().clone());
        }
        self.others.known_mut().belongs |=
            hello.cluster.0 != 0 && hello.known == self.local.config().info.incarnation;
        Ok(())
    }

    /// Whether a connection that began with this hello may go on, now that more may be known.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, hello: &Hello) -> Result<(), HelloRefused> {
        let own = self.local.id();
        let from = hello.from;
        hello.check(
            own,
            self.groups.map().cluster,
            EngineName::new(self.local.config().engine.as_str()),
        )?;
        let ours = self.local.config().info.incarnation;
        if planted("wiped-voter-votes") {
            return Ok(());
        }
        if hello.known.0 != 0 && hello.known != ours {
            let (known, ours) = (hello.known.0, ours.0);
            return Err(HelloRefused::Disowned { from, to: own, known, ours });
        }
        let member = match self.groups.map().is_founded() {
            true => self.members().contains_key(&from),
            false => self.others.roster().expects(from),
        };
        if !member {
            return Err(HelloRefused::NoMember { from, cluster: self.groups.map().cluster.0 });
        }
        let (known, theirs) = (self.known_incarnation(from).0, hello.incarnation.0);
        let remembered =
            self.others.known().remembered.get(&from).map_or(0, |info| info.incarnation.0);
        // The log may name a successor in an entry that is not known to be committed. Whoever it names was taken in by
        // then: entries that say so are proposed after the fact.
        let unchecked = planted("incarnation-unchecked");
        if known != 0 && known != theirs && remembered != theirs && !unchecked {
            return Err(HelloRefused::Incarnation { from, known, theirs });
        }
        self.check_start(hello)
    }

    /// A directory that does not know a start which is known here is a copy made before it.
    fn check_start(&self, hello: &Hello) -> Result<(), HelloRefused> {
        let (from, theirs) = (hello.from, hello.starts);
        let told = [self.members(), &self.others.known().remembered];
        let told = told.into_iter().filter_map(|n| n.get(&from));
        let told = told.map(|info| Start {
            incarnation: info.incarnation,
            starts: info.starts,
            process: info.process,
        });
        let seen = self.others.known().starts.get(&from).copied();
        let known = told.chain(seen).filter(|start| start.incarnation == hello.incarnation);
        let unknown = known.filter(|start| !start.is_known_to(hello)).max_by_key(|s| s.starts);
        match unknown {
            Some(Start { starts: known, .. }) if !planted("older-copy-believed") => {
                Err(HelloRefused::Older { from, known, theirs })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NodeConfig;
    use std::sync::Arc;
    use synod_ring::{MetaCommand, NodeInfo};
    use synod_types::{ClusterId, Millis, Now};

    fn node(id: u64, incarnation: u64) -> Node {
        let incarnation = Incarnation(incarnation);
        let config = NodeConfig {
            id: NodeId(id),
            worker: 0,
            workers: 1,
            info: NodeInfo { incarnation, starts: 3, ..NodeInfo::default() },
            initial_cluster: (1..=3).map(|id| (NodeId(id), String::new())).collect(),
            joins: false,
            roster: BTreeMap::new(),
            process: id,
            past: [0; 7],
            turn_length: synod_types::limits::TURN_LENGTH_BYTES,
            partitions: 1,
            replicas: 3,
            ack_early: false,
            lease_reads: false,
            engine: synod_consensus::Protocol::Raft,
            snapshot_bytes: 1 << 20,
            weight: None,
            zone: None,
            maxmemory: 0,
            memory: 0,
            password: None,
            secret: [0; 32],
            seed: id,
        };
        Node::new(config, Vec::new(), Now { wall: Millis(1), mono_us: 1 })
    }

    /// As `node`, in a cluster that knows the members with the incarnations 10, 20 and 30 and two starts each.
    fn member(id: u64, incarnation: u64) -> Node {
        let mut node = node(id, incarnation);
        let info =
            |n| NodeInfo { incarnation: Incarnation(n * 10), starts: 2, ..NodeInfo::default() };
        let nodes = (1..=3).map(|n| (NodeId(n), info(n))).collect();
        let cluster = ClusterId(7);
        let mut map = ClusterMap::default();
        let found = MetaCommand::Found { cluster, partitions: 1, replicas: 3, nodes, engine: None };
        assert!(map.apply(found).is_ok());
        node.install_map(Arc::new(map));
        node
    }

    #[test]
    fn only_the_member_that_is_known_is_let_in() {
        let hello = member(2, 20).hello(NodeId(1), Purpose::Data);
        assert_eq!(member(1, 10).admit(&hello), Ok(()));
        let refusals = [
            (Hello { incarnation: Incarnation(21), ..hello }, "another data directory"),
            (Hello { known: Incarnation(11), ..hello }, "knows node 1 with another"),
            (Hello { from: NodeId(4), ..hello }, "not a member of cluster"),
            (Hello { cluster: ClusterId(8), ..hello }, "belongs to cluster"),
            (Hello { starts: 1, ..hello }, "older copy"),
        ];
        for (hello, reason) in refusals {
            let refused = member(1, 10).admit(&hello).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn a_member_that_was_away_is_told_who_the_others_are_by_now() {
        let mut map = (**member(2, 20).map()).clone();
        let (one, successor) = (NodeId(1), Incarnation(11));
        let replace = MetaCommand::Replace { node: one, old: Incarnation(10), successor };
        assert!(map.apply(replace).is_ok());
        for group in [0, 1] {
            let group = PartitionId(group);
            assert!(map.apply(MetaCommand::Left { node: one, group, successor }).is_ok());
        }
        let (mut away, mut knows) = (member(3, 30), member(2, 20));
        knows.install_map(Arc::new(map));
        let mut new = node(1, 11);
        new.install_map(knows.map().clone());
        let hello = new.hello(NodeId(3), Purpose::Data);
        assert!(matches!(away.admit(&hello), Err(HelloRefused::Incarnation { .. })));
        assert!(new.admit(&away.hello(NodeId(1), Purpose::Data)).is_err(), "it knows another one");
        let mut body = Vec::new();
        Members::encode(knows.map(), &mut body);
        away.told_of_members(&body[..body.len() - 1]);
        assert!(away.admit(&hello).is_err(), "that was cut");
        away.told_of_members(&body);
        assert_eq!(away.admit(&hello), Ok(()));
        assert_eq!(new.admit(&away.hello(NodeId(1), Purpose::Data)), Ok(()));
        let old = member(1, 10).hello(NodeId(3), Purpose::Data);
        assert!(matches!(away.check(&old), Err(HelloRefused::Incarnation { .. })));
        away.tell_of_members(NodeId(2), knows.map().epoch);
        assert!(away.output().frames.is_empty(), "it has an older map itself");
        knows.tell_of_members(NodeId(3), away.map().epoch);
        assert!(!knows.output().frames.is_empty());
    }

    #[test]
    fn one_start_is_one_process_and_a_later_start_another() {
        let hello = member(2, 20).hello(NodeId(1), Purpose::Data);
        let mut one = member(1, 10);
        assert_eq!(one.admit(&hello), Ok(()));
        assert_eq!(one.admit(&hello), Ok(()), "it dials again");
        let copy = Hello { process: 99, ..hello };
        assert!(one.admit(&copy).unwrap_err().to_string().contains("copies of one"));
        let restarted = Hello { process: 99, starts: 4, ..hello };
        assert_eq!(one.admit(&restarted), Ok(()));
        assert!(one.check(&hello).unwrap_err().to_string().contains("older copy"));
    }

    /// Process 99 was the fourth start of the directory; a copy of what the second left is started again and again.
    #[test]
    fn an_older_copy_is_known_however_often_it_is_started() {
        let second = member(2, 20).hello(NodeId(1), Purpose::Data);
        let mut one = member(1, 10);
        let fourth = Hello { starts: 4, process: 99, past: [98, 2, 0, 0, 0, 0, 0], ..second };
        assert_eq!(one.admit(&fourth), Ok(()));
        let copies = [
            (3, 50, [2, 0, 0, 0, 0, 0, 0]),
            (4, 51, [50, 2, 0, 0, 0, 0, 0]),
            (5, 52, [51, 50, 2, 0, 0, 0, 0]),
            (11, 58, [57, 56, 55, 54, 53, 52, 51]),
        ];
        for (starts, process, past) in copies {
            let copy = Hello { starts, process, past, ..second };
            assert!(one.admit(&copy).unwrap_err().to_string().contains("older copy"), "{starts}");
        }
        let fifth = Hello { starts: 5, process: 100, past: [99, 98, 2, 0, 0, 0, 0], ..second };
        assert_eq!(one.admit(&fifth), Ok(()));
        let long_away = Hello { starts: 40, process: 101, past: [7; 7], ..second };
        assert_eq!(one.admit(&long_away), Ok(()), "too many starts ago to tell");
    }

    #[test]
    fn before_the_cluster_is_founded_the_first_meeting_counts() {
        let hello = node(2, 20).hello(NodeId(1), Purpose::Data);
        let mut one = node(1, 10);
        assert_eq!(one.admit(&hello), Ok(()));
        let met = one.output().roster.take().expect("a new acquaintance is to be remembered");
        assert_eq!(met[&NodeId(2)], Incarnation(20));
        let other = Hello { incarnation: Incarnation(21), ..hello };
        assert!(one.admit(&other).unwrap_err().to_string().contains("another data directory"));
        let stranger = Hello { from: NodeId(4), ..hello };
        assert!(one.admit(&stranger).unwrap_err().to_string().contains("not a member"));
        assert_eq!(one.output().roster, None);
    }
}
