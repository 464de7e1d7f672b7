//! Frames between nodes, and between the workers of this one.

use super::super::Worker;
use super::super::links::KEEP_BYTES_MAX;
use crate::inbox::Mail;
use std::io::ErrorKind;
use synod_node::Node;
use synod_types::NodeId;
use synod_wire::peer::{Frame, FrameDecoder, FrameKind};

impl Worker {
    /// Gives a frame to the worker it is for.
    pub(super) fn dispatch(&mut self, from: NodeId, frame: Frame) {
        let workers = self.peers.workers;
        if workers == 1 {
            return self.core.node().frame(from, frame);
        }
        let to = match frame.kind {
            FrameKind::ForwardReply => Node::reply_worker(&frame.body).unwrap_or(self.worker),
            FrameKind::Heartbeat
            | FrameKind::Hello
            | FrameKind::Publish
            | FrameKind::Members
            | FrameKind::Changed => {
                for (worker, postbox) in self.postboxes.iter().enumerate() {
                    if worker != usize::from(self.worker) {
                        postbox.send(Mail::Frame(from, frame.clone()));
                    }
                }
                self.worker
            }
            _ => (frame.group.0 % u32::from(workers)) as u16,
        };
        match self.postboxes.get(usize::from(to)) {
            Some(postbox) if to != self.worker => postbox.send(Mail::Frame(from, frame)),
            Some(_) => self.core.node().frame(from, frame),
            None => {}
        }
    }

    /// Frames that another worker of this node sent.
    pub(in crate::worker) fn local_frames(&mut self, bytes: &[u8]) {
        let mut decoder = FrameDecoder::new();
        decoder.established();
        let mut input = bytes::BytesMut::from(bytes);
        while let Ok(Some(frame)) = decoder.decode(&mut input) {
            self.core.node().frame(self.peers.own, frame);
        }
    }

    /// Sends what the node has queued for others.
    pub(in crate::worker) fn send_frames(&mut self) {
        let mut frames = std::mem::take(&mut self.core.node().output().frames);
        for (to, bytes) in &mut frames {
            if bytes.is_empty() {
                continue;
            }
            if to.node == self.peers.own {
                if let Some(postbox) = self.postboxes.get(usize::from(to.worker)) {
                    postbox.send(Mail::Frames(std::mem::take(bytes)));
                }
            } else {
                self.send_bytes(to.node, bytes);
                bytes.clear();
                if bytes.capacity() > KEEP_BYTES_MAX {
                    *bytes = Vec::new();
                }
            }
        }
        self.core.node().output().frames = frames;
    }

    fn send_bytes(&mut self, to: NodeId, bytes: &[u8]) {
        match self.peers.data.get(&to).copied() {
            Some(at) => self.send_on(at, bytes),
            // A node with fewer workers has dialled only some of ours: worker 0 always has a connection.
            None if self.worker != 0 => self.postboxes[0].send(Mail::Relay(to, bytes.to_vec())),
            None => {}
        }
    }

    fn send_on(&mut self, at: usize, bytes: &[u8]) {
        let Some(Some(peer)) = self.peers.table.get_mut(at) else { return };
        if let Err(error) = peer.link.send(bytes)
            && error.kind() != ErrorKind::NotConnected
        {
            self.drop_peer(at, Some(&error));
        }
    }

    pub(in crate::worker) fn send_to(&mut self, to: NodeId, bytes: &[u8]) {
        if let Some(at) = self.peers.data.get(&to).copied() {
            self.send_on(at, bytes);
        }
    }

    pub(in crate::worker) fn send_snapshot(&mut self, to: NodeId, bytes: Vec<u8>) {
        match self.peers.snapshot.get(&to).or(self.peers.data.get(&to)).copied() {
            Some(at) => self.send_on(at, &bytes),
            None if self.worker != 0 => self.postboxes[0].send(Mail::Relay(to, bytes)),
            None => {}
        }
    }
}
