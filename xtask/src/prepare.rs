//! Gets what the tests and the benchmark need and the Rust toolchain does not bring.
//!
//! Programs come from Debian, when we are root or may become it; Python and Node packages go under
//! target/ and touch nothing else. What cannot be had is named, with the command that would get it.

use crate::program::{check, find, output, show};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A program, by name, or a file, by its absolute path, and the Debian package that brings it.
struct Need {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

const fn need(program: &'static str, package: &'static str, why: &'static str) -> Need {
    Need { program, package, why }
}

const TESTS: &[Need] = &[
    need("redis-cli", "redis-tools", "a client that the tests drive"),
    need("redis-benchmark", "redis-tools", "its default run has to pass without an error"),
    need("redis-server", "redis-server", "the genuine server, to compare answers with"),
    need("python3", "python3", "runs the client tests"),
    need("node", "nodejs", "runs ioredis and node-redis"),
    need("npm", "npm", "installs ioredis and node-redis"),
    need("chromium", "chromium", "shows the simulator's trace page"),
    need("c++", "g++", "builds libFuzzer"),
    need(
        "pg_createcluster",
        "postgresql",
        "databases that take part in transactions, on ports and in directories of their own",
    ),
];

const RIG: &[Need] = &[
    need("ip", "iproute2", "makes the network namespaces of the nodes"),
    need("iptables", "iptables", "cuts, loses and duplicates packets between them"),
    need("strace", "strace", "lets a sync fail"),
    need("faketime", "faketime", "sets the clocks of the nodes (its package brings libfaketime)"),
    need("fusermount3", "fuse3", "mounts the disks that lose power"),
    need("unshare", "util-linux", "gives the run mounts, processes and a network of its own"),
    need("setpriv", "util-linux", "ends the run with the program that started it"),
    need("mount", "mount", "furnishes that world"),
];

/// What the kernel has to offer to the rig.
const RIG_DEVICES: &[(&str, &str)] = &[
    ("/dev/net/tun", "the router between the nodes is a process behind TUN interfaces"),
    ("/dev/fuse", "the disks that lose power are a file system of our own"),
];

const BENCH: &[Need] = &[
    need("redis-server", "redis-server", "a peer to compare with"),
    need("redis-benchmark", "redis-tools", "one of the load generators"),
    need("memcached", "memcached", "a peer to compare with"),
    need("etcd", "etcd-server", "a peer to compare with"),
    need("protoc", "protobuf-compiler", "builds the etcd client"),
    need(
        "/usr/include/google/protobuf/descriptor.proto",
        "libprotobuf-dev",
        "protoc needs it for the etcd client",
    ),
];

/// Everything `cargo xtask test` needs.
pub fn for_tests(workspace: &Workspace) -> Result<()> {
    programs(TESTS)?;
    python(workspace)?;
    node(workspace)
}

/// Everything `cargo xtask rig` needs.
pub fn for_rig() -> Result<()> {
    let mut id = Command::new("id");
    id.arg("-u");
    if output(id)?.trim() != "0" {
        bail!("the rig makes network namespaces and traces processes: run it as root");
    }
    for (device, why) in RIG_DEVICES {
        if !Path::new(device).exists() {
            bail!("there is no {device} on this machine: {why}");
        }
    }
    programs(RIG)
}

/// Everything `cargo xtask bench` needs.
pub fn for_bench() -> Result<()> {
    programs(BENCH)
}

fn is_here(wanted: &str) -> bool {
    if wanted.starts_with('/') { Path::new(wanted).exists() } else { find(wanted).is_some() }
}

fn programs(needs: &[Need]) -> Result<()> {
    let missing = |needs: &'_ [Need]| -> Vec<usize> {
        (0..needs.len()).filter(|at| !is_here(needs[*at].program)).collect()
    };
    let absent = missing(needs);
    if absent.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = absent.iter().map(|at| needs[*at].package).collect();
    packages.dedup();
    for at in &absent {
        let Need { program, package, why } = &needs[*at];
        println!("missing: {program} (Debian package {package}): {why}");
    }
    apt_install(&packages)?;
    if let Some(at) = missing(needs).first() {
        bail!("{} is still missing after installing {}", needs[*at].program, needs[*at].package);
    }
    Ok(())
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get install {}", packages.join(" "));
    if find("apt-get").is_none() {
        bail!("this is not a Debian system; install what is missing (there: `{by_hand}`)");
    }
    let Some(become_root) = root_prefix() else {
        bail!("not root and no sudo without a password; run as root: {by_hand}");
    };
    let apt_get = |args: &[&str]| {
        let mut words =
            become_root.iter().copied().chain(["env", "DEBIAN_FRONTEND=noninteractive"]);
        let mut command = Command::new(words.next().unwrap_or("env"));
        command.args(words).args(["apt-get", "-q", "-y"]).args(args);
        println!("+ {}", show(&command));
        check(command)
    };
    let install = [&["install", "--no-install-recommends"][..], packages].concat();
    apt_get(&["update"])?;
    apt_get(&install).with_context(|| format!("run as root: {by_hand}"))
}

/// What to put before a command so that root runs it; `None` when that cannot be.
fn root_prefix() -> Option<&'static [&'static str]> {
    let mut id = Command::new("id");
    id.arg("-u");
    if output(id).is_ok_and(|id| id.trim() == "0") {
        return Some(&[]);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "true"]);
    output(sudo).is_ok().then_some(&["sudo", "-n"])
}

/// A virtual environment under target/ with what tests/clients/requirements.txt lists.
fn python(workspace: &Workspace) -> Result<()> {
    let (venv, list) = (workspace.venv(), workspace.root.join("tests/clients/requirements.txt"));
    let want = fs::read_to_string(&list).with_context(|| format!("{}", list.display()))?;
    let stamp = venv.join("installed.txt");
    if is_current(&stamp, &want) {
        return Ok(());
    }
    println!("preparing {} from {}", workspace.show(&venv), workspace.show(&list));
    if make_venv(&venv).is_err() {
        apt_install(&["python3-venv"])?;
        make_venv(&venv)?;
    }
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&list);
    check(pip).context("the Python packages of the tests come from PyPI; is it within reach?")?;
    fs::write(stamp, want).context("cannot write the stamp of the Python environment")
}

fn make_venv(venv: &Path) -> Result<()> {
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(venv);
    output(make).map(drop)
}

/// The packages of tests/clients/package-lock.json, in target/node/node_modules.
fn node(workspace: &Workspace) -> Result<()> {
    let (node, from) = (workspace.node(), workspace.root.join("tests/clients"));
    let lock = from.join("package-lock.json");
    let want = fs::read_to_string(&lock).with_context(|| format!("{}", lock.display()))?;
    let stamp = node.join("installed.json");
    if is_current(&stamp, &want) {
        return Ok(());
    }
    println!("preparing {} from {}", workspace.show(&node), workspace.show(&lock));
    fs::create_dir_all(&node)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(from.join(file), node.join(file))
            .with_context(|| format!("cannot copy {file}"))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&node);
    check(npm).context("the Node packages of the tests come from npm; is it within reach?")?;
    fs::write(stamp, want).context("cannot write the stamp of the Node packages")
}

fn is_current(stamp: &Path, want: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|have| have == want)
}
