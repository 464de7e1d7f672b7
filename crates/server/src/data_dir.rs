//! The data directory of one node: whose it is, and that nobody else uses it.
//!
//! ```text
//! DIR/LOCK                 held by the running process
//! DIR/node, DIR/starts     who the node is, see `synod_log::Identity`
//! DIR/worker-W/wal/        the log of worker W
//! DIR/worker-W/snapshots/  its snapshot files
//! ```

use crate::clock::random_seed;
use crate::config::ConfigError;
use anyhow::{Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use synod_consensus::Protocol;
use synod_log::{Identity, IdentityError, RealDisk, Starts, count_start};
use synod_types::{ClusterId, Incarnation, NodeId};

/// What a new directory may hold: what a mounted disk has, and what a first start that failed left.
const HARMLESS: [&str; 4] = ["LOCK", "lost+found", "node.new", "synod.log"];

/// A data directory in use by this process.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    identity: Identity,
    starts: Starts,
    _lock: File,
}

impl DataDir {
    /// Takes the directory for a node with so many workers, and makes it if it is not there: of a cluster that is
    /// founded with this engine. Which engine an existing one has is for the caller to judge.
    ///
    /// # Errors
    /// It cannot be made or written, another process uses it, it holds something else, or it belongs to another node
    /// or was made with another number of workers. Nothing was changed.
    pub fn open(root: &Path, node: NodeId, workers: u16, engine: Protocol) -> Result<Self> {
        fs::create_dir_all(root).map_err(refused("make", root))?;
        let found = Identity::read(&RealDisk, root)?;
        if found.is_none() {
            expect_empty(root)?;
        }
        let path = root.join("LOCK");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(refused("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{} is in use by another synod process", root.display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(refused("lock", &path)(error));
            }
        }
        let identity = identify(root, found, node, workers, engine)?;
        let starts = count_start(&RealDisk, root, random_seed().max(1))?;
        Ok(Self { root: root.to_path_buf(), identity, starts, _lock: lock })
    }

    /// Who the node is, as it was when the process began.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The starts of the directory, this one included.
    pub fn starts(&self) -> Starts {
        self.starts
    }

    /// Remembers durably whom the node is going to meet. It then founds no cluster without them.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn expect(&mut self, members: &BTreeMap<NodeId, Incarnation>) -> Result<()> {
        let mut identity = self.identity.clone();
        identity.roster.extend(members);
        write(&identity, &self.root)?;
        self.identity = identity;
        Ok(())
    }

    /// For the one who keeps the identity up to date.
    pub fn keeper(&self) -> Keeper {
        Keeper { root: self.root.clone(), identity: self.identity.clone() }
    }

    /// The engine that the groups run until they move to another.
    #[must_use]
    pub fn founded_with(&self) -> Protocol {
        // It was written from one, and read with a check.
        self.identity.engine.parse().unwrap_or_default()
    }

    /// Whether the node may be started with `engine`, while the map says that its cluster runs, or moves to, `moved`.
    ///
    /// # Errors
    /// It is neither that nor the one the cluster was founded with.
    pub fn check_engine(
        &self,
        engine: Protocol,
        moved: Option<Protocol>,
    ) -> Result<(), ConfigError> {
        let founded = self.founded_with();
        let runs = moved.unwrap_or(founded);
        if engine == runs || engine == founded {
            return Ok(());
        }
        Err(ConfigError(format!(
            "--engine {engine}, but {} is of a cluster that runs {runs}: start with --engine {runs}, and move the running \
             cluster with `synod engine {engine}` if that is what you want",
            self.root.display()
        )))
    }

    /// Where worker `worker` keeps its log.
    pub fn wal(&self, worker: u16) -> PathBuf {
        self.root.join(format!("worker-{worker}")).join("wal")
    }

    /// Where worker `worker` keeps its snapshots.
    pub fn snapshots(&self, worker: u16) -> PathBuf {
        self.root.join(format!("worker-{worker}")).join("snapshots")
    }

    /// Refuses a log of so many segments that has nothing any more.
    ///
    /// # Errors
    /// The directory belongs to a cluster, and its log is gone: to begin a new one would be to forget what it promised.
    pub fn expect_log(&self, worker: u16, segments: u64) -> Result<()> {
        ensure!(
            segments > 0 || self.identity.cluster.0 == 0,
            "{} belongs to cluster {:016x}, but the log of worker {worker} is gone from it. Put {} back, or remove the \
             whole directory and start again: the node then joins as a new member",
            self.root.display(),
            self.identity.cluster.0,
            self.wal(worker).display()
        );
        Ok(())
    }
}

/// Keeps the identity of the running node up to date.
#[derive(Debug)]
pub struct Keeper {
    root: PathBuf,
    identity: Identity,
}

impl Keeper {
    /// Makes durable whom the node has met, if there is somebody new, and which cluster it belongs to.
    ///
    /// # Errors
    /// The disk refuses: nobody may hear what it should have kept.
    pub fn keep(
        &mut self,
        roster: Option<BTreeMap<NodeId, Incarnation>>,
        cluster: ClusterId,
    ) -> Result<()> {
        let roster = roster.unwrap_or_else(|| self.identity.roster.clone());
        // A node that does not know yet how much of its log is committed may not know its cluster either.
        let cluster = if cluster.0 == 0 { self.identity.cluster } else { cluster };
        if roster == self.identity.roster && cluster == self.identity.cluster {
            return Ok(());
        }
        let identity = Identity { roster, cluster, ..self.identity.clone() };
        write(&identity, &self.root)?;
        self.identity = identity;
        Ok(())
    }
}

/// With how many workers the directory was made; `None` when it was not made yet or cannot be read.
#[must_use]
pub fn remembered_workers(root: &Path) -> Option<u16> {
    Identity::read(&RealDisk, root).ok()?.map(|identity| identity.workers)
}

/// The cluster that the directory belongs to; `None` when it belongs to none yet, or cannot be read.
#[must_use]
pub fn remembered_cluster(root: &Path) -> Option<ClusterId> {
    let cluster = Identity::read(&RealDisk, root).ok()??.cluster;
    (cluster.0 != 0).then_some(cluster)
}

/// Whether the directory is that of a node already.
#[must_use]
pub fn is_made(root: &Path) -> bool {
    root.join("node").exists()
}

/// Refuses a directory that somebody else uses for something else.
fn expect_empty(root: &Path) -> Result<()> {
    for entry in fs::read_dir(root).map_err(refused("read", root))? {
        let name = entry.map_err(refused("read", root))?.file_name();
        ensure!(
            HARMLESS.iter().any(|harmless| name == *harmless),
            "{} is not a data directory of synod and not empty: it holds `{}`. Give an empty or new directory as --data",
            root.display(),
            name.display()
        );
    }
    Ok(())
}

fn identify(
    root: &Path,
    found: Option<Identity>,
    node: NodeId,
    workers: u16,
    engine: Protocol,
) -> Result<Identity> {
    let engine = engine.to_string();
    let mut identity = match found {
        Some(found) if found.engine.parse::<Protocol>().is_err() => {
            bail!("{} was made with engine {}, which is none", root.display(), found.engine)
        }
        Some(found) if (found.node, found.workers) == (node, workers) => found,
        Some(found) => bail!(
            "{} was made with node={} workers={}, this start says node={node} workers={workers}; \
             start with the same node id and number of workers",
            root.display(),
            found.node,
            found.workers
        ),
        None => Identity { node, workers, engine, ..Identity::default() },
    };
    if identity.incarnation.0 == 0 {
        identity.incarnation = Incarnation(random_seed().max(1));
        identity.roster = [(node, identity.incarnation)].into();
        write(&identity, root)?;
    }
    Ok(identity)
}

fn write(identity: &Identity, root: &Path) -> Result<()> {
    identity.write(&RealDisk, root).map_err(refused("write", &root.join("node")))
}

/// An error of the operating system about the directory, as one that [`crate::is_disk_error`] knows.
fn refused<'a>(what: &'a str, path: &'a Path) -> impl Fn(io::Error) -> anyhow::Error + 'a {
    move |source| {
        let error = IdentityError::Io { path: path.to_path_buf(), source };
        anyhow::Error::new(error).context(format!("cannot {what} the data directory"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_remembers_the_engine_and_takes_no_third() {
        let dir = tempfile::tempdir().unwrap();
        let open = |root: &Path, engine| DataDir::open(root, NodeId(1), 1, engine).unwrap();
        let (raft, zab) = (dir.path().join("raft"), dir.path().join("zab"));
        open(&raft, Protocol::Raft);
        assert_eq!(open(&zab, Protocol::Zab).founded_with(), Protocol::Zab);
        for (root, engine, moved, fine) in [
            (&raft, Protocol::Raft, None, true),
            (&raft, Protocol::Paxos, None, false),
            (&raft, Protocol::Paxos, Some(Protocol::Paxos), true),
            (&raft, Protocol::Raft, Some(Protocol::Paxos), true),
            (&raft, Protocol::Zab, Some(Protocol::Paxos), false),
            (&zab, Protocol::Zab, None, true),
            (&zab, Protocol::Raft, None, false),
        ] {
            let checked = open(root, engine).check_engine(engine, moved);
            assert_eq!(checked.is_ok(), fine, "{engine} in {}", root.display());
            if let Err(error) = checked {
                let advice = format!("`synod engine {engine}`");
                assert!(error.to_string().contains(&advice), "{error}");
            }
        }
        assert_eq!(remembered_workers(&zab), Some(1));
    }

    fn open_identity(root: &Path) -> Identity {
        Identity::read(&RealDisk, root).unwrap().unwrap()
    }

    #[test]
    fn a_directory_of_another_node_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(DataDir::open(dir.path(), NodeId(1), 1, Protocol::Paxos).unwrap());
        for (node, workers) in [(2, 1), (1, 2), (11, 1)] {
            let error =
                DataDir::open(dir.path(), NodeId(node), workers, Protocol::Paxos).unwrap_err();
            assert!(error.to_string().contains("was made with"), "{error}");
        }
        let identity = Identity { engine: "vsr".into(), ..open_identity(dir.path()) };
        identity.write(&RealDisk, dir.path()).unwrap();
        assert!(DataDir::open(dir.path(), NodeId(1), 1, Protocol::Paxos).is_err());
    }
}
