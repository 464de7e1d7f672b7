//! The file system as the kernel sees it: FUSE requests to a [`Tree`].

use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, WriteFlags,
};

use rustix::fs::OFlags;

use super::Fault;
use super::file::{File, SECTOR};
use super::tree::{Directory, Node, Tree};
use crate::dice::Dice;

/// The kernel asks every time: after a power cut nothing that it knew is true.
const NO_CACHE: Duration = Duration::ZERO;

/// A disk as it was when a sync was asked for and nothing of it was done yet.
#[derive(Clone, Debug)]
pub struct Frame {
    tree: Tree,
    /// What the clock of the film stood at.
    pub at: u64,
}

/// Frames, and the clock that each is marked with.
#[derive(Debug)]
struct Film {
    clock: Arc<AtomicU64>,
    frames: Vec<Frame>,
}

impl Film {
    fn take(&mut self, tree: &Tree) {
        // In this order: what the clock counts was on the disk before.
        let at = self.clock.load(Ordering::SeqCst);
        self.frames.push(Frame { tree: tree.clone(), at });
    }
}

/// A mounted disk; unmounted when it is dropped.
#[derive(Debug)]
pub struct PowerDisk {
    tree: Arc<Mutex<Tree>>,
    film: Arc<Mutex<Option<Film>>>,
    sync_ms: Arc<AtomicU64>,
    _session: BackgroundSession,
}

impl PowerDisk {
    /// Mounts an empty disk at an empty directory. With `journal`, every fsync makes all names safe.
    pub fn mount(at: &Path, journal: bool) -> Result<Self> {
        let tree = Arc::new(Mutex::new(Tree::new(journal)));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("power-disk".into()), MountOption::NoAtime];
        let film = Arc::new(Mutex::new(None));
        let sync_ms = Arc::new(AtomicU64::new(0));
        let disk = Disk {
            tree: Arc::clone(&tree),
            film: Arc::clone(&film),
            sync_ms: Arc::clone(&sync_ms),
        };
        let session = fuser::spawn_mount(disk, at, &config)
            .with_context(|| format!("cannot mount a power disk at {}", at.display()))?;
        Ok(Self { tree, film, sync_ms, _session: session })
    }

    /// From now on there is, or is not, space for more.
    pub fn set_full(&self, full: bool) {
        lock(&self.tree).set_full(full);
    }

    /// From now on every sync, and every write that is one, takes so much longer, in milliseconds.
    pub fn set_slow(&self, sync_ms: u64) {
        self.sync_ms.store(sync_ms, Ordering::Relaxed);
    }

    /// How many writes found no space since the disk was mounted.
    pub fn refused_writes(&self) -> u64 {
        lock(&self.tree).refused_writes()
    }

    /// From now on every sync leaves a frame behind, marked with what `clock` stands at.
    pub fn record(&self, clock: Arc<AtomicU64>) {
        *lock(&self.film) = Some(Film { clock, frames: Vec::new() });
    }

    /// The frames so far, and one of this moment; recording ends.
    pub fn frames(&self) -> Vec<Frame> {
        let Some(mut film) = lock(&self.film).take() else { return Vec::new() };
        film.take(&lock(&self.tree));
        film.frames
    }

    /// The disk is as it was in that frame. No process may have a file of the disk open.
    pub fn rewind(&self, frame: &Frame) {
        *lock(&self.tree) = frame.tree.clone();
    }

    /// Cuts the power. No process may have a file of the disk open.
    pub fn cut(&self, dice: Option<&mut Dice>) {
        lock(&self.tree).cut(dice);
    }
}

/// Tree and film are consistent between any two requests, so a thread that failed left them usable.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Disk {
    tree: Arc<Mutex<Tree>>,
    film: Arc<Mutex<Option<Film>>>,
    sync_ms: Arc<AtomicU64>,
}

impl From<Fault> for Errno {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing => Self::ENOENT,
            Fault::Exists => Self::EEXIST,
            Fault::NoSpace => Self::ENOSPC,
            Fault::NotEmpty => Self::ENOTEMPTY,
            Fault::NotDirectory => Self::ENOTDIR,
            Fault::IsDirectory => Self::EISDIR,
        }
    }
}

fn kind(node: &Node) -> FileType {
    match node {
        Node::File(_) => FileType::RegularFile,
        Node::Directory(_) => FileType::Directory,
    }
}

fn attributes(tree: &Tree, number: u64) -> Result<FileAttr, Fault> {
    let node = tree.node(number)?;
    let size = match node {
        Node::File(file) => file.size(),
        Node::Directory(_) => 0,
    };
    Ok(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(SECTOR),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: kind(node),
        perm: 0o777,
        nlink: 1,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

impl Disk {
    fn tree(&self) -> MutexGuard<'_, Tree> {
        lock(&self.tree)
    }

    /// A slow disk is slow for all who use it.
    fn wait(&self) {
        let ms = self.sync_ms.load(Ordering::Relaxed);
        if ms > 0 {
            std::thread::sleep(Duration::from_millis(ms));
        }
    }

    fn sync(&self, number: u64) -> Result<(), Fault> {
        self.wait();
        let mut tree = self.tree();
        if let Some(film) = &mut *lock(&self.film) {
            film.take(&tree);
        }
        tree.sync(number)
    }

    /// Writes; with `durable` the write is safe when it is done, as one through a file opened with `O_DSYNC` is.
    fn write_to(&self, number: u64, offset: u64, data: &[u8], durable: bool) -> Result<(), Fault> {
        if durable {
            self.wait();
        }
        let mut tree = self.tree();
        tree.write(number, offset, data)?;
        if durable {
            if let Some(film) = &mut *lock(&self.film) {
                film.take(&tree);
            }
            tree.file(number)?.sync_part(offset, data.len());
        }
        Ok(())
    }

    fn make(&self, parent: INodeNo, name: &OsStr, node: Node) -> Result<FileAttr, Fault> {
        let mut tree = self.tree();
        let number = tree.create(parent.0, name, node)?;
        attributes(&tree, number)
    }
}

fn answer_entry(reply: ReplyEntry, found: Result<FileAttr, Fault>) {
    match found {
        Ok(attributes) => reply.entry(&NO_CACHE, &attributes, Generation(0)),
        Err(fault) => reply.error(fault.into()),
    }
}

fn answer_attr(reply: ReplyAttr, found: Result<FileAttr, Fault>) {
    match found {
        Ok(attributes) => reply.attr(&NO_CACHE, &attributes),
        Err(fault) => reply.error(fault.into()),
    }
}

fn answer(reply: ReplyEmpty, done: Result<(), Fault>) {
    match done {
        Ok(()) => reply.ok(),
        Err(fault) => reply.error(fault.into()),
    }
}

impl Filesystem for Disk {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut tree = self.tree();
        let found = tree.lookup(parent.0, name).and_then(|number| attributes(&tree, number));
        answer_entry(reply, found);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer_attr(reply, attributes(&self.tree(), ino.0));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<fuser::TimeOrNow>,
        _mtime: Option<fuser::TimeOrNow>,
        _ctime: Option<std::time::SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<std::time::SystemTime>,
        _chgtime: Option<std::time::SystemTime>,
        _bkuptime: Option<std::time::SystemTime>,
        _flags: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut tree = self.tree();
        let sized = match size {
            Some(size) => tree.file(ino.0).map(|file| file.set_size(size)),
            None => Ok(()),
        };
        answer_attr(reply, sized.and_then(|()| attributes(&tree, ino.0)));
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        answer_entry(reply, self.make(parent, name, Node::Directory(Directory::default())));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.make(parent, name, Node::File(File::default())) {
            Ok(attributes) => reply.created(
                &NO_CACHE,
                &attributes,
                Generation(0),
                FileHandle(0),
                FopenFlags::FOPEN_DIRECT_IO,
            ),
            Err(fault) => reply.error(fault.into()),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.tree().remove(parent.0, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.tree().remove(parent.0, name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        answer(reply, self.tree().rename(parent.0, name, newparent.0, newname));
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.tree().node(ino.0) {
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO),
            Err(fault) => reply.error(fault.into()),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.tree().file(ino.0) {
            Ok(file) => reply.data(&file.read(offset, size as usize)),
            Err(fault) => reply.error(fault.into()),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let durable = flags.0 & OFlags::DSYNC.bits() as i32 != 0;
        match self.write_to(ino.0, offset, data, durable) {
            // The kernel never passes more than fits.
            Ok(()) => reply.written(data.len() as u32),
            Err(fault) => reply.error(fault.into()),
        }
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        match usize::try_from(length) {
            // Zero is "give it space and make it that long"; punching holes and the like is not done here.
            Ok(length) if mode == 0 => answer(reply, self.tree().reserve(ino.0, offset, length)),
            _ => reply.error(Errno::EOPNOTSUPP),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Closing a file makes nothing safe.
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.sync(ino.0));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.sync(ino.0));
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut tree = self.tree();
        let names = match tree.list(ino.0) {
            Ok(names) => names,
            Err(fault) => return reply.error(fault.into()),
        };
        let all = [(".".into(), ino.0), ("..".into(), ino.0)].into_iter().chain(names);
        for (place, (name, number)) in (1..).zip(all) {
            let Ok(node) = tree.node(number) else { continue };
            if place > offset && reply.add(INodeNo(number), place, kind(node), name) {
                break;
            }
        }
        reply.ok();
    }
}
