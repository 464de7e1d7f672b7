//! A disk that can lose its power.
//!
//! `kill -9` proves little about durability: what a process wrote is in the kernel's memory and outlives
//! it. Here each node's data lies on a small file system of our own (FUSE). What was not flushed with
//! fsync is kept apart from what was, and a power cut forgets it: all of it, or any subset of its
//! 512-byte sectors. Names are as volatile as data: a file that was created, renamed or removed is so for
//! certain only after an fsync of its directory.
//!
//! ```text
//! write  -> now                fsync file -> safe = now, for that file
//! create, rename, remove -> now, in the directory      fsync directory -> safe = now, for that directory
//! power cut: now = safe (+ some of what was in flight)
//! ```

mod file;
mod mount;
mod tree;

pub use mount::{Frame, PowerDisk};

/// Why an operation cannot be done; each has its number in the kernel's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is nothing of that name or number.
    Missing,
    /// There is something of that name already.
    Exists,
    /// The directory is not empty.
    NotEmpty,
    /// The disk is full.
    NoSpace,
    /// It is a file, not a directory.
    NotDirectory,
    /// It is a directory, not a file.
    IsDirectory,
}
