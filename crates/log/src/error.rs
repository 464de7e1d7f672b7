//! What can go wrong, and what was and was not done when it did.

use crate::group::Misplaced;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use synod_types::PartitionId;

/// Why a log could not be opened. Nothing on the disk was changed, unless the error is `Io` and came
/// from one of the last writes; opening again is safe.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refused something.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Bytes that had been made durable are not what was written.
    #[error(transparent)]
    Damaged(Box<Damage>),
    /// The log was written by another version of the program.
    #[error("{}: log format {found}, this program reads format {known}", path.display())]
    Version {
        /// The segment.
        path: PathBuf,
        /// The format it is in.
        found: u32,
        /// The format this program knows.
        known: u32,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { path: path.clone(), source }
    }
}

/// Where a log is damaged, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file.
    pub path: PathBuf,
    /// The segment's number.
    pub segment: u64,
    /// The byte in the file where the first damaged thing begins.
    pub offset: u64,
    /// The group that the damaged record belongs to, where that can still be read.
    pub group: Option<PartitionId>,
    /// What is wrong there.
    pub detail: String,
    /// What the operator can do.
    pub advice: &'static str,
}

/// The advice that fits every kind of damage.
pub(crate) const ADVICE: &str = "Nothing was changed on the disk. What was acknowledged after this \
    point cannot be read from here: restore this data directory from a copy of the disk, or remove it \
    and let this node join the cluster again as a new member, so that the other replicas bring it up \
    to date. Check the disk before using it again";

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: log segment {} is damaged at byte {}",
            self.path.display(),
            self.segment,
            self.offset
        )?;
        if let Some(group) = self.group {
            write!(f, " (partition {group})")?;
        }
        write!(f, ": {}. {}", self.detail, self.advice)
    }
}

impl std::error::Error for Damage {}

impl From<Damage> for OpenError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(Box::new(damage))
    }
}

/// Why a batch was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The disk is full. Nothing of the batch was written; the log is as it was, and the same batch may be
    /// appended once there is space.
    #[error("the disk is full: {0}")]
    Full(io::Error),
    /// The batch is larger than [`crate::BATCH_BYTES_MAX`]. Nothing was written.
    #[error("a batch of {0} bytes is too large for the log")]
    TooLarge(usize),
    /// The batch does not follow from what is in the log: the caller has a bug. Nothing was written, and
    /// the log takes nothing any more.
    #[error("partition {group}: {reason}")]
    Refused {
        /// The group.
        group: PartitionId,
        /// What does not fit.
        reason: Misplaced,
    },
    /// A write or a sync failed, now or earlier. What is on the disk is not known, and the log takes
    /// nothing any more: end the process.
    #[error("the log cannot be written: {0}")]
    Failed(io::Error),
}
