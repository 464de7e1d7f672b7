//! One machine: a disk and clocks that outlive its process, and the process with its duties towards the log.
//!
//! The duties are those of the server's worker and flush thread. A flush is an append when it begins and a sync
//! when it ends; whatever happens in between finds the sectors written and not durable.

use crate::files::{Files, Task};
use crate::identity::Copy;
use crate::points::CrashPoint;
use crate::promise::Promises;
use crate::random::Random;
use crate::recovery;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use synod_consensus::Token;
use synod_log::{
    AppendError, Batch, Disk, Fill, Identity, MemDisk, Options, Prepared, Wal, count_start,
};
use synod_node::{Node, NodeConfig};
use synod_replica::State;
use synod_types::{ClientId, Incarnation, Millis, Now, PartitionId, SnapshotMeta};
use synod_wire::peer::Frame;

/// With more segments than this, groups that pin the oldest are snapshotted.
const SEGMENTS_MAX: usize = 8;
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
    Open { client: usize, conn: u64 },
    Request { client: usize, conn: u64, args: Vec<Vec<u8>> },
    Close { client: usize, conn: u64 },
    Flushed(Job),
    DiskFull(bool),
    Pins(Vec<PartitionId>),
    SnapshotNow(PartitionId),
    ChunkWritten,
    SnapshotWritten(PartitionId, SnapshotMeta),
    SnapshotFailed(PartitionId),
    SnapshotProgress(PartitionId, SnapshotMeta, u64, bool),
    SnapshotLoaded(PartitionId, SnapshotMeta, Box<State>),
}

/// What is flushed together.
#[derive(Default)]
pub(crate) struct Job {
    pub batch: Batch,
    pub acks: Vec<(PartitionId, Token)>,
    pub marks: Vec<(PartitionId, SnapshotMeta)>,
    pub promises: Promises,
    /// Whether there is a term, a vote or a commit in it.
    pub hard_states: bool,
}

/// A client's connection, as its node sees it.
pub(crate) struct Session {
    pub id: ClientId,
    pub conn: u64,
    /// Requests that the node has not taken yet.
    pub queue: VecDeque<Vec<Vec<u8>>>,
    pub stalled: bool,
}

/// A running process.
pub(crate) struct Process {
    pub node: Node,
    pub identity: Identity,
    pub wal: Wal,
    pub born_us: u64,
    /// When the last tick was, by its own clock.
    pub ticked_us: u64,
    pub inbox: Vec<Mail>,
    /// When its next turn is, in the world's time.
    pub turn_at: Option<u64>,
    pub busy_until: u64,
    pub job: Job,
    /// What is between append and sync, or waits for space.
    pub flushing: Option<Job>,
    pub appended: bool,
    pub full: bool,
    pub pinned: usize,
    pub prepared: bool,
    pub marked: bool,
    pub resting: bool,
    pub files: Files,
    pub tasks: VecDeque<Task>,
    /// Tasks that a turn has brought forth besides those of the node.
    pub tasks_after: Vec<Task>,
    pub chunks: usize,
    /// How much was applied when it was looked at last, in entries of all groups.
    pub applied: Option<u64>,
    pub sessions: BTreeMap<usize, Session>,
    pub of_session: BTreeMap<ClientId, usize>,
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
        let map = recovery::map_of(&*disk, &snapshots, &recovered)?;
        let groups = recovery::load_groups(&*disk, &snapshots, recovered, &map.laid_out)?;
        if let Some(what) = self.promises.forgotten(&groups) {
            return Err(StartError::Forgotten(what));
        }
        let now = self.clock.now(time_us, time_us);
        let mut node = Node::new(config, groups, now);
        node.remember_members(&map.laid_out);
        if map.committed.is_founded() {
            node.install_map(Arc::new(map.committed));
        }
        self.process = Some(Process {
            node,
            identity,
            wal,
            born_us: time_us,
            ticked_us: now.mono_us,
            inbox: Vec::new(),
            turn_at: None,
            busy_until: time_us,
            job: Job::default(),
            flushing: None,
            appended: false,
            full: false,
            pinned: 0,
            prepared: false,
            marked: false,
            resting: false,
            files: Files::new(disk, snapshots, Arc::new(map.laid_out)),
            tasks: VecDeque::new(),
            tasks_after: Vec::new(),
            chunks: 0,
            applied: None,
            sessions: BTreeMap::new(),
            of_session: BTreeMap::new(),
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
        config.info.starts = count_start(disk, &root).map_err(|e| e.to_string())?;
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
        let known = self.node.map().cluster;
        let cluster = if known.0 == 0 { self.identity.cluster } else { known };
        let roster = self.node.output().roster.take();
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
        let Some(job) = &mut self.flushing else { return Ok(Step::Done) };
        match self.wal.append(&mut job.batch) {
            Err(AppendError::Full(_)) => {
                if !self.full {
                    self.full = true;
                    self.inbox.push(Mail::DiskFull(true));
                }
                return Ok(Step::Full);
            }
            result => result?,
        }
        if std::mem::take(&mut self.full) {
            self.inbox.push(Mail::DiskFull(false));
        }
        self.appended = true;
        Ok(Step::Done)
    }

    /// Syncs what was appended and reports it.
    pub fn finish_flush(&mut self) -> Result<Promises, AppendError> {
        self.wal.sync()?;
        self.appended = false;
        let Some(mut job) = self.flushing.take() else {
            return Ok(Promises::default());
        };
        if !job.marks.is_empty() {
            self.wal.release()?;
            self.pinned = self.wal.segments();
        }
        job.batch.clear();
        let promises = std::mem::take(&mut job.promises);
        self.inbox.push(Mail::Flushed(job));
        let segments = self.wal.segments();
        if segments > SEGMENTS_MAX && segments > self.pinned {
            self.pinned = segments;
            self.inbox.push(Mail::Pins(self.wal.oldest_pins()));
        }
        self.prepared = false;
        self.marked = false;
        Ok(promises)
    }

    /// What the log does when nothing is to be flushed. Whether there is more.
    pub fn rest(&mut self) -> Result<bool, AppendError> {
        if !self.prepared {
            self.prepared = match self.wal.prepare_next(Fill::Written, PREPARE_BYTES) {
                Ok(Prepared::More) => false,
                Ok(Prepared::Ready) | Err(AppendError::Full(_)) => true,
                Err(error) => return Err(error),
            };
            return Ok(true);
        }
        if !self.marked {
            match self.wal.mark_durable() {
                Ok(()) | Err(AppendError::Full(_)) => self.marked = true,
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
