//! A disk model in memory that forgets what a real disk may forget.
//!
//! A file remembers, for every sector written since the last sync, what the sector held before; a
//! directory remembers its changes of names. A crash then keeps or undoes each of them on its own. A
//! failed sync behaves as Linux does: the pages stay readable, count as clean, and are lost at the next
//! crash however often the file is synced again (Rebello et al., "Can Applications Recover from fsync
//! Failures?", ATC '20).

mod file;
mod inode;
mod medium;
mod trap;

use super::{DirectFile, Disk, DiskFile};
use file::MemFile;
use inode::Inode;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trap::Snare;

pub use trap::{Struck, Trap};

type InodeId = u64;

/// What an operation on the disk does; faults are aimed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `create_dir_all`.
    MakeDir,
    /// `create`.
    Create,
    /// `rename`.
    Rename,
    /// `remove`.
    Remove,
    /// `write_all_at`, `set_size`.
    Write,
    /// `sync_data`.
    Sync,
    /// `sync_dir`.
    SyncDir,
    /// `read_exact_at`, `size`, `list`, `open`.
    Read,
}

/// An error to be reported by a coming operation.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which operations count; all that change the disk (everything but reads) if `None`.
    pub on: Option<Operation>,
    /// How many of them still succeed.
    pub after: u64,
    /// What the next one, and with `forever` every later one, reports.
    pub error: io::ErrorKind,
    /// Whether it stays broken.
    pub forever: bool,
}

/// Something that a crash may undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced<'a> {
    /// A written sector of a file (its name, its number).
    Sector(&'a Path, u64),
    /// The length of a file.
    Length(&'a Path),
    /// A change of names: the directory and the number of the change since its last sync.
    Name(&'a Path, usize),
}

/// How the disk takes direct writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DirectWrites {
    /// It takes them.
    #[default]
    Taken,
    /// A file cannot be opened for them.
    NotOpened,
    /// A file can be opened for them, and then takes none.
    NotWritten,
}

#[derive(Clone, Debug)]
enum NameChange {
    Create(PathBuf, InodeId),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Clone, Debug, Default)]
struct State {
    inodes: BTreeMap<InodeId, Inode>,
    names: BTreeMap<PathBuf, InodeId>,
    /// Per directory: the names at its last sync, and the changes since.
    durable_names: BTreeMap<PathBuf, InodeId>,
    changes: BTreeMap<PathBuf, Vec<NameChange>>,
    dirs: BTreeSet<PathBuf>,
    inode_next: InodeId,
    /// Grows with every crash; a handle from before is dead.
    life: u64,
    operations: u64,
    faults: Vec<Fault>,
    snare: Snare,
    capacity: Option<u64>,
    direct: DirectWrites,
}

/// A disk in memory. Clones share it; [`MemDisk::fork`] copies it.
#[derive(Clone, Debug, Default)]
pub struct MemDisk(Arc<Mutex<State>>);

fn not_found(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, path.display().to_string())
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_path_buf()
}

fn apply_change(names: &mut BTreeMap<PathBuf, InodeId>, change: &NameChange) {
    match change {
        NameChange::Create(path, inode) => {
            names.insert(path.clone(), *inode);
        }
        NameChange::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
        NameChange::Remove(path) => {
            names.remove(path);
        }
    }
}

impl State {
    fn begin(&mut self, operation: Operation, path: &Path) -> io::Result<()> {
        if operation != Operation::Read {
            self.operations += 1;
        }
        if self.snare.begin(operation, path)? {
            return Ok(());
        }
        let mut error = None;
        self.faults.retain_mut(|fault| {
            let aimed = fault.on.map_or(operation != Operation::Read, |on| on == operation);
            if !aimed {
                return true;
            }
            if fault.after > 0 {
                fault.after -= 1;
                return true;
            }
            error = Some(fault.error);
            fault.forever
        });
        let Some(kind) = error else { return Ok(()) };
        self.snare.note(operation, path);
        Err(kind.into())
    }

    /// The name of an open file.
    fn path_of(&self, inode: InodeId) -> PathBuf {
        if self.snare.set.is_empty() && self.faults.is_empty() {
            return PathBuf::new();
        }
        let named = self.names.iter().find(|(_, id)| **id == inode);
        named.map(|(path, _)| path.clone()).unwrap_or_default()
    }

    fn file(&mut self, inode: InodeId, life: u64) -> io::Result<&mut Inode> {
        if life != self.life {
            return Err(io::Error::other("the machine crashed since this file was opened"));
        }
        self.inodes.get_mut(&inode).ok_or_else(|| io::Error::other("no such file any more"))
    }

    fn room_for(&self, more: u64) -> io::Result<()> {
        let Some(capacity) = self.capacity else { return Ok(()) };
        let used: u64 = self.names.values().map(|id| self.inodes[id].data.len() as u64).sum();
        if more > 0 && used + more > capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn change(&mut self, dir: PathBuf, change: NameChange) {
        apply_change(&mut self.names, &change);
        self.changes.entry(dir).or_default().push(change);
    }

    /// A handle on the file as it is in this life of the machine.
    fn handle(&mut self, disk: &MemDisk, inode: InodeId) -> io::Result<Box<dyn DiskFile>> {
        let life = self.life;
        let open = Arc::clone(&self.file(inode, life)?.open);
        Ok(Box::new(MemFile { disk: disk.clone(), inode, life, _open: open }))
    }

    /// Forgets inodes that no name leads to, before or after a crash.
    fn collect(&mut self) {
        if self.changes.values().all(Vec::is_empty) {
            let live: BTreeSet<_> = self.names.values().copied().collect();
            self.inodes.retain(|id, inode| live.contains(id) || Arc::strong_count(&inode.open) > 1);
        }
    }
}

impl MemDisk {
    /// An empty disk without a size limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave a half-made change: every change is made under one lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy that changes on its own from here on.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// How many operations that change the disk were asked for so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Arms a fault.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Sets a trap. It waits until it is sprung or removed, crashes or not.
    pub fn set_trap(&self, trap: Trap) {
        self.state().snare.set.push(trap);
    }

    /// Removes all traps.
    pub fn clear_traps(&self) {
        self.state().snare.set.clear();
    }

    /// Whether a trap was sprung.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state().snare.dead
    }

    /// Takes out where the first trap or armed fault since the last call struck, if one did.
    #[must_use]
    pub fn take_struck(&self) -> Option<Struck> {
        self.state().snare.struck.take()
    }

    /// Disarms all faults; a disk that stopped working in a trap works again.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.snare.lift();
    }

    /// Limits the sum of all file lengths; growing past it reports that the disk is full.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Says how direct writes are taken from now on.
    pub fn set_direct_writes(&self, direct: DirectWrites) {
        self.state().direct = direct;
    }

    /// The power fails. Every unsynced sector, length and name is kept or lost by the toss of a coin
    /// that `seed` decides; open files are dead; armed faults are gone.
    pub fn crash(&self, seed: u64) {
        let mut random = seed;
        // One seed in four loses everything, one keeps everything, the others toss a fair coin.
        let style = split_mix(&mut random) % 4;
        self.crash_with(&mut |_| match style {
            0 => false,
            1 => true,
            _ => split_mix(&mut random) & 1 == 1,
        });
    }

    /// The power fails, and `keep` decides what had reached the disk.
    pub fn crash_with(&self, keep: &mut dyn FnMut(Unsynced<'_>) -> bool) {
        let mut state = self.state();
        let state = &mut *state;
        let mut names = std::mem::take(&mut state.durable_names);
        for (dir, changes) in std::mem::take(&mut state.changes) {
            for (number, change) in changes.iter().enumerate() {
                if keep(Unsynced::Name(&dir, number)) {
                    apply_change(&mut names, change);
                }
            }
        }
        for (path, inode) in &names {
            if let Some(inode) = state.inodes.get_mut(inode) {
                inode.crash(path, keep);
            }
        }
        state.durable_names.clone_from(&names);
        state.names = names;
        state.life += 1;
        state.faults.clear();
        state.snare.lift();
        state.collect();
    }

    /// The whole contents of a file, as a reader sees it.
    #[must_use]
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        Some(state.inodes[state.names.get(path)?].data.clone())
    }

    /// Every file there is, with its path.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Disk for MemDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(Operation::MakeDir, dir)?;
        state.dirs.extend(dir.ancestors().map(Path::to_path_buf));
        state.snare.end(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.begin(Operation::Read, dir)?;
        if !state.dirs.contains(dir) {
            return Err(not_found(dir));
        }
        let here = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(here.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.begin(Operation::Create, path)?;
        let dir = parent(path);
        if !state.dirs.contains(&dir) {
            return Err(not_found(&dir));
        }
        let inode = match state.names.get(path) {
            Some(&inode) => inode,
            None => {
                let inode = state.inode_next;
                state.inode_next += 1;
                state.inodes.insert(inode, Inode::default());
                state.change(dir, NameChange::Create(path.to_path_buf(), inode));
                inode
            }
        };
        let life = state.life;
        state.file(inode, life)?.set_len(0);
        let handle = state.handle(self, inode)?;
        state.snare.end(handle)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.begin(Operation::Read, path)?;
        let inode = *state.names.get(path).ok_or_else(|| not_found(path))?;
        state.handle(self, inode)
    }

    fn open_direct(&self, path: &Path) -> io::Result<Option<Box<dyn DirectFile>>> {
        let mut state = self.state();
        state.begin(Operation::Read, path)?;
        let inode = *state.names.get(path).ok_or_else(|| not_found(path))?;
        if state.direct == DirectWrites::NotOpened {
            return Ok(None);
        }
        let life = state.life;
        let open = Arc::clone(&state.file(inode, life)?.open);
        Ok(Some(Box::new(MemFile { disk: self.clone(), inode, life, _open: open })))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(Operation::Rename, from)?;
        if !state.names.contains_key(from) {
            return Err(not_found(from));
        }
        state.change(parent(to), NameChange::Rename(from.to_path_buf(), to.to_path_buf()));
        state.snare.end(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(Operation::Remove, path)?;
        if !state.names.contains_key(path) {
            return Err(not_found(path));
        }
        state.change(parent(path), NameChange::Remove(path.to_path_buf()));
        state.snare.end(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(Operation::SyncDir, dir)?;
        let state = &mut *state;
        for change in state.changes.remove(dir).unwrap_or_default() {
            apply_change(&mut state.durable_names, &change);
        }
        state.collect();
        state.snare.end(())
    }
}
