//! A worker: one thread, one event loop, one turn after the other.

mod accept;
mod clients;
mod keepalive;
mod links;
mod peers;
pub mod refused;
mod zookeeper;

use crate::clock::Clock;
use crate::config::{Config, Durability};
use crate::data_dir::Keeper;
use crate::facts;
use crate::inbox::{Mail, Postbox};
use crate::log_writer::LogWriter;
use crate::migrate::Migrations;
use crate::spin::Spin;
use crate::tls::Tls;
use crate::tuning::LogFlush;
use anyhow::Result;
use clients::Clients;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use peers::Peers;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};
use synod_node::{Facts, Node};
use synod_replica::Aside;
use synod_worker::{DiskSpace, Flushed, Report, Task, Worker as Core};
use zookeeper::{ZOOKEEPER, Zookeeper};

/// The token of a worker's waker.
pub const WAKER: Token = Token(0);
const LISTENER: Token = Token(1);
const PEER_LISTENER: Token = Token(2);
const TLS_LISTENER: Token = Token(3);
/// Peer connections have the tokens from here on, clients those from `CLIENTS` on.
const PEERS: usize = 16;
const CLIENTS: usize = 1 << 20;

/// How many sockets one turn looks at where it may end in a flush: it should find all that came during the one before.
const EVENTS_FLUSHED_MAX: usize = 64;
/// Where the turn does not wait for the disk: few enough that clients work on the replies of one turn while the server is at the next.
const EVENTS_MAX: usize = 16;
/// Records that nobody waits for are flushed this late.
const LAZY_US: u64 = 10_000;
/// How long a stopping node tries to hand its leaderships over.
const RETIRE_US_MAX: u64 = 3_000_000;
/// A turn that begins so late is a stall of this node: what others said meanwhile was not listened to.
const STALL_US: u64 = 300_000;

/// What a worker is made of.
pub struct Setup {
    /// The node.
    pub node: Node,
    /// The clocks.
    pub clock: Clock,
    /// The configuration.
    pub config: Config,
    /// The data directory, on the worker that keeps its identity.
    pub keeper: Option<Keeper>,
    /// Which worker.
    pub worker: u16,
    /// The event queue; the waker is registered.
    pub poll: Poll,
    /// What others tell this worker.
    pub inbox: Receiver<Mail>,
    /// All workers' postboxes, by number.
    pub postboxes: Vec<Postbox>,
    /// For clients and for peers; worker 0 has them.
    pub listeners: Option<(TcpListener, TcpListener)>,
    /// For clients with TLS; worker 0 has it, if there is one.
    pub tls_listener: Option<TcpListener>,
    /// The certificates, if some door speaks TLS.
    pub tls: Option<Arc<Tls>>,
    /// For ZooKeeper's clients, one for each namespace that is served; worker 0 has them.
    pub zookeeper: Vec<TcpListener>,
    /// A number that no other process has.
    pub process: u32,
    /// The log.
    pub log: LogWriter,
    /// To the files thread.
    pub files: Sender<Task>,
    /// To the thread that runs long operations.
    pub asides: Sender<Box<Aside>>,
    /// How many clients are connected to the node.
    pub connected: Arc<AtomicUsize>,
    /// How much memory unfinished requests take in the node.
    pub sums: synod_worker::Sums,
    /// What snapshots of all groups of this worker would take; the worker keeps it up to date.
    pub snapshot_bytes: Arc<AtomicU64>,
}

/// The running worker.
pub struct Worker {
    core: Core,
    clock: Clock,
    worker: u16,
    poll: Poll,
    inbox: Receiver<Mail>,
    postboxes: Vec<Postbox>,
    listeners: Option<(TcpListener, TcpListener)>,
    tls_listener: Option<TcpListener>,
    /// The clients' first listener is the one for TLS.
    tls_only: bool,
    tls: Option<Arc<Tls>>,
    log: LogWriter,
    /// What this worker's own flush at the end of the turn before achieved.
    flushed: Option<Flushed>,
    spin: Spin,
    /// How many sockets one turn looks at.
    events_max: usize,
    files: Sender<Task>,
    asides: Sender<Box<Aside>>,
    migrations: Migrations,
    clients: Clients,
    zookeeper: Option<Zookeeper>,
    peers: Peers,
    /// Since when records are gathered that nobody waits for.
    lazy_since_us: Option<u64>,
    facts: Facts,
    facts_us: u64,
    /// When the turn before began.
    turned_us: u64,
    started_us: u64,
    next_worker: usize,
    /// How the log finds its disk.
    disk: DiskSpace,
    /// What snapshots of all groups here would take, for the flush thread.
    snapshot_bytes: Arc<AtomicU64>,
    /// Connections that could not be accepted yet, when that was told in the log last.
    refused_told_us: Option<u64>,
    /// The operating system refused a connection; accepting is tried again with every tick.
    accept_again: bool,
    keeper: Option<Keeper>,
    /// More clients may stand at the door than one turn lets in; the listener does not report them again.
    accept_more: bool,
}

impl Worker {
    /// Puts the parts together and registers the listeners.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn new(setup: Setup) -> Result<Self> {
        let Setup {
            mut node,
            clock,
            config,
            worker,
            poll,
            inbox,
            postboxes,
            mut listeners,
            mut tls_listener,
            tls,
            zookeeper,
            process,
            log,
            files,
            asides,
            keeper,
            connected,
            sums,
            snapshot_bytes,
        } = setup;
        if let Some((clients, peers)) = &mut listeners {
            poll.registry().register(clients, LISTENER, Interest::READABLE)?;
            poll.registry().register(peers, PEER_LISTENER, Interest::READABLE)?;
        }
        if let Some(listener) = &mut tls_listener {
            poll.registry().register(listener, TLS_LISTENER, Interest::READABLE)?;
        }
        let zookeeper = match zookeeper.is_empty() {
            true => None,
            false => Some(Zookeeper::new(zookeeper, &config, tls.as_ref(), process, &poll)?),
        };
        let migrating = postboxes[usize::from(worker)].clone();
        let peers = Peers::new(&config, tls.as_ref());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let spin = Spin::new(config.tuning.spin_us, postboxes.len(), cores);
        let flushes =
            config.durability == Durability::Always && config.tuning.log_flush != LogFlush::Thread;
        let events_max = if flushes { EVENTS_FLUSHED_MAX } else { EVENTS_MAX };
        let mut facts = facts::fixed(&config);
        facts::refresh_tls(&mut facts, tls.as_deref());
        facts::refresh(&mut facts, 0, 0);
        facts::refresh_log(&mut facts, &log);
        node.set_facts(facts.clone()); // the first request may ask for them
        Ok(Self {
            core: Core::new(node, config.lease_reads, 0),
            clock,
            worker,
            poll,
            inbox,
            postboxes,
            listeners,
            tls_listener,
            tls_only: config.is_tls_only(),
            tls: tls.clone(),
            log,
            flushed: None,
            spin,
            events_max,
            files,
            asides,
            migrations: Migrations::new(migrating),
            clients: Clients::new(connected, sums, tls),
            zookeeper,
            peers,
            lazy_since_us: None,
            facts,
            facts_us: 0,
            turned_us: 0,
            started_us: clock.mono_us(),
            next_worker: 0,
            disk: DiskSpace::Enough,
            snapshot_bytes,
            refused_told_us: None,
            accept_again: false,
            keeper,
            accept_more: false,
        })
    }

    /// Turns until `stop`, then retires the node and waits for the log.
    ///
    /// # Errors
    /// The event queue fails.
    pub fn run(mut self, stop: &AtomicBool) -> Result<()> {
        let mut events = Events::with_capacity(self.events_max);
        let mut retiring_since = None;
        loop {
            self.turn(&mut events)?;
            if stop.load(Ordering::Relaxed) {
                let now = self.clock.mono_us();
                let since = *retiring_since.get_or_insert(now);
                if self.core.node().retire() || now - since > RETIRE_US_MAX {
                    break;
                }
            }
        }
        self.finish(&mut events)
    }

    /// Waits for what was handed to the log, so that clients get their answers, and for the log's last sync; but not
    /// for a disk that is full.
    fn finish(mut self, events: &mut Events) -> Result<()> {
        let mut quiet = false;
        while self.disk != DiskSpace::Full {
            self.log.ask();
            self.turn(events)?;
            // What the log had reported before that turn was heard in it.
            if quiet && self.log.is_quiet() {
                break;
            }
            quiet = self.log.is_quiet() && self.flushed.is_none();
        }
        self.clients.flush_all(self.core.node());
        self.log.close();
        Ok(())
    }

    /// Waits for something to do: first awake, if that pays, then asleep.
    fn poll(&mut self, events: &mut Events) -> std::io::Result<()> {
        let wait = self.wait();
        if !wait.is_zero()
            && let Some(length) = self.spin.length()
        {
            let until = Instant::now() + length.min(wait);
            loop {
                self.poll.poll(events, Some(Duration::ZERO))?;
                let found = !events.is_empty();
                if found || Instant::now() >= until {
                    self.spin.looked(found);
                    if found {
                        return Ok(());
                    }
                    break;
                }
                std::hint::spin_loop();
            }
        }
        self.poll.poll(events, Some(wait))
    }

    fn turn(&mut self, events: &mut Events) -> Result<()> {
        match self.poll(events) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        let now = self.clock.now();
        let stalled_us = match std::mem::replace(&mut self.turned_us, now.mono_us) {
            0 => 0,
            before => now.mono_us.saturating_sub(before + STALL_US),
        };
        self.core.node().stood_still(stalled_us);
        let ticked = self.core.begin_turn(now);
        self.clients.begin_turn(now.mono_us, self.core.node());
        if let Some(zookeeper) = &mut self.zookeeper {
            zookeeper.begin_turn(now.mono_us, &self.poll);
        }
        self.tick(now.mono_us, ticked, stalled_us > 0);
        // Peers, the log and the other workers come first: what they say may be what keeps a leader in its place.
        self.go_on_with_peers();
        for event in events.iter() {
            match event.token() {
                WAKER | LISTENER | TLS_LISTENER => {}
                PEER_LISTENER => self.accept_peers(),
                Token(token) if token >= ZOOKEEPER => {
                    if let Some(zookeeper) = &mut self.zookeeper {
                        zookeeper.ready(token, event, &self.poll);
                    }
                }
                Token(token) if token >= CLIENTS => {}
                Token(token) => self.peer_ready(token - PEERS, event),
            }
        }
        if let Some(flushed) = self.flushed.take() {
            self.core.report(Report::Flushed(flushed));
        }
        while let Ok(mail) = self.inbox.try_recv() {
            self.postboxes[usize::from(self.worker)].taken(&mail);
            self.mail(mail);
        }
        self.clients.go_on_with_yielded(self.core.node());
        if std::mem::take(&mut self.accept_more) {
            self.accept_clients();
        }
        for event in events.iter() {
            match event.token() {
                LISTENER | TLS_LISTENER => self.accept_clients(),
                Token(token) if (CLIENTS..ZOOKEEPER).contains(&token) => {
                    self.clients.ready(token - CLIENTS, event, self.core.node());
                }
                _ => {}
            }
        }
        self.clients.execute(self.core.node());
        self.clients.go_on(self.core.node());
        self.core.end_turn(|node| match &mut self.zookeeper {
            Some(zookeeper) => zookeeper.end_turn(node),
            None => node.end_turn(),
        });
        self.keep_identity()?;
        self.deliver();
        self.core.node().turn_took(self.clock.mono_us() - now.mono_us);
        // Behind all that others wait for: replies of the turn before, and entries for the peers' disks.
        self.flushed = self.log.flush_in_turn();
        Ok(())
    }

    fn wait(&self) -> Duration {
        if self.flushed.is_some()
            || self.accept_more
            || self.peers.unread
            || self.clients.waiting()
            || self.zookeeper.as_ref().is_some_and(Zookeeper::waiting)
            || self.core.is_busy()
        {
            return Duration::ZERO;
        }
        let mut due = self.core.due_us();
        if let Some(since) = self.lazy_since_us {
            due = due.min(since + LAZY_US);
        }
        Duration::from_micros(due.saturating_sub(self.clock.mono_us()).max(1))
    }

    /// What is done from time to time.
    fn tick(&mut self, now: u64, ticked: bool, stalled: bool) {
        if ticked {
            if let Some(zookeeper) = &mut self.zookeeper {
                zookeeper.tick(now, self.core.node_ref(), &self.poll);
            }
            // After a stall their words lie in the sockets, and are read in this turn.
            if !stalled {
                self.drop_silent_peers(now);
            }
            self.dial_peers(now);
            self.accept_what_waits();
        }
        if now >= self.facts_us + 1_000_000 {
            self.facts_us = now;
            let uptime_s = (now - self.started_us) / 1_000_000;
            facts::refresh(&mut self.facts, uptime_s, self.core.log_bytes());
            facts::refresh_log(&mut self.facts, &self.log);
            facts::refresh_tls(&mut self.facts, self.tls.as_deref());
            self.core.node().set_facts(self.facts.clone());
            self.snapshot_bytes.store(self.core.node().keyspace_bytes() as u64, Ordering::Relaxed);
        }
    }

    fn mail(&mut self, mail: Mail) {
        match mail {
            Mail::Client(stream, addr) => {
                self.clients.open(stream, addr, self.core.node(), &self.poll);
            }
            Mail::Trusted(stream, addr) => {
                if let Some(id) = self.clients.open(stream, addr, self.core.node(), &self.poll) {
                    self.core.node().trust(id);
                }
            }
            Mail::Zookeeper(stream, addr) => {
                if let Some(zookeeper) = &mut self.zookeeper {
                    zookeeper.admit(stream, addr, &self.poll);
                }
            }
            Mail::Peer { stream, hello, rest } => self.adopt_peer(stream, &hello, &rest),
            Mail::Frames(bytes) => self.local_frames(&bytes),
            Mail::Frame(from, frame) => self.core.node().frame(from, frame),
            Mail::Relay(to, bytes) => self.send_to(to, &bytes),
            Mail::Report(report) => {
                if let Report::Disk(space) = &report {
                    self.disk = *space;
                }
                self.core.report(report);
            }
            Mail::SnapshotFrame(to, bytes) => self.send_snapshot(to, bytes),
            Mail::Map(map) => {
                self.core.node().install_map(map.clone());
                self.learn_members(&map);
            }
            Mail::Status(reply) => {
                let _the_asker_may_have_gone = reply.try_send(self.core.node().status());
            }
        }
    }

    /// Makes durable whom this node has met and which cluster it belongs to, before anyone hears that it knows.
    fn keep_identity(&mut self) -> Result<()> {
        let cluster = self.core.node().map().cluster;
        let roster = self.core.node().output().roster.take();
        match &mut self.keeper {
            Some(keeper) => keeper.keep(roster, cluster),
            None => Ok(()),
        }
    }

    fn do_files(&self, task: Task) {
        if self.files.send(task).is_err() {
            tracing::error!("the files thread has ended; snapshots stop");
        }
    }

    /// Hands everything out that the turn has brought forth.
    fn deliver(&mut self) {
        self.log();
        let tasks: Vec<Task> = self.core.take_tasks().collect();
        tasks.into_iter().for_each(|task| self.do_files(task));
        for aside in self.core.take_asides() {
            if self.asides.send(aside).is_err() {
                tracing::error!(
                    "the thread of long operations has ended; a partition stands still"
                );
            }
        }
        for migration in self.core.take_migrations() {
            self.migrations.begin(migration);
        }
        let map = self.core.node().output().map.take();
        if let Some(map) = map {
            self.learn_members(&map);
            for (worker, postbox) in self.postboxes.iter().enumerate() {
                if worker != usize::from(self.worker) {
                    postbox.send(Mail::Map(Arc::clone(&map)));
                }
            }
        }
        self.send_frames();
        self.clients.write_dirty(self.core.node());
    }

    /// Hands the log what is for it.
    fn log(&mut self) {
        let records = &mut self.core.node().output().log;
        if records.is_empty() && self.lazy_since_us.is_none() {
            return;
        }
        if !self.log.add(records.drain(..)) {
            self.lazy_since_us = None;
            return;
        }
        let now = self.clock.mono_us();
        if now >= *self.lazy_since_us.get_or_insert(now) + LAZY_US {
            self.lazy_since_us = None;
            self.log.ask();
        }
    }
}
