//! A mount namespace of our own: the power disks are seen by this run alone and go away with it, however
//! it ends.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Set in the process that runs inside.
const INSIDE: &str = "SYNOD_CHAOS_PRIVATE_MOUNTS";

/// Goes on in a private mount namespace: starts this program again in one, by way of util-linux's
/// `unshare`, unless it is there already. Without the rights of root it takes a user namespace.
pub fn enter() -> Result<()> {
    if !std::path::Path::new("/dev/fuse").exists() {
        bail!("--power-cut needs FUSE: there is no /dev/fuse on this machine");
    }
    if std::env::var_os(INSIDE).is_some() {
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let program = std::env::current_exe().context("this program has no name")?;
    // It only returns when it failed.
    let error = command.arg(program).args(std::env::args_os().skip(1)).env(INSIDE, "1").exec();
    Err(error).context("--power-cut needs the program `unshare` of util-linux")
}
