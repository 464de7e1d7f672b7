//! The first frame of each direction: who speaks, to whom, about which cluster, in which version.
//!
//! It keeps a mistyped address, a node of another cluster on a reused port, or a node of another version or engine
//! from ever reaching a consensus group.

use std::fmt;
use synod_types::limits::PAST_STARTS;
use synod_types::{ClusterId, Incarnation, NodeId};

/// The version of the peer protocol that this program speaks.
pub const PROTOCOL_VERSION: u32 = 7;

/// The name of a consensus engine, with zeros behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineName([u8; 8]);

impl EngineName {
    /// As flags spell it; what is longer is cut.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        Self(bytes)
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        write!(f, "{}", self.0[..end].escape_ascii())
    }
}

/// What a connection is for. The numbers are part of the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// Consensus messages and forwarded requests.
    Data = 1,
    /// Snapshots, which must not stand in the way of the former.
    Snapshot = 2,
}

/// Who opens a connection, and whom it wants to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of the speaker. Stands first on the wire, in every version.
    pub protocol_version: u32,
    /// The speaker's cluster; `ClusterId(0)` while it does not know it yet.
    pub cluster: ClusterId,
    /// The speaker.
    pub from: NodeId,
    /// Whom the speaker takes the listener for.
    pub to: NodeId,
    /// Which data directory of `from` the speaker has.
    pub incarnation: Incarnation,
    /// How often that directory was started.
    pub starts: u64,
    /// A random number of the speaker's process.
    pub process: u64,
    /// Those of the processes that the starts before were, the latest first; 0 where none is known.
    pub past: [u64; PAST_STARTS],
    /// The incarnation that the speaker knows `to` under; 0 if it knows none.
    pub known: Incarnation,
    /// [`address_hash`] of the peer address that the speaker is known at.
    pub address: u64,
    /// Which of the speaker's workers speaks; below `workers`.
    pub worker: u16,
    /// How many workers the speaker has.
    pub workers: u16,
    /// What the connection is for.
    pub purpose: Purpose,
    /// What kept the replicas of the speaker's groups alike when their cluster was founded.
    pub engine: EngineName,
}

/// Why a connection is refused. To be logged on both sides; the connection is then closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloRefused {
    /// The body cannot be read.
    #[error("the peer's hello cannot be read")]
    Malformed,
    /// The other side runs another version of the program.
    #[error("the peer speaks version {theirs} of the peer protocol, this node version {ours}")]
    Version {
        /// This node's version.
        ours: u32,
        /// The other side's.
        theirs: u32,
    },
    /// The other side belongs to another cluster.
    #[error(
        "the peer belongs to cluster {theirs:016x}, this node to cluster {ours:016x}: check --initial-cluster on both, and that neither uses the other's data directory"
    )]
    Cluster {
        /// This node's cluster.
        ours: u64,
        /// The other side's.
        theirs: u64,
    },
    /// The other side's groups run another consensus engine.
    #[error(
        "the peer's cluster was founded with --engine {theirs}, this node started with {ours}: a new node starts with the one that its cluster was founded with"
    )]
    Engine {
        /// This node's.
        ours: EngineName,
        /// The other side's.
        theirs: EngineName,
    },
    /// The other side looks for somebody else at this address.
    #[error(
        "node {from} looks for node {wanted} at this address, but this is node {ours}: check its --initial-cluster"
    )]
    Recipient {
        /// The speaker.
        from: NodeId,
        /// Whom it looks for.
        wanted: NodeId,
        /// This node.
        ours: NodeId,
    },
    /// The other side says that it is this very node, or nobody.
    #[error(
        "the peer says that it is node {0}, which it cannot be: check that every node has its own --node-id"
    )]
    Sender(NodeId),
    /// The other side is no member of this node's cluster.
    #[error(
        "node {from} is not a member of cluster {cluster:016x}: it was given an --initial-cluster that this cluster was \
         not made with"
    )]
    NoMember {
        /// The speaker.
        from: NodeId,
        /// This node's cluster; 0 where it is not founded.
        cluster: u64,
    },
    /// The other side has another data directory than the member of this id.
    #[error(
        "node {from} has another data directory (incarnation {theirs:016x}) than the member that is known here \
         ({known:016x}): it lost its data, or two nodes were given the id {from}. It neither votes nor acknowledges. Where it \
         lost its data, it is taken in again by itself at the address it had, and elsewhere by `synod node replace {from}`"
    )]
    Incarnation {
        /// The speaker.
        from: NodeId,
        /// The incarnation that is known here.
        known: u64,
        /// The speaker's.
        theirs: u64,
    },
    /// The other side knows this node under another incarnation.
    #[error(
        "node {from} knows node {to} with another data directory (incarnation {known:016x}) than this one \
         ({ours:016x}): this directory is new, or another node has the id {to}. It neither votes nor acknowledges until \
         the cluster takes it as a new member, which needs `synod node replace {to}` at another address than it had"
    )]
    Disowned {
        /// The speaker.
        from: NodeId,
        /// This node.
        to: NodeId,
        /// The incarnation that the speaker knows.
        known: u64,
        /// This node's.
        ours: u64,
    },
    /// The other side's data directory is not the one of the starts that are known.
    #[error(
        "node {from} was started {theirs} times by its data directory, which does not know the one that was the {known}th \
         as this node knows: the directory is an older copy, or two nodes use copies of one. Remove it and let the node \
         join again as a new member"
    )]
    Older {
        /// The speaker.
        from: NodeId,
        /// How many starts are known here.
        known: u64,
        /// How many it says.
        theirs: u64,
    },
}

impl Hello {
    /// Appends the body of the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.protocol_version.to_le_bytes());
        out.extend_from_slice(&self.cluster.0.to_le_bytes());
        out.extend_from_slice(&self.from.0.to_le_bytes());
        out.extend_from_slice(&self.to.0.to_le_bytes());
        for word in [self.incarnation.0, self.starts, self.process, self.known.0, self.address] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        self.past.iter().for_each(|process| out.extend_from_slice(&process.to_le_bytes()));
        out.extend_from_slice(&self.worker.to_le_bytes());
        out.extend_from_slice(&self.workers.to_le_bytes());
        out.push(self.purpose as u8);
        out.extend_from_slice(&self.engine.0);
    }

    /// Reads the body of the frame.
    ///
    /// # Errors
    /// [`HelloRefused::Version`] when it is of another version, whatever else it holds;
    /// [`HelloRefused::Malformed`] when it is of this version and not as [`Self::encode`] writes it.
    pub fn decode(body: &[u8]) -> Result<Self, HelloRefused> {
        let mut rest = body;
        let protocol_version = u32::from_le_bytes(take(&mut rest)?);
        if protocol_version != PROTOCOL_VERSION {
            return Err(HelloRefused::Version { ours: PROTOCOL_VERSION, theirs: protocol_version });
        }
        let hello = Self {
            protocol_version,
            cluster: ClusterId(u64::from_le_bytes(take(&mut rest)?)),
            from: NodeId(u64::from_le_bytes(take(&mut rest)?)),
            to: NodeId(u64::from_le_bytes(take(&mut rest)?)),
            incarnation: Incarnation(u64::from_le_bytes(take(&mut rest)?)),
            starts: u64::from_le_bytes(take(&mut rest)?),
            process: u64::from_le_bytes(take(&mut rest)?),
            known: Incarnation(u64::from_le_bytes(take(&mut rest)?)),
            address: u64::from_le_bytes(take(&mut rest)?),
            past: {
                let mut past = [0; PAST_STARTS];
                for process in &mut past {
                    *process = u64::from_le_bytes(take(&mut rest)?);
                }
                past
            },
            worker: u16::from_le_bytes(take(&mut rest)?),
            workers: u16::from_le_bytes(take(&mut rest)?),
            purpose: match take::<1>(&mut rest)? {
                [1] => Purpose::Data,
                [2] => Purpose::Snapshot,
                _ => return Err(HelloRefused::Malformed),
            },
            engine: EngineName(take(&mut rest)?),
        };
        if !rest.is_empty() || hello.worker >= hello.workers || hello.incarnation.0 == 0 {
            return Err(HelloRefused::Malformed);
        }
        Ok(hello)
    }

    /// Whether the node `id` of `cluster` (0: not known yet), with this engine, may talk to whoever said this.
    ///
    /// # Errors
    /// Why not.
    pub fn check(
        &self,
        id: NodeId,
        cluster: ClusterId,
        engine: EngineName,
    ) -> Result<(), HelloRefused> {
        if self.protocol_version != PROTOCOL_VERSION {
            return Err(HelloRefused::Version {
                ours: PROTOCOL_VERSION,
                theirs: self.protocol_version,
            });
        }
        let both_known = self.cluster.0 != 0 && cluster.0 != 0;
        if both_known && self.cluster != cluster {
            return Err(HelloRefused::Cluster { ours: cluster.0, theirs: self.cluster.0 });
        }
        // Nodes of one cluster learn from its map which engine to run, and when.
        if !both_known && self.engine != engine {
            return Err(HelloRefused::Engine { ours: engine, theirs: self.engine });
        }
        if self.to != id {
            return Err(HelloRefused::Recipient { from: self.from, wanted: self.to, ours: id });
        }
        if self.from == id || self.from == NodeId(0) {
            return Err(HelloRefused::Sender(self.from));
        }
        Ok(())
    }
}

/// A peer address in a word, to be compared with another one.
#[must_use]
pub fn address_hash(addr: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    addr.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], HelloRefused> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(HelloRefused::Malformed)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAFT: EngineName = EngineName(*b"raft\0\0\0\0");

    const HELLO: Hello = Hello {
        protocol_version: PROTOCOL_VERSION,
        cluster: ClusterId(7),
        from: NodeId(1),
        to: NodeId(2),
        incarnation: Incarnation(11),
        starts: 3,
        process: 99,
        past: [98, 97, 0, 0, 0, 0, 0],
        known: Incarnation(0),
        address: 77,
        worker: 0,
        workers: 2,
        purpose: Purpose::Snapshot,
        engine: RAFT,
    };

    #[test]
    fn a_hello_round_trips_and_a_cut_or_longer_one_is_refused() {
        let mut body = Vec::new();
        HELLO.encode(&mut body);
        assert_eq!(body.len(), 81 + 8 * PAST_STARTS);
        assert_eq!(Hello::decode(&body), Ok(HELLO));
        for cut in 0..body.len() {
            assert_eq!(Hello::decode(&body[..cut]), Err(HelloRefused::Malformed));
        }
        body.push(0);
        assert_eq!(Hello::decode(&body), Err(HelloRefused::Malformed));
    }

    #[test]
    fn another_version_is_named_whatever_else_it_says() {
        let refused = HelloRefused::Version { ours: PROTOCOL_VERSION, theirs: 9 };
        assert_eq!(Hello::decode(&[9, 0, 0, 0, 1, 2, 3]), Err(refused));
    }

    #[test]
    fn only_the_right_peer_of_the_right_cluster_is_let_in() {
        let me = (NodeId(2), ClusterId(7));
        let strangers = [
            (Hello { cluster: ClusterId(8), ..HELLO }, "cluster 0000000000000008"),
            (Hello { to: NodeId(3), ..HELLO }, "looks for node 3"),
            (Hello { from: NodeId(2), ..HELLO }, "it is node 2"),
            (Hello { from: NodeId(0), ..HELLO }, "it is node 0"),
            (Hello { protocol_version: PROTOCOL_VERSION + 1, ..HELLO }, "version "),
        ];
        for (hello, reason) in strangers {
            let refused = hello.check(me.0, me.1, RAFT).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
        assert_eq!(HELLO.check(me.0, me.1, RAFT), Ok(()));
        // Within a cluster its map says what is run; a node that was never in it has to fit.
        let moved = Hello { engine: EngineName::new("paxos"), ..HELLO };
        assert_eq!(moved.check(me.0, me.1, RAFT), Ok(()));
        let refused = moved.check(me.0, ClusterId(0), RAFT).unwrap_err().to_string();
        assert!(refused.contains("--engine paxos, this node started with raft"), "{refused}");
        assert_eq!(Hello { cluster: ClusterId(0), ..HELLO }.check(me.0, me.1, RAFT), Ok(()));
        assert_eq!(HELLO.check(NodeId(2), ClusterId(0), RAFT), Ok(()));
    }
}
