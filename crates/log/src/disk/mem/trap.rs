//! Crash points of the disk model: the machine stops working right before or right after an operation.

use super::Operation;
use std::io;
use std::path::{Path, PathBuf};

/// A place at which the machine stops working: right before or right after a coming operation on a file.
#[derive(Clone, Copy, Debug)]
pub struct Trap {
    /// Which operations count.
    pub on: Operation,
    /// On which files or directories, by path.
    pub of: fn(&Path) -> bool,
    /// How many of them still pass.
    pub after: u64,
    /// Whether the one that springs the trap is still done.
    pub late: bool,
}

/// Where a disk stopped working or reported an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// The operation.
    pub on: Operation,
    /// The file or directory, under the name it had before.
    pub path: PathBuf,
    /// Whether it was done all the same.
    pub late: bool,
}

/// The traps of a disk, and what became of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Snare {
    /// Those that wait; they outlive a crash.
    pub set: Vec<Trap>,
    /// Whether one was sprung: nothing works any more.
    pub dead: bool,
    /// Whether the operation under way is the last one, and is done.
    last: bool,
    pub struck: Option<Struck>,
}

fn gone() -> io::Error {
    io::Error::other("the machine has stopped working")
}

impl Snare {
    /// An operation begins. Whether it is the last one.
    ///
    /// # Errors
    /// It is not even done.
    pub fn begin(&mut self, on: Operation, path: &Path) -> io::Result<bool> {
        if self.dead {
            return Err(gone());
        }
        let mut sprung = None;
        for (at, trap) in self.set.iter_mut().enumerate() {
            if trap.on == on && (trap.of)(path) {
                match trap.after.checked_sub(1) {
                    Some(after) => trap.after = after,
                    None => sprung = sprung.or(Some(at)),
                }
            }
        }
        let Some(at) = sprung else { return Ok(false) };
        let late = self.set.remove(at).late;
        (self.dead, self.last) = (true, late);
        self.struck = Some(Struck { on, path: path.to_path_buf(), late });
        if late { Ok(true) } else { Err(gone()) }
    }

    /// An operation was done; whoever asked for it may not live to see it.
    pub fn end<T>(&mut self, value: T) -> io::Result<T> {
        if std::mem::take(&mut self.last) { Err(gone()) } else { Ok(value) }
    }

    /// An armed error is reported.
    pub fn note(&mut self, on: Operation, path: &Path) {
        if on != Operation::Read {
            let here = Struck { on, path: path.to_path_buf(), late: false };
            self.struck.get_or_insert(here);
        }
    }

    /// The machine works again; where it was struck stays known.
    pub fn lift(&mut self) {
        (self.dead, self.last) = (false, false);
    }
}
