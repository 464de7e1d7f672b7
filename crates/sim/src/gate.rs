//! The gate of ZooKeeper's clients in a simulated process, and its duties, as the server's worker has them: calls to the
//! node, what the tree here has applied before what it has answered, and bytes to the clients.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use synod_node::{CallOutcome, Node};
use synod_types::{Slot, key_slot, namespace_key};
use synod_zookeeper::{ConnectionId, Gate, Hearing, Outcome};

/// How often outcomes may lead to new calls within one turn.
const ROUNDS_MAX: usize = 32;

/// What a client is sent: its number, its connection, the bytes, and whether it is closed behind them.
pub(crate) type Sent = (usize, u64, Vec<u8>, bool);

/// A gate and its connections.
pub(crate) struct GateHost {
    gate: Gate,
    namespace: &'static str,
    slot: Slot,
    /// By client: its connection as the client counts, and as the gate does.
    of_client: BTreeMap<usize, (u64, ConnectionId)>,
    clients: BTreeMap<ConnectionId, (usize, u64)>,
}

impl GateHost {
    /// `process` is a number that no other process of the world has.
    pub fn new(process: u32, namespace: &'static str) -> Self {
        Self {
            gate: Gate::new(process).of_namespace(namespace),
            namespace,
            slot: key_slot(&namespace_key(namespace)),
            of_client: BTreeMap::new(),
            clients: BTreeMap::new(),
        }
    }

    pub fn open(&mut self, client: usize, conn: u64) {
        self.forget(client);
        let id = self.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        self.of_client.insert(client, (conn, id));
        self.clients.insert(id, (client, conn));
    }

    pub fn input(&mut self, client: usize, conn: u64, bytes: &[u8]) {
        if let Some((_, id)) = self.of_client.get(&client).filter(|(of, _)| *of == conn) {
            self.gate.input(*id, bytes);
        }
    }

    pub fn close(&mut self, client: usize, conn: u64) {
        if self.of_client.get(&client).is_some_and(|(of, _)| *of == conn) {
            self.forget(client);
        }
    }

    fn forget(&mut self, client: usize) {
        if let Some((_, id)) = self.of_client.remove(&client) {
            self.clients.remove(&id);
            self.gate.close(id);
        }
    }

    pub fn tick(&mut self, now_us: u64, node: &Node) {
        let leads = node.leads_slot(self.slot) == Some(true);
        self.gate
            .tick(now_us, Hearing::beside(node.tree(self.slot, self.namespace).is_some(), leads));
    }

    /// Ends the node's turn as often as outcomes lead to new calls.
    pub fn end_turn(&mut self, node: &mut Node) {
        self.submit(node);
        node.end_turn();
        for _ in 0..ROUNDS_MAX {
            self.learn(node);
            if !self.submit(node) {
                return;
            }
            node.end_turn();
        }
    }

    fn submit(&mut self, node: &mut Node) -> bool {
        let submits = self.gate.take_submits();
        let any = !submits.is_empty();
        for submit in submits {
            if submit.local {
                let answer = node.read_here(self.slot, &submit.op);
                let outcome = answer.as_deref().map_or(Outcome::Lost, Outcome::Done);
                self.gate.outcome(submit.ticket, outcome);
                continue;
            }
            node.submit(submit.ticket, self.slot, submit.op, submit.read);
        }
        any
    }

    fn learn(&mut self, node: &mut Node) {
        if let (Some(tree), Some(seen)) =
            (node.tree(self.slot, self.namespace), self.gate.follows())
        {
            match tree.events_since(seen) {
                Some(_) if tree.zxid() <= seen => {}
                Some(events) => self.gate.news(tree.zxid(), events.cloned()),
                None => self.gate.lost_track(tree.zxid()),
            }
        }
        for (ticket, outcome) in std::mem::take(&mut node.output().outcomes) {
            let outcome = match &outcome {
                CallOutcome::Done(bytes) => Outcome::Done(bytes),
                CallOutcome::DiskFull => Outcome::DiskFull,
                CallOutcome::Lost => Outcome::Lost,
            };
            self.gate.outcome(ticket, outcome);
        }
    }

    /// What clients are to be sent.
    pub fn take_output(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        for id in self.gate.take_dirty() {
            let Some((client, conn)) = self.clients.get(&id).copied() else { continue };
            let Some((output, close)) = self.gate.output(id) else { continue };
            all.push((client, conn, std::mem::take(output), close));
            if close {
                self.forget(client);
            }
        }
        all
    }
}
