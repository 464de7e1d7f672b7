//! One machine: a disk and clocks that outlive its process, and the process with its duties towards the log.
//!
//! The duties themselves are those of `synod_worker`, as they ship. A flush is an append when it begins and a sync
//! when it ends; whatever happens in between finds the sectors written and not durable.

use crate::gate::GateHost;
use crate::identity::Copy;
use crate::points::CrashPoint;
use crate::promise::Promises;
use crate::random::Random;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use synod_log::{AppendError, Disk, Fill, Identity, MemDisk, Options, Wal, count_start};
use synod_node::{Log, Node, NodeConfig};
use synod_types::{ClientId, Incarnation, Millis, Now, PartitionId};
use synod_wire::peer::Frame;
use synod_worker::{Commit, Connections, DiskSpace, Files, Job, Report, Task, Worker};

/// How much of the next segment is zeroed at a time.
const PREPARE_BYTES: u64 = 64 << 10;
/// Unix time at the start of the world, in milliseconds.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// What a machine's clocks make of the world's time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// How much faster than the world's it runs, in parts per million; may be negative.
    pub ppm: i64,
    /// How far the wall clock is off, in milliseconds; may be negative.
    pub wall_off_ms: i64,
}

impl Clock {
    /// The world's microseconds as this clock counts them.
    pub fn local(&self, us: u64) -> u64 {
        us.saturating_add_signed((us as i64 / 1_000_000) * self.ppm)
    }

    fn now(&self, time_us: u64, born_us: u64) -> Now {
        let wall = EPOCH_MS + self.local(time_us) / 1000;
        Now {
            wall: Millis(wall.saturating_add_signed(self.wall_off_ms)),
            mono_us: 1_000_000 + self.local(time_us) - self.local(born_us),
        }
    }
}

/// Something that a process is told.
pub(crate) enum Mail {
    Frames(usize, Vec<Frame>),
    PeerUp(usize),
    PeerDown(usize),
    GateOpen { client: usize, conn: u64 },
    GateBytes { client: usize, conn: u64, bytes: Vec<u8> },
    GateClose { client: usize, conn: u64 },
    Open { client: usize, conn: u64 },
    Request { client: usize, conn: u64, args: Vec<Vec<u8>> },
    Close { client: usize, conn: u64 },
    Report(Report),
    SnapshotNow(PartitionId),
    Seal(PartitionId),
}

/// What is flushed together, and what it will have promised when it is.
#[derive(Default)]
pub(crate) struct Flush {
    pub job: Job,
    pub promises: Promises,
    /// Whether there is a term, a vote or a commit in it.
    pub hard_states: bool,
}

impl Flush {
    pub fn add(&mut self, record: Log) {
        match &record {
            Log::Append { group, hard_state, entries, .. } => {
                self.promises.append(*group, hard_state.as_ref(), entries);
                self.hard_states |= hard_state.is_some();
            }
            Log::Snapshot { group, meta } => self.promises.snapshot(*group, meta),
            Log::Remove { group, hard_state } => self.promises.remove(*group, hard_state),
        }
        self.job.add(record);
    }
}

/// A client's connection, as its node sees it.
pub(crate) struct Session {
    pub id: ClientId,
    pub conn: u64,
    /// Its place among the connections.
    pub at: usize,
    /// What the client has sent and the connection has not read.
    pub socket: VecDeque<u8>,
}

/// A running process.
pub(crate) struct Process {
    pub identity: Identity,
    pub worker: Worker,
    pub commit: Commit,
    pub connections: Connections,
    pub born_us: u64,
    pub inbox: Vec<Mail>,
    /// When its next turn is, in the world's time.
    pub turn_at: Option<u64>,
    pub busy_until: u64,
    pub next_flush: Flush,
    /// What is between append and sync, or waits for space.
    pub flushing: Option<Flush>,
    pub appended: bool,
    pub full: bool,
    pub resting: bool,
    pub files: Files,
    pub tasks: VecDeque<Task>,
    /// How much was applied when it was looked at last, in entries of all groups.
    pub applied: Option<u64>,
    pub sessions: BTreeMap<usize, Session>,
    pub of_session: BTreeMap<ClientId, usize>,
    /// Connections with requests to be offered again, or with more to read.
    pub again: Vec<usize>,
    /// Whether it was told how much memory it may use.
    pub has_ceiling: bool,
    /// Where the clients are those of ZooKeeper.
    pub gate: Option<Box<GateHost>>,
}

/// A machine.
pub(crate) struct Machine {
    pub disk: MemDisk,
    pub clock: Clock,
    /// What was reported durable, in all lives.
    pub promises: Promises,
    /// Grows whenever the process starts or ends: events of an earlier life are void.
    pub life: u64,
    pub process: Option<Process>,
    /// A power failure is armed inside the disk: the next error is that.
    pub dying: bool,
    /// The crash points at which it is to die, and how often it may pass each before. They wait until they are
    /// reached, through other deaths too, so that the rare ones have their turn.
    pub armed: BTreeMap<CrashPoint, u64>,
    pub paused_until: u64,
    /// How long a flush takes, in microseconds: least and most.
    pub flush_us: (u64, u64),
    /// Whether a start is on its way.
    pub starting: bool,
    /// The disk as it was at some moment of an earlier life.
    pub copy: Option<Copy>,
    /// When frames of another node reached it last.
    pub heard_us: u64,
    /// Since when it runs on an older copy of its disk, if it does, and how often it had been started by then.
    pub older_since: Option<(u64, u64)>,
    /// What empty tables take in the memory of its node, where nodes have a ceiling.
    pub table_bytes: Option<u64>,
    /// How often its addresses have changed.
    pub moves: u64,
}

/// Why a process did not start.
#[derive(Debug)]
pub(crate) enum StartError {
    /// The disk refused something, or what it holds is not what was written.
    Disk(String),
    /// It would start, and has forgotten what it promised.
    Forgotten(String),
}

impl From<String> for StartError {
    fn from(error: String) -> Self {
        Self::Disk(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => f.write_str(error),
            Self::Forgotten(what) => write!(f, "what was promised is forgotten: {what}"),
        }
    }
}

/// How a step of the log ended.
pub(crate) enum Step {
    Done,
    /// The disk is full; nothing was done.
    Full,
}

impl Machine {
    pub fn new() -> Self {
        Self {
            disk: MemDisk::new(),
            clock: Clock::default(),
            promises: Promises::default(),
            life: 0,
            process: None,
            dying: false,
            armed: BTreeMap::new(),
            paused_until: 0,
            flush_us: (100, 5_000),
            starting: false,
            copy: None,
            heard_us: 0,
            older_since: None,
            table_bytes: None,
            moves: 0,
        }
    }

    pub fn root() -> PathBuf {
        PathBuf::from("/data")
    }

    pub fn wal_dir() -> PathBuf {
        PathBuf::from("/data/wal")
    }

    pub fn snapshot_dir() -> PathBuf {
        PathBuf::from("/data/snapshots")
    }

    pub fn now(&self, time_us: u64) -> Now {
        self.clock.now(time_us, self.process.as_ref().map_or(time_us, |p| p.born_us))
    }

    /// Starts the process from what the disk holds.
    pub fn start(
        &mut self,
        mut config: NodeConfig,
        segment_bytes: u64,
        time_us: u64,
    ) -> Result<(), StartError> {
        self.life += 1;
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let identity = Self::identify(&*disk, &mut config)?;
        let options = Options { segment_bytes, direct: false };
        let (wal, recovered) = Wal::open(disk.clone(), &Self::wal_dir(), options, &mut |_| ())
            .map_err(|e| e.to_string())?;
        if recovered.report.segments == 0 && identity.cluster.0 != 0 {
            return Err(StartError::Disk("the log is gone".to_owned()));
        }
        let snapshots = Self::snapshot_dir();
        disk.create_dir_all(&snapshots).map_err(|e| e.to_string())?;
        let map =
            synod_worker::map_of(&*disk, &snapshots, &recovered).map_err(|e| e.to_string())?;
        let groups = synod_worker::load_groups(&*disk, &snapshots, recovered, &map.laid_out)
            .map_err(|e| e.to_string())?;
        if let Some(what) = self.promises.forgotten(&groups) {
            return Err(StartError::Forgotten(what));
        }
        let now = self.clock.now(time_us, time_us);
        let lease_reads = config.lease_reads;
        let mut node = Node::new(config, groups, now);
        node.remember_members(&map.laid_out);
        if map.committed.is_founded() {
            node.install_map(Arc::new(map.committed));
        }
        self.process = Some(Process {
            identity,
            worker: Worker::new(node, lease_reads, now.mono_us),
            commit: Commit::new(wal, Fill::Written),
            connections: Connections::default(),
            born_us: time_us,
            inbox: Vec::new(),
            turn_at: None,
            busy_until: time_us,
            next_flush: Flush::default(),
            flushing: None,
            appended: false,
            full: false,
            resting: false,
            files: Files::new(disk, snapshots),
            tasks: VecDeque::new(),
            applied: None,
            sessions: BTreeMap::new(),
            of_session: BTreeMap::new(),
            again: Vec::new(),
            has_ceiling: false,
            gate: None,
        });
        Ok(())
    }

    /// Reads who the node is, or decides it, and counts the start.
    fn identify(disk: &dyn Disk, config: &mut NodeConfig) -> Result<Identity, StartError> {
        let root = Self::root();
        disk.create_dir_all(&root).map_err(|e| e.to_string())?;
        let found = Identity::read(disk, &root).map_err(|e| e.to_string())?;
        let identity = match found {
            Some(identity) => identity,
            None => {
                let incarnation = Incarnation(config.process.max(1));
                let roster = [(config.id, incarnation)].into();
                let (node, workers) = (config.id, config.workers);
                let made = Identity { node, workers, incarnation, roster, ..Identity::default() };
                made.write(disk, &root).map_err(|e| e.to_string())?;
                made
            }
        };
        let starts = count_start(disk, &root, config.process).map_err(|e| e.to_string())?;
        config.info.starts = starts.count;
        config.past = starts.past;
        config.info.incarnation = identity.incarnation;
        config.info.process = config.process;
        config.roster = identity.roster.clone();
        Ok(identity)
    }

    /// The process ends; with the power, what was not synced may go too.
    pub fn stop(&mut self, power: bool, random: &mut Random) {
        self.life += 1;
        self.process = None;
        if power {
            self.disk.crash(random.next());
        }
        self.disk.clear_faults();
        self.dying = false;
    }
}

impl Process {
    /// Makes durable whom the node has met, and which cluster it belongs to.
    pub fn keep_identity(&mut self, disk: &MemDisk) -> std::io::Result<()> {
        let known = self.worker.node_ref().map().cluster;
        let cluster = if known.0 == 0 { self.identity.cluster } else { known };
        let roster = self.worker.node().output().roster.take();
        let roster = roster.unwrap_or_else(|| self.identity.roster.clone());
        if roster == self.identity.roster && cluster == self.identity.cluster {
            return Ok(());
        }
        let identity = Identity { roster, cluster, ..self.identity.clone() };
        identity.write(disk, &Machine::root())?;
        self.identity = identity;
        Ok(())
    }

    /// Appends the batch of the flush under way.
    pub fn append(&mut self) -> Result<Step, AppendError> {
        let Some(flush) = &mut self.flushing else { return Ok(Step::Done) };
        match self.commit.append(&mut flush.job) {
            Err(AppendError::Full(_)) => {
                if !self.full {
                    self.full = true;
                    self.inbox.push(Mail::Report(Report::Disk(DiskSpace::Full)));
                }
                return Ok(Step::Full);
            }
            result => result?,
        }
        if std::mem::take(&mut self.full) {
            self.inbox.push(Mail::Report(Report::Disk(DiskSpace::Enough)));
        }
        self.appended = true;
        Ok(Step::Done)
    }

    /// Syncs what was appended and reports it.
    pub fn finish_flush(&mut self) -> Result<Promises, AppendError> {
        self.commit.sync()?;
        self.appended = false;
        let Some(mut flush) = self.flushing.take() else {
            return Ok(Promises::default());
        };
        let flushed = self.commit.finish(&mut flush.job)?;
        self.inbox.push(Mail::Report(Report::Flushed(flushed)));
        let pins = self.commit.take_pins();
        self.inbox.extend(pins.map(|pins| Mail::Report(Report::Pins(pins))));
        Ok(flush.promises)
    }

    /// What the log does when nothing is to be flushed. Whether there is more.
    pub fn rest(&mut self) -> Result<bool, AppendError> {
        if !self.commit.is_prepared() {
            self.commit.prepare(PREPARE_BYTES)?;
            return Ok(true);
        }
        self.commit.mark_durable()?;
        Ok(false)
    }
}
