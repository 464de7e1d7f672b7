//! What a process does with its mail, and with what its clients sent.

use crate::machine::{Mail, Process, Session};
use std::collections::VecDeque;
use synod_types::plant::planted;
use synod_types::{NodeId, ReplySink};
use synod_wire::resp::{Proto, RespWriter};
use synod_worker::{Flushed, READ_BYTES, Report};

impl Process {
    pub(crate) fn take(&mut self, mail: Mail) {
        let node = self.worker.node();
        let id = |peer: usize| NodeId(peer as u64 + 1);
        match mail {
            Mail::Frames(from, frames) => {
                frames.into_iter().for_each(|frame| node.frame(id(from), frame));
            }
            Mail::PeerUp(peer) => node.peer_up(id(peer)),
            Mail::PeerDown(peer) => node.peer_down(id(peer)),
            Mail::GateOpen { client, conn } => {
                self.gate.as_mut().into_iter().for_each(|gate| gate.open(client, conn));
            }
            Mail::GateBytes { client, conn, bytes } => {
                self.gate.as_mut().into_iter().for_each(|gate| gate.input(client, conn, &bytes));
            }
            Mail::GateClose { client, conn } => {
                self.gate.as_mut().into_iter().for_each(|gate| gate.close(client, conn));
            }
            Mail::Open { client, conn } => self.open(client, conn),
            Mail::Request { client, conn, args } => self.receive(client, conn, &args),
            Mail::Close { client, conn } => {
                if self.sessions.get(&client).is_some_and(|s| s.conn == conn) {
                    self.close(client);
                }
            }
            Mail::SnapshotNow(group) => node.snapshot_now(group),
            Mail::Seal(partition) => _ = node.seal(partition),
            Mail::Report(report) => self.worker.report(report),
        }
    }

    /// The bug planted as `ack-before-fsync`: what was appended counts as durable.
    pub(crate) fn acknowledge_early(&mut self) {
        if let Some(flush) = &mut self.flushing {
            let acks = flush.job.take_acks();
            let flushed = Flushed { acks, ..Flushed::default() };
            self.inbox.push(Mail::Report(Report::Flushed(flushed)));
        }
    }

    pub(crate) fn open(&mut self, client: usize, conn: u64) {
        self.close(client);
        let id = self.worker.node().open_session(format!("client-{client}"));
        let at = self.connections.open(id);
        self.sessions.insert(client, Session { id, conn, at, socket: VecDeque::new() });
        self.of_session.insert(id, client);
    }

    /// Something that an operator asks; the answer is for nobody.
    pub fn operate(&mut self, words: &[&str]) {
        let node = self.worker.node();
        let id = node.open_session("operator".to_owned());
        let at = self.connections.open(id);
        let mut bytes = Vec::new();
        let mut out = RespWriter::new(&mut bytes, Proto::Resp2);
        out.array(words.len());
        words.iter().for_each(|word| out.bulk(word.as_bytes()));
        if let Some(room) = self.connections.room(at, node) {
            room[..bytes.len()].copy_from_slice(&bytes);
            self.connections.received(at, bytes.len(), node);
            self.connections.execute(node);
        }
        self.connections.close(at);
        node.close_session(id);
    }

    pub(crate) fn close(&mut self, client: usize) {
        if let Some(session) = self.sessions.remove(&client) {
            self.of_session.remove(&session.id);
            let held = self.connections.get(session.at).is_some_and(|c| c.is_stalled());
            if held && planted("left-client-writes") {
                return;
            }
            self.connections.close(session.at);
            self.worker.node().close_session(session.id);
        }
    }

    /// A request arrives in the socket.
    pub(crate) fn receive(&mut self, client: usize, conn: u64, args: &[Vec<u8>]) {
        let Some(session) = self.sessions.get_mut(&client).filter(|s| s.conn == conn) else {
            return;
        };
        let mut bytes = Vec::new();
        let mut out = RespWriter::new(&mut bytes, Proto::Resp2);
        out.array(args.len());
        args.iter().for_each(|arg| out.bulk(arg));
        session.socket.extend(bytes);
        self.again.push(session.at);
    }

    /// What the server's clients do in a turn: those that the turn before had no time for, what arrived, and what may
    /// be offered again.
    pub(crate) fn serve_clients(&mut self) {
        let places = self.connections.go_on_with_yielded(self.worker.node());
        self.again.extend(places);
        for at in self.again.clone() {
            self.read(at);
        }
        self.connections.execute(self.worker.node());
        self.note_resumed();
        for at in std::mem::take(&mut self.again) {
            self.connections.offer_again(at, self.worker.node());
            self.read(at);
        }
        self.connections.execute(self.worker.node());
    }

    /// Reads what is in the socket, as far as the connection takes it.
    pub(crate) fn read(&mut self, at: usize) {
        let Some(id) = self.connections.get(at).map(|connection| connection.id()) else { return };
        let Some(client) = self.of_session.get(&id) else { return };
        let Some(session) = self.sessions.get_mut(client) else { return };
        if session.socket.is_empty() {
            return;
        }
        let Some(room) = self.connections.room(at, self.worker.node()) else { return };
        let n = session.socket.len().min(READ_BYTES);
        for (place, byte) in room.iter_mut().zip(session.socket.drain(..n)) {
            *place = byte;
        }
        if !session.socket.is_empty() {
            self.again.push(at);
        }
        self.connections.received(at, n, self.worker.node());
    }

    /// Notes whose requests may be offered again.
    pub(crate) fn note_resumed(&mut self) {
        for id in std::mem::take(&mut self.worker.node().output().ready.resumed) {
            self.again.extend(self.connections.place(id));
        }
    }
}
