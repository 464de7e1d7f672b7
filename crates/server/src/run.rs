//! Starting a node, and stopping it.

use crate::clock::{Clock, random_secret, random_seed, stopwatch_ns};
use crate::config::{Config, Durability, Password};
use crate::data_dir::DataDir;
use crate::flush::Flusher;
use crate::inbox::{Mail, Postbox};
use crate::log_writer::LogWriter;
use crate::pace::Pace;
use crate::space::Space;
use crate::tls::{ForNode, Tls};
use crate::worker::{Setup, Worker};
use crate::{aside, coordinator, descriptors, files, http, join, recovery};
use anyhow::{Context, Result};
use mio::net::TcpListener;
use mio::{Poll, Waker};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;
use synod_log::{Disk, RealDisk};
use synod_node::{Node, NodeConfig, RecoveredMap};
use synod_ring::NodeInfo;
use synod_worker::Files;

/// What an operator can do about a refusal to start one.
const NO_THREAD: &str = "a thread cannot be started: check `ulimit -v` and `ulimit -u`";

/// A replica is snapshotted when this many bytes of entries came since its last snapshot.
const SNAPSHOT_BYTES: usize = 32 << 20;
/// How often the flag that ends the process is looked at.
const STOP_EVERY: Duration = Duration::from_millis(50);

/// Runs one node until `stop` becomes true, then hands its leaderships over, makes its log durable and returns.
///
/// # Errors
/// The configuration makes no sense, an address or the data directory cannot be had, or the data is damaged.
/// Once the node serves, an error of its disk ends the process instead.
pub fn run(config: Config, stop: &Arc<AtomicBool>, reload: &AtomicBool) -> Result<()> {
    config.validate()?;
    let mut data = DataDir::open(&config.data, config.node_id, config.workers, config.engine)?;
    warn_of_strangers(&config, &data);
    let clients_max = descriptors::prepare(&config)?;
    let secret = random_secret()?;
    let tls = match config.tls.is_used() {
        true => Some(Arc::new(Tls::new(&config.tls).context("TLS")?)),
        false => None,
    };
    let listener = listen(config.listen, "clients")?;
    let tls_at = config.tls_listen().filter(|_| !config.is_tls_only());
    let mut tls_listener = tls_at.map(|at| listen(at, "clients with TLS")).transpose()?;
    let peer_listener = listen(config.peer_listen, "peers")?;
    let served = config.zookeeper.iter();
    let zookeeper: Result<Vec<_>> =
        served.map(|at| listen(at.listen, "ZooKeeper's clients")).collect();
    let mut zookeeper = zookeeper?;
    let clock = Clock::start();

    let mut polls = Vec::new();
    let mut postboxes = Vec::new();
    let mut inboxes = Vec::new();
    for _ in 0..config.workers {
        let poll = Poll::new().context("the event queue cannot be made")?;
        let waker = Arc::new(Waker::new(poll.registry(), crate::worker::WAKER)?);
        let (postbox, inbox) = Postbox::new(waker);
        polls.push(poll);
        postboxes.push(postbox);
        inboxes.push(inbox);
    }

    // A process that runs several servers, as tests do, has its secret already.
    let _first = synod_node::seed_hashes(random_seed());
    // What it shows is what the cluster was founded with.
    let shown = Config { engine: data.founded_with(), ..config.clone() };
    let coordinator = match postboxes.first() {
        Some(postbox) => coordinator::start(&config.tx, config.node_id.0, postbox)?,
        None => None,
    };
    let (coordinator, coordinating) = coordinator.unzip();
    let http = http::start(&shown, postboxes.clone(), tls.clone(), coordinator)?;
    if let Some(join) = &config.join {
        data.expect(&join.roster)?;
        let password = config.password.as_ref();
        join::ask(join, password, config.node_id, &info(&config, &data), stop)?;
    }
    let mut listeners = Some((listener, peer_listener));
    let mut threads = Vec::new();
    let mut map = RecoveredMap::default();
    let connected = Arc::default();
    let sums = synod_worker::Sums::default();
    for (worker, (poll, inbox)) in polls.into_iter().zip(inboxes).enumerate() {
        let worker = worker as u16;
        let (data, postboxes, connected) = (&data, &postboxes[..], &connected);
        let config = &config;
        let start = Start {
            config,
            data,
            clock,
            secret,
            worker,
            postboxes,
            connected,
            sums: &sums,
            clients_max,
            tls: tls.as_ref(),
        };
        let doors = Doors {
            listeners: listeners.take(),
            tls: tls_listener.take(),
            zookeeper: std::mem::take(&mut zookeeper),
        };
        let worker_loop = start.worker(poll, inbox, doors, &mut map)?;
        let stop = stop.clone();
        let handle = thread::Builder::new()
            .name(format!("worker-{worker}"))
            .spawn(move || worker_loop.run(&stop))
            .context(NO_THREAD)?;
        threads.push(handle);
    }
    tracing::info!(node = %config.node_id, listen = %config.listen, peers = %config.peer_listen,
        http = %config.http, durability = %config.durability, workers = config.workers, "serving");

    while !stop.load(Ordering::Relaxed) && !threads.iter().any(|t| t.is_finished()) {
        thread::sleep(STOP_EVERY);
        if reload.swap(false, Ordering::Relaxed) {
            reload_tls(tls.as_deref());
        }
    }
    if let Some(coordinating) = coordinating {
        coordinating.stop();
    }
    stop.store(true, Ordering::Relaxed);
    postboxes.iter().for_each(Postbox::wake);
    for handle in threads {
        match handle.join() {
            Ok(result) => result?,
            Err(_) => anyhow::bail!("a worker thread panicked"),
        }
    }
    http.stop();
    tracing::info!("stopped");
    Ok(())
}

/// SIGHUP: the files of certificates are read anew.
fn reload_tls(tls: Option<&Tls>) {
    match tls.map(Tls::reload) {
        Some(Err(error)) => {
            tracing::error!(error = %format!("{error:#}"), "the TLS files cannot be used: those read before stay in force");
        }
        Some(Ok(())) => {}
        None => tracing::info!("SIGHUP has the files of TLS read anew, and this node uses none"),
    }
}

/// A node that was to join others and is started without them would wait in silence.
fn warn_of_strangers(config: &Config, data: &DataDir) {
    let identity = data.identity();
    let met = identity.roster.keys().any(|node| !config.initial_cluster.contains_key(node));
    if config.join.is_none() && identity.cluster.0 == 0 && met {
        tracing::warn!(
            "this directory was made to join others, and nothing shows that it has: unless its log does, start it with \
             the same --join or --initial-cluster again"
        );
    }
}

fn listen(address: std::net::SocketAddr, whom: &str) -> Result<TcpListener> {
    let bind = || {
        let listener = std::net::TcpListener::bind(address)?;
        descriptors::widen(&listener)?;
        listener.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(TcpListener::from_std(listener))
    };
    bind().with_context(|| format!("cannot listen for {whom} on {address}"))
}

/// What a worker accepts connections on; worker 0 has them.
struct Doors {
    listeners: Option<(TcpListener, TcpListener)>,
    tls: Option<TcpListener>,
    zookeeper: Vec<TcpListener>,
}

struct Start<'a> {
    config: &'a Config,
    data: &'a DataDir,
    clock: Clock,
    secret: [u8; 32],
    worker: u16,
    postboxes: &'a [Postbox],
    connected: &'a Arc<AtomicUsize>,
    sums: &'a synod_worker::Sums,
    clients_max: usize,
    tls: Option<&'a Arc<Tls>>,
}

impl Start<'_> {
    /// Recovers one worker and puts its parts together. Worker 0 comes first: its metadata group tells the others
    /// which slots their partitions have.
    fn worker(
        &self,
        poll: Poll,
        inbox: Receiver<Mail>,
        doors: Doors,
        map: &mut RecoveredMap,
    ) -> Result<Worker> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let worker = self.worker;
        let snapshots = self.data.snapshots(worker);
        let (wal, recovered) = recovery::open_log(
            disk.clone(),
            &self.data.wal(worker),
            self.config.tuning.log_writes,
        )?;
        self.data.expect_log(worker, recovered.report.segments)?;
        if worker == 0 {
            *map = synod_worker::map_of(&*disk, &snapshots, &recovered)?;
            self.config.explicit.agrees(self.config, &map.laid_out)?;
            let moved = map.laid_out.engine;
            self.data.check_engine(self.config.engine, moved)?;
        }
        let groups = synod_worker::load_groups(&*disk, &snapshots, recovered, &map.laid_out)?;
        let config = self.config;
        let node_config = NodeConfig {
            id: config.node_id,
            worker,
            workers: config.workers,
            info: info(config, self.data),
            initial_cluster: config.initial_cluster.clone(),
            joins: config.join.is_some(),
            roster: self.data.identity().roster.clone(),
            process: self.data.starts().process,
            past: self.data.starts().past,
            turn_length: synod_types::limits::TURN_LENGTH_BYTES,
            partitions: config.partitions,
            replicas: config.replicas,
            ack_early: config.durability != Durability::Always,
            lease_reads: config.lease_reads,
            engine: self.data.founded_with(),
            snapshot_bytes: SNAPSHOT_BYTES,
            weight: config.weight,
            zone: config.zone.clone(),
            maxmemory: config.maxmemory,
            memory: crate::memory::available(),
            password: config.password.as_ref().map(Password::digest),
            secret: self.secret,
            seed: random_seed(),
        };
        let mut node = Node::new(node_config, groups, self.clock.now());
        node.limit_clients(self.clients_max);
        node.set_stopwatch(stopwatch_ns);
        if let Some(tls) = self.tls.cloned() {
            node.set_certificates(Box::new(ForNode(tls)));
        }
        node.remember_members(&map.laid_out);
        if map.committed.is_founded() {
            node.install_map(Arc::new(map.committed.clone()));
        }
        let postbox = self.postboxes[usize::from(worker)].clone();
        let snapshot_bytes = Arc::new(AtomicU64::new(node.keyspace_bytes() as u64));
        let space = Space::new(self.data.wal(worker), Arc::clone(&snapshot_bytes));
        let pace = Pace::new(config.tuning.log_flush);
        let flusher = Flusher::new(wal, config.durability, pace, postbox.clone(), space);
        let log = LogWriter::start(flusher, postbox.clone(), worker).context(NO_THREAD)?;
        let asides = aside::start(postbox.clone(), worker).context(NO_THREAD)?;
        let files =
            files::start(Files::new(disk, snapshots), postbox, worker).context(NO_THREAD)?;
        Worker::new(Setup {
            node,
            clock: self.clock,
            // Peers compare what the cluster was founded with, which stays.
            config: Config { engine: self.data.founded_with(), ..config.clone() },
            keeper: (worker == 0).then(|| self.data.keeper()),
            worker,
            poll,
            inbox,
            postboxes: self.postboxes.to_vec(),
            listeners: doors.listeners,
            tls_listener: doors.tls,
            tls: self.tls.cloned(),
            zookeeper: doors.zookeeper,
            process: random_seed() as u32,
            log,
            files,
            asides,
            connected: Arc::clone(self.connected),
            sums: self.sums.clone(),
            snapshot_bytes,
        })
    }
}

/// What the node says of itself.
fn info(config: &Config, data: &DataDir) -> NodeInfo {
    let peer_addr = config.initial_cluster.get(&config.node_id).cloned();
    NodeInfo {
        client_addr: config.listen.to_string(),
        peer_addr: peer_addr.unwrap_or_else(|| config.peer_listen.to_string()),
        http_addr: config.http.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workers: u32::from(config.workers),
        incarnation: data.identity().incarnation,
        starts: data.starts().count,
        process: data.starts().process,
    }
}
