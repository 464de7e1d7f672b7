//! The data directory of one node: whose it is, and that nobody else uses it.
//!
//! ```text
//! DIR/LOCK                 held by the running process
//! DIR/node                 node=ID workers=N format=2, written once; engine=NAME behind them unless it is raft
//! DIR/worker-W/wal/        the log of worker W
//! DIR/worker-W/snapshots/  its snapshot files
//! ```

use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use synod_consensus::Protocol;
use synod_types::NodeId;

const FORMAT: u32 = 2;

/// A data directory in use by this process.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Takes the directory for a node with so many workers and this engine, and makes it if it is not there.
    ///
    /// # Errors
    /// It cannot be made or written, another process uses it, or it belongs to another node or was made with
    /// another number of workers or another engine. Nothing was changed.
    pub fn open(root: &Path, node: NodeId, workers: u16, engine: Protocol) -> Result<Self> {
        fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
        let path = root.join("LOCK");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.with_context(|| format!("cannot open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{} is in use by another synod process", root.display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        identify(root, node, workers, engine)?;
        Ok(Self { root: root.to_path_buf(), _lock: lock })
    }

    /// Where worker `worker` keeps its log.
    pub fn wal(&self, worker: u16) -> PathBuf {
        self.root.join(format!("worker-{worker}")).join("wal")
    }

    /// Where worker `worker` keeps its snapshots.
    pub fn snapshots(&self, worker: u16) -> PathBuf {
        self.root.join(format!("worker-{worker}")).join("snapshots")
    }
}

/// With how many workers the directory was made; `None` when it was not made yet or cannot be read.
#[must_use]
pub fn remembered_workers(root: &Path) -> Option<u16> {
    let text = fs::read_to_string(root.join("node")).ok()?;
    text.split_whitespace().find_map(|word| word.strip_prefix("workers="))?.parse().ok()
}

fn identify(root: &Path, node: NodeId, workers: u16, engine: Protocol) -> Result<()> {
    let path = root.join("node");
    // Raft goes without saying: directories were made before there was a choice.
    let engine = match engine {
        Protocol::Raft => String::new(),
        other => format!(" engine={other}"),
    };
    let wanted = format!("format={FORMAT} node={node} workers={workers}{engine}\n");
    match fs::read_to_string(&path) {
        Ok(found) if found == wanted => Ok(()),
        Ok(found) if !found.starts_with(&format!("format={FORMAT} ")) => bail!(
            "{} was made by a version of Synod with another disk format (`{}`, this one writes format={FORMAT}); \
             start that version on it, or give this one an empty directory",
            root.display(),
            found.trim()
        ),
        Ok(found) => bail!(
            "{} was made with `{}`, this start says `{}`; start with the same node id, number of workers and engine (raft where none is named); \
             a cluster keeps the engine that it was founded with",
            root.display(),
            found.trim(),
            wanted.trim()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let write = || -> std::io::Result<()> {
                let temporary = root.join("node.tmp");
                let mut file = File::create(&temporary)?;
                file.write_all(wanted.as_bytes())?;
                file.sync_all()?;
                fs::rename(&temporary, &path)?;
                File::open(root)?.sync_all()
            };
            write().with_context(|| format!("cannot write {}", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_the_engine_it_was_made_with() {
        let dir = tempfile::tempdir().unwrap();
        let open = |root: &Path, engine| DataDir::open(root, NodeId(1), 1, engine).map(drop);
        let (raft, zab) = (dir.path().join("raft"), dir.path().join("zab"));
        open(&raft, Protocol::Raft).unwrap();
        open(&zab, Protocol::Zab).unwrap();
        // What was made before there was a choice names no engine, and is Raft's.
        let text = fs::read_to_string(raft.join("node")).unwrap();
        assert_eq!(text, "format=2 node=1 workers=1\n");
        for (root, engine, fine) in [
            (&raft, Protocol::Raft, true),
            (&raft, Protocol::Paxos, false),
            (&zab, Protocol::Zab, true),
            (&zab, Protocol::Raft, false),
        ] {
            let opened = open(root, engine);
            assert_eq!(opened.is_ok(), fine, "{engine} in {}", root.display());
            if let Err(error) = opened {
                assert!(error.to_string().contains("keeps the engine"), "{error}");
            }
        }
        assert_eq!(remembered_workers(&zab), Some(1));
    }
}
