//! One `up` per cluster directory. (Each node claims its own directory besides.)

use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

const LOCK: &str = "LOCK";

/// A directory that belongs to this process while the value lives. The lock is the operating system's and
/// ends with the process, however that ends; the file's content only tells who holds it.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

/// Makes the directory if need be and takes it, or says who has it.
pub fn take(dir: &Path) -> Result<Claim> {
    let show = dir.display();
    std::fs::create_dir_all(dir).with_context(|| format!("data directory {show}"))?;
    let path = dir.join(LOCK);
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("{}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message: without it the message is shorter.
            let _ = file.read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => String::new(),
                pid => format!(" (process {pid})"),
            };
            bail!(
                "data directory {show} is in use by another synod{holder}: stop that one, or give \
                 another --data"
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("{} cannot be locked", path.display()));
        }
    }
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.with_context(|| format!("{}", path.display()))?;
    Ok(Claim { _lock: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_taken_by_one_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("a/b");
        let first = take(&dir).unwrap();
        let error = take(&dir).unwrap_err().to_string();
        assert!(
            error.contains("in use") && error.contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(first);
        take(&dir).unwrap();
    }
}
