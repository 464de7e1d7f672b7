//! What other threads tell a worker, and how they wake it.

use mio::Waker;
use mio::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use synod_consensus::Token;
use synod_node::NodeStatus;
use synod_replica::State;
use synod_ring::ClusterMap;
use synod_types::{NodeId, PartitionId, SnapshotMeta};
use synod_wire::peer::{Frame, Hello};

/// One message to a worker.
pub enum Mail {
    /// A client connected.
    Client(TcpStream, std::net::SocketAddr),
    /// A peer connected and said who it is; `rest` came behind its hello.
    Peer {
        /// The connection.
        stream: TcpStream,
        /// What it said.
        hello: Hello,
        /// Bytes already read.
        rest: Vec<u8>,
    },
    /// Encoded frames from another worker of this node.
    Frames(Vec<u8>),
    /// A frame that reached another worker first.
    Frame(NodeId, Frame),
    /// Frames for a peer to which the sending worker has no connection.
    Relay(NodeId, Vec<u8>),
    /// A flush is done.
    Flushed(Flushed),
    /// How the log finds its disk.
    Disk(DiskSpace),
    /// Snapshot these groups: their entries pin the oldest segments.
    Pins(Vec<PartitionId>),
    /// A snapshot's file is durable.
    SnapshotWritten(PartitionId, SnapshotMeta),
    /// A chunk of a snapshot was written.
    ChunkWritten,
    /// A snapshot could not be written, received or loaded.
    SnapshotFailed(PartitionId),
    /// A received snapshot's file ends at this offset; whether it is complete.
    SnapshotProgress(PartitionId, SnapshotMeta, u64, bool),
    /// A received snapshot is durable and loaded.
    SnapshotLoaded(PartitionId, SnapshotMeta, Box<State>),
    /// A frame for a peer's snapshot connection.
    SnapshotFrame(NodeId, Vec<u8>),
    /// The cluster map of worker 0.
    Map(Arc<ClusterMap>),
    /// Someone wants to know how this worker is.
    Status(SyncSender<NodeStatus>),
}

/// How much space the log's disk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskSpace {
    /// Writes can be accepted.
    Enough,
    /// What was accepted can be written, and no more.
    Short,
    /// A batch waits for space.
    Full,
}

/// What a flush achieved.
#[derive(Debug, Default)]
pub struct Flushed {
    /// What is durable now, in order.
    pub acks: Vec<(PartitionId, Token)>,
    /// Snapshots whose mark is durable: older files can go.
    pub marks: Vec<(PartitionId, SnapshotMeta)>,
    /// Bytes of all segments.
    pub log_bytes: u64,
}

/// The sending side of a worker's inbox.
#[derive(Clone)]
pub struct Postbox {
    sender: Sender<Mail>,
    waker: Arc<Waker>,
}

impl Postbox {
    /// A postbox and the inbox behind it.
    pub fn new(waker: Arc<Waker>) -> (Self, Receiver<Mail>) {
        let (sender, receiver) = mpsc::channel();
        (Self { sender, waker }, receiver)
    }

    /// Delivers and wakes the worker. A worker that has ended gets nothing, and nobody minds.
    pub fn send(&self, mail: Mail) {
        if self.sender.send(mail).is_ok() {
            let _a_worker_that_cannot_be_woken_is_ending = self.waker.wake();
        }
    }

    /// Wakes the worker to look around.
    pub fn wake(&self) {
        let _a_worker_that_cannot_be_woken_is_ending = self.waker.wake();
    }
}
