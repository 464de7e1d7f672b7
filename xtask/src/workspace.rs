//! Where things are: the root of the repository, the build directory, and how cargo is called.

use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The consensus engines, by the names that the program takes.
pub const ENGINES: [&str; 3] = ["raft", "paxos", "zab"];

/// The repository this program was built from.
pub struct Workspace {
    /// The folder of the top Cargo.toml.
    pub root: PathBuf,
    /// Where cargo builds; `target/` unless `CARGO_TARGET_DIR` says otherwise.
    pub target: PathBuf,
}

impl Workspace {
    /// Finds the repository from the place this program was compiled in.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent")?;
        let root = root.canonicalize().with_context(|| format!("{} is gone", root.display()))?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
        let target = root.join(target);
        Ok(Self { root, target })
    }

    /// The cargo that runs this program, started at the root.
    pub fn cargo(&self) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.current_dir(&self.root);
        command
    }

    /// The program under test, once `cargo build --release` has made it.
    pub fn synod(&self) -> PathBuf {
        self.target.join("release/synod")
    }

    /// Builds the program as users run it.
    pub fn build_synod(&self) -> Result<()> {
        let mut build = self.cargo();
        build.args(["build", "--release", "--package", "synod"]);
        crate::program::check(build)
    }

    /// The Python environment of the tests.
    pub fn venv(&self) -> PathBuf {
        self.root.join("target/venv")
    }

    /// The Node packages of the tests.
    pub fn node(&self) -> PathBuf {
        self.root.join("target/node")
    }

    /// `path` as a reader of messages knows it: relative to the root.
    pub fn show<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
