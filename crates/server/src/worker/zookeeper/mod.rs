//! ZooKeeper's clients: all of them are on worker 0, those of each namespace at a gate of their own.

mod gatehouse;

use crate::config::Config;
use crate::tls::{Stream, Tls};
use gatehouse::{Built, Gatehouse};
use mio::Poll;
use mio::event::Event;
use mio::net::TcpListener;
use std::net::SocketAddr;
use std::sync::Arc;
use synod_node::Node;
use synod_types::DEFAULT_NAMESPACE;

/// The tokens of the sockets begin here.
pub(super) const ZOOKEEPER: usize = 1 << 30;
/// So many of them are one namespace's.
const TOKENS_EACH: usize = 1 << 20;
/// How often outcomes may lead to new calls within one turn.
const ROUNDS_MAX: usize = 32;

/// The gates of this worker; there is one at least.
pub(super) struct Zookeeper {
    gates: Vec<Gatehouse>,
    /// There is more to do than the last turn did.
    busy: bool,
}

impl Zookeeper {
    /// Serves the clients of the listeners, one for each namespace of the configuration. `process` is a number that no
    /// other process has.
    ///
    /// # Errors
    /// The operating system refuses to watch a listener.
    pub fn new(
        listeners: Vec<TcpListener>,
        config: &Config,
        tls: Option<&Arc<Tls>>,
        process: u32,
        poll: &Poll,
    ) -> std::io::Result<Self> {
        let served = listeners.into_iter().zip(&config.zookeeper).enumerate();
        let gates = served.map(|(i, (listener, served))| {
            let first = ZOOKEEPER + i * TOKENS_EACH;
            let built = Built {
                listener,
                tls: tls.filter(|_| config.tls.zookeeper).cloned(),
                tokens: first..first + TOKENS_EACH,
                namespace: served.namespace.clone(),
                process,
                superuser: config.zookeeper_super_digest.clone(),
            };
            Gatehouse::new(built, poll)
        });
        Ok(Self { gates: gates.collect::<Result<_, _>>()?, busy: false })
    }

    /// Whether the next turn should not wait for events.
    pub fn waiting(&self) -> bool {
        self.busy || self.gates.iter().any(Gatehouse::waiting)
    }

    /// A socket is ready.
    pub fn ready(&mut self, token: usize, event: &Event, poll: &Poll) {
        if let Some(gate) = self.gates.get_mut((token - ZOOKEEPER) / TOKENS_EACH) {
            gate.ready(token, event, poll);
        }
    }

    /// Takes a connection in that came another way: for the default namespace, or for the first if that is not served.
    pub fn admit(&mut self, stream: Stream, address: SocketAddr, poll: &Poll) {
        let default = self.gates.iter().position(|gate| gate.namespace() == DEFAULT_NAMESPACE);
        self.gates[default.unwrap_or_default()].admit(stream, address, poll);
    }

    /// A turn begins at this time.
    pub fn begin_turn(&mut self, now_us: u64, poll: &Poll) {
        self.gates.iter_mut().for_each(|gate| gate.begin_turn(now_us, poll));
    }

    /// A tick has passed.
    pub fn tick(&mut self, now_us: u64, node: &Node, poll: &Poll) {
        self.gates.iter_mut().for_each(|gate| gate.tick(now_us, node, poll));
    }

    /// Ends the node's turn as often as outcomes lead to new calls, and writes what clients are to be told.
    pub fn end_turn(&mut self, node: &mut Node) {
        self.submit(node);
        node.end_turn();
        for _ in 0..ROUNDS_MAX {
            self.learn(node);
            if !self.submit(node) {
                break;
            }
            node.end_turn();
        }
        self.gates.iter_mut().for_each(Gatehouse::write_all);
        self.busy = self.gates.iter().any(Gatehouse::asks);
    }

    fn submit(&mut self, node: &mut Node) -> bool {
        let count = self.gates.len() as u64;
        let mut any = false;
        for (gate, i) in self.gates.iter_mut().zip(0..) {
            any |= gate.submit(node, |ticket| ticket * count + i);
        }
        any
    }

    /// What the replicas here have applied comes before what they have answered.
    fn learn(&mut self, node: &mut Node) {
        self.gates.iter_mut().for_each(|gate| gate.learn(node));
        let count = self.gates.len();
        for (ticket, outcome) in std::mem::take(&mut node.output().outcomes) {
            let (ticket, of) = (ticket / count as u64, ticket % count as u64);
            self.gates[of as usize].outcome(ticket, &outcome);
        }
    }
}
