//! A world of the run's own: namespaces that the kernel takes down with everything in them when the run
//! ends, however it ends. There is nothing to sweep up after a panic, a Ctrl-C or a `kill -9`.
//!
//! ```text
//! synod-chaos (waits) -> setpriv --pdeathsig KILL -> unshare --kill-child -> synod-chaos (works, process 1)
//!                                                                  mounts, processes, network: private
//! ```

use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::net::ip;

/// Set in the process that works inside; its value is the number of the process that waits.
const INSIDE: &str = "SYNOD_CHAOS_INSIDE";
/// How often the waiting process looks.
const LOOK: Duration = Duration::from_millis(50);

/// What of the world is private to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Nothing.
    Shared,
    /// Mounts: enough for power disks. Without the rights of root it takes a user namespace.
    Mounts,
    /// Mounts, processes and the network. Needs root.
    Everything,
}

/// Goes on inside of `world`: starts this program again there and waits for it, `limit` at most, unless
/// this is it already. The exit status of the run, in the process that waited.
pub fn enter(world: World, limit: Duration) -> Result<Option<ExitCode>> {
    if world == World::Shared {
        return Ok(None);
    }
    if std::env::var_os(INSIDE).is_some() {
        if world == World::Everything {
            furnish()?;
        }
        return Ok(None);
    }
    let program = std::env::current_exe().context("this program has no name")?;
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"])
        .args(arguments(world)?)
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, std::process::id().to_string())
        .spawn()
        .context("the programs `setpriv` and `unshare` of util-linux are needed")?;
    wait(&mut child, limit).map(Some)
}

/// A number that no other run of this moment has.
pub fn run_number() -> String {
    std::env::var(INSIDE).unwrap_or_else(|_| std::process::id().to_string())
}

fn arguments(world: World) -> Result<&'static [&'static str]> {
    let root = rustix::process::geteuid().is_root();
    if !Path::new("/dev/fuse").exists() {
        bail!("a power cut needs FUSE: there is no /dev/fuse on this machine");
    }
    match (world, root) {
        (World::Everything, false) => bail!("network namespaces need root"),
        (World::Everything, true) => {
            Ok(&["--pid", "--net", "--ipc", "--fork", "--kill-child", "--mount-proc", "--"])
        }
        (_, false) => Ok(&["--user", "--map-root-user", "--fork", "--kill-child", "--"]),
        (_, true) => Ok(&["--fork", "--kill-child", "--"]),
    }
}

fn wait(child: &mut Child, limit: Duration) -> Result<ExitCode> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(ExitCode::from(code.unwrap_or(2)));
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!(
                "the run did not end within {limit:?} and was killed with everything it had started"
            );
        }
        std::thread::sleep(LOOK);
    }
}

/// What a fresh world lacks: places for the names of namespaces and for shared memory, and a loopback.
fn furnish() -> Result<()> {
    for place in ["/run/netns", "/dev/shm"] {
        std::fs::create_dir_all(place).with_context(|| format!("cannot make {place}"))?;
        let mount = Command::new("mount").args(["-t", "tmpfs", "tmpfs", place]).status();
        if !mount.context("the program `mount` is needed")?.success() {
            bail!("cannot mount a private {place}");
        }
    }
    ip(&["link", "set", "lo", "up"])
}
