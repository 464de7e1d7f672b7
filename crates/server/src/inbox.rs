//! What other threads tell a worker, and how they wake it.
//!
//! What is bounded by its nature (a report for each flush, a piece of a snapshot for each that was asked for) is always
//! delivered. Frames are not: while more of them wait than a peer's queue would hold, further ones are lost, as they are
//! on the way to a peer that takes too little.

use crate::tls::Stream;
use mio::Waker;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use synod_node::NodeStatus;
use synod_ring::ClusterMap;
use synod_types::{NodeId, limits};
use synod_wire::peer::{Frame, Hello};
use synod_worker::Report;

/// One message to a worker.
pub enum Mail {
    /// A client connected.
    Client(Stream, std::net::SocketAddr),
    /// The node's own coordinator connected.
    Trusted(Stream, std::net::SocketAddr),
    /// A client of ZooKeeper's protocol connected.
    Zookeeper(Stream, std::net::SocketAddr),
    /// A peer connected and said who it is; `rest` came behind its hello.
    Peer {
        /// The connection.
        stream: Stream,
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
    /// The log or the files have something to say.
    Report(Report),
    /// A frame for a peer's snapshot connection.
    SnapshotFrame(NodeId, Vec<u8>),
    /// The cluster map of worker 0.
    Map(Arc<ClusterMap>),
    /// Someone wants to know how this worker is.
    Status(SyncSender<NodeStatus>),
}

/// The sending side of a worker's inbox.
#[derive(Clone)]
pub struct Postbox {
    sender: Sender<Mail>,
    waker: Arc<Waker>,
    /// Bytes of frames that the worker has not taken.
    waiting: Arc<AtomicUsize>,
}

impl Mail {
    /// How many bytes of frames it carries.
    pub fn frame_bytes(&self) -> usize {
        match self {
            Self::Frames(bytes) | Self::Relay(_, bytes) => bytes.len(),
            Self::Frame(_, frame) => frame.body.len(),
            _ => 0,
        }
    }
}

impl Postbox {
    /// A postbox and the inbox behind it.
    pub fn new(waker: Arc<Waker>) -> (Self, Receiver<Mail>) {
        let (sender, receiver) = mpsc::channel();
        (Self { sender, waker, waiting: Arc::default() }, receiver)
    }

    /// Delivers and wakes the worker. A worker that has ended gets nothing, and nobody minds.
    pub fn send(&self, mail: Mail) {
        let bytes = mail.frame_bytes();
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        if bytes > 0 && before > 0 && before + bytes > limits::PEER_QUEUE_BYTES_MAX {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            tracing::warn!(queued = before, "a worker takes too little; frames are dropped");
            return;
        }
        if self.sender.send(mail).is_ok() {
            let _a_worker_that_cannot_be_woken_is_ending = self.waker.wake();
        }
    }

    /// The worker has taken this.
    pub fn taken(&self, mail: &Mail) {
        self.waiting.fetch_sub(mail.frame_bytes(), Ordering::Relaxed);
    }

    /// Wakes the worker to look around.
    pub fn wake(&self) {
        let _a_worker_that_cannot_be_woken_is_ending = self.waker.wake();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use mio::{Poll, Token};

    #[test]
    fn frames_beyond_the_bound_are_lost_and_reports_are_not() {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let (postbox, inbox) = Postbox::new(waker);
        let frames = || Mail::Frames(vec![0; limits::PEER_QUEUE_BYTES_MAX / 4]);
        for _ in 0..6 {
            postbox.send(frames());
        }
        postbox.send(Mail::Report(Report::ChunkWritten));
        let arrived: Vec<Mail> = inbox.try_iter().collect();
        assert_eq!(arrived.iter().filter(|mail| mail.frame_bytes() > 0).count(), 4);
        assert!(matches!(arrived.last(), Some(Mail::Report(_))));
        arrived.iter().for_each(|mail| postbox.taken(mail));
        postbox.send(frames());
        assert_eq!(inbox.try_iter().count(), 1, "taken frames make room");
    }
}
