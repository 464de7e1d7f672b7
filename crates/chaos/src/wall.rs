//! A wall clock that can be set while its process runs: libfaketime reads what to add from a file. The
//! monotonic clock is left alone, as it is when somebody sets the time of a machine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Where Debian and others keep the library.
const PLACES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// One node's wall clock.
#[derive(Debug)]
pub struct Wall {
    file: PathBuf,
    library: &'static str,
}

impl Wall {
    /// A clock that is right; `file` will say by how much it is not.
    pub fn new(file: PathBuf) -> Result<Self> {
        let Some(library) = PLACES.iter().find(|place| Path::new(place).exists()) else {
            bail!("libfaketimeMT.so.1 is missing (Debian package libfaketime)");
        };
        let wall = Self { file, library };
        wall.set(0)?;
        Ok(wall)
    }

    /// From within a second on, the clock is so many seconds ahead of, or behind, the machine's.
    pub fn set(&self, seconds: i64) -> Result<()> {
        let new = self.file.with_extension("clock.new");
        std::fs::write(&new, format!("{seconds:+}\n"))
            .and_then(|()| std::fs::rename(&new, &self.file))
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    /// What a process needs in order to go by this clock.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("LD_PRELOAD", self.library.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_DISABLE_SHM", "1".to_owned()),
        ]
    }
}
