//! How a node ends that cannot rely on its disk: with a status of its own, so that whoever watches over the process
//! can tell it from a node that refuses damaged files or a command line.

use synod_log::snapshot::SnapshotError;
use synod_log::{IdentityError, OpenError};

/// The exit status of a node whose data directory could not be read or written (`EX_IOERR` of sysexits.h). Nothing
/// unsafe was acknowledged; what reached the disk is read again by the next start.
pub const EX_IOERR: u8 = 74;

/// Whether a start failed because the operating system could not read or write the data directory. Files that can
/// be read and hold something else than what was written are not meant.
#[must_use]
pub fn is_disk_error(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(OpenError::Io { .. }))
            || matches!(cause.downcast_ref(), Some(SnapshotError::Io { .. }))
            || matches!(cause.downcast_ref(), Some(IdentityError::Io { .. }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn trouble_of_the_disk_is_told_from_other_failures() {
        let eio = || io::Error::from_raw_os_error(5);
        let log = OpenError::Io { path: "7.wal".into(), source: eio() };
        assert!(is_disk_error(&anyhow::Error::new(log).context("the log cannot be used")));
        let snapshot = SnapshotError::Io { path: "1.snap".into(), source: eio() };
        assert!(is_disk_error(&anyhow::Error::new(snapshot).context("partition 3")));
        let starts = IdentityError::Io { path: "starts".into(), source: eio() };
        assert!(is_disk_error(&anyhow::Error::new(starts)));

        let other = OpenError::Version { path: "7.wal".into(), found: 9, known: 1 };
        assert!(!is_disk_error(&other.into()));
        assert!(!is_disk_error(&IdentityError::Damaged("starts".into()).into()));
        assert!(!is_disk_error(&anyhow::Error::new(eio()).context("cannot listen")));
    }
}
