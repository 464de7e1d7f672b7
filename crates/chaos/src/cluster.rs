//! The processes under test: started, killed, paused and restarted, and never outliving the run.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::dice::Dice;
use crate::disk::PowerDisk;
use crate::resp::{Connection, Reply};

/// Where free ports are looked for; three per node.
const PORTS: std::ops::Range<u16> = 20_000..29_000;
/// How long one answer is waited for while looking whether a node is well.
const GLANCE: Duration = Duration::from_millis(1_500);
/// The streams of choices for power cuts, counted down from here.
const POWER_STREAM: u64 = u64::MAX - 1;
/// Enough keys to touch every partition of a cluster of reasonable size.
const READY_KEYS: usize = 128;

/// What is under test.
#[derive(Clone, Debug)]
pub enum Program {
    /// Synod, by the path of its program.
    Synod(PathBuf),
    /// The genuine redis-server: one node, to try the rig itself on.
    Redis(PathBuf),
}

/// How the nodes are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program.
    pub program: Program,
    /// How many nodes.
    pub nodes: usize,
    /// `--partitions`.
    pub partitions: u32,
    /// `--durability`: `always`, `everysec` or `none`.
    pub durability: String,
    /// Where the nodes keep their data and write their logs.
    pub directory: PathBuf,
    /// What a kill does to a node's disk.
    pub power: Power,
}

/// What a kill does to a node's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Nothing: what the process wrote is with the kernel and safe.
    Stays,
    /// The power goes with the process: what was not flushed is lost, in part or as a whole, by the dice
    /// of this seed.
    Fails(u64),
    /// The power goes with the process, and all that was not flushed.
    FailsHard,
}

/// One node: a process that comes and goes, at addresses that stay.
#[derive(Debug)]
struct Node {
    client: SocketAddr,
    command: Vec<String>,
    /// What shows the cluster as this node sees it, if the program has that.
    status: Option<Vec<String>>,
    log: PathBuf,
    process: Mutex<Option<Child>>,
    power: Option<Outlet>,
}

/// A disk of which the power can be cut, and what decides how that ends.
#[derive(Debug)]
struct Outlet {
    disk: PowerDisk,
    dice: Option<Mutex<Dice>>,
}

impl Outlet {
    fn new(settings: &Settings, data: &Path, node: usize) -> Result<Option<Self>> {
        let dice = match settings.power {
            Power::Stays => return Ok(None),
            Power::Fails(seed) => Some(Mutex::new(Dice::new(seed, POWER_STREAM - node as u64))),
            Power::FailsHard => None,
        };
        // Redis trusts the journal with the names of its files, as all ext4 users do; synod must not.
        let journal = matches!(settings.program, Program::Redis(_));
        Ok(Some(Self { disk: PowerDisk::mount(data, journal)?, dice }))
    }

    fn cut(&self) {
        let mut dice = self.dice.as_ref().and_then(|dice| dice.lock().ok());
        let lucky = dice.as_mut().is_some_and(|dice| dice.chance(50));
        self.disk.cut(dice.as_deref_mut().filter(|_| lucky));
    }
}

/// All nodes of one run.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
}

impl Cluster {
    /// Lays out the nodes; none runs yet.
    pub fn new(settings: &Settings) -> Result<Self> {
        let ports = free_ports(3 * settings.nodes)?;
        let nodes =
            (0..settings.nodes).map(|i| Node::new(settings, i, &ports)).collect::<Result<_>>()?;
        Ok(Self { nodes })
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Where clients reach a node.
    pub fn address(&self, node: usize) -> SocketAddr {
        self.nodes[node].client
    }

    /// Starts a node that is not running.
    pub fn start(&self, node: usize) -> Result<()> {
        self.nodes[node].start()
    }

    /// Kills a node with SIGKILL, and the power of its disk if it is of that kind; it is gone when this
    /// returns.
    pub fn kill(&self, node: usize) -> Result<()> {
        self.nodes[node].kill()
    }

    /// Kills all nodes: each gets its signal before any is waited for.
    pub fn kill_all(&self) -> Result<()> {
        for node in &self.nodes {
            node.signal(Signal::KILL)?;
        }
        self.nodes.iter().try_for_each(Node::kill)
    }

    /// Stops a node where it stands (SIGSTOP); its sockets stay open.
    pub fn pause(&self, node: usize) -> Result<()> {
        self.nodes[node].signal(Signal::STOP)
    }

    /// Lets a paused node go on (SIGCONT).
    pub fn resume(&self, node: usize) -> Result<()> {
        self.nodes[node].signal(Signal::CONT)
    }

    /// Fails when a node has ended by itself: nothing that this rig does is a reason to.
    pub fn check_alive(&self) -> Result<()> {
        self.nodes.iter().try_for_each(Node::check_alive)
    }

    /// Waits until every part of the key space can be written through every node; returns how long it
    /// took.
    pub fn wait_ready(&self, limit: Duration) -> Result<Duration> {
        let started = Instant::now();
        for node in &self.nodes {
            loop {
                node.check_alive()?;
                match node.touch_all() {
                    Ok(()) => break,
                    Err(error) if started.elapsed() > limit => {
                        return Err(error).with_context(|| {
                            let (told, log) = (node.status(), node.tail());
                            format!("{} is not ready after {limit:?}\n{told}{log}", node.client)
                        });
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(20)),
                }
            }
        }
        Ok(started.elapsed())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing is left to do about a process that cannot be killed.
        let _ = self.kill_all();
    }
}

impl Node {
    fn new(settings: &Settings, i: usize, ports: &[u16]) -> Result<Self> {
        let name = format!("node{}", i + 1);
        let data = settings.directory.join(&name);
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make the directory {}", data.display()))?;
        let address = |offset: usize, node: usize| loopback(ports[3 * node + offset]);
        let members: Vec<String> =
            (0..settings.nodes).map(|n| format!("{}={}", n + 1, address(1, n))).collect();
        let client = address(0, i);
        let command = match &settings.program {
            Program::Synod(path) => synod_command(
                settings,
                path,
                &data,
                i,
                [client, address(1, i), address(2, i)],
                &members,
            ),
            Program::Redis(path) => redis_command(settings, path, &data, client),
        };
        let status = match &settings.program {
            Program::Synod(path) => Some(vec![
                path.display().to_string(),
                "status".to_owned(),
                "--http".to_owned(),
                address(2, i).to_string(),
            ]),
            Program::Redis(_) => None,
        };
        let log = settings.directory.join(format!("{name}.log"));
        let power = Outlet::new(settings, &data, i)?;
        Ok(Self { client, command, status, log, process: Mutex::new(None), power })
    }

    fn start(&self) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut process = self.process()?;
        if process.is_some() {
            bail!("{} runs already", self.client);
        }
        let child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.command[0]))?;
        *process = Some(child);
        Ok(())
    }

    fn kill(&self) -> Result<()> {
        if let Some(mut child) = self.process()?.take() {
            child.kill()?;
            child.wait()?;
            if let Some(power) = &self.power {
                power.cut();
            }
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        if let Some(child) = &*self.process()? {
            // The child was not waited for, so its number still names it.
            kill_process(Pid::from_child(child), signal)?;
        }
        Ok(())
    }

    fn check_alive(&self) -> Result<()> {
        let mut process = self.process()?;
        let Some(child) = &mut *process else { return Ok(()) };
        if let Some(status) = child.try_wait()? {
            *process = None;
            bail!("the node at {} ended by itself ({status})\n{}", self.client, self.tail());
        }
        Ok(())
    }

    /// Writes to all parts of the key space.
    fn touch_all(&self) -> Result<()> {
        let mut connection = Connection::open(self.client, GLANCE)?;
        for i in 0..READY_KEYS {
            let key = format!("ready:{i}");
            match connection.call(&["SET", &key, "1"]).with_context(|| format!("SET {key}"))? {
                Reply::Simple(_) => {}
                other => bail!("SET {key}: {other:?}"),
            }
        }
        Ok(())
    }

    fn process(&self) -> Result<std::sync::MutexGuard<'_, Option<Child>>> {
        self.process.lock().map_err(|_| anyhow::anyhow!("another thread failed at this node"))
    }

    fn status(&self) -> String {
        let output = self
            .status
            .as_ref()
            .and_then(|words| Command::new(&words[0]).args(&words[1..]).output().ok());
        output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default()
    }

    /// The end of what the node logged.
    fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(3_000)..]).into_owned()
    }
}

fn synod_command(
    settings: &Settings,
    path: &Path,
    data: &Path,
    i: usize,
    [client, peer, http]: [SocketAddr; 3],
    members: &[String],
) -> Vec<String> {
    let mut command: Vec<String> = [
        &path.display().to_string(),
        "serve",
        "--data",
        &data.display().to_string(),
        "--listen",
        &client.to_string(),
        "--peer-listen",
        &peer.to_string(),
        "--http",
        &http.to_string(),
        "--durability",
        &settings.durability,
        "--workers",
        "1",
        "--partitions",
        &settings.partitions.to_string(),
        "--node-id",
        &(i + 1).to_string(),
    ]
    .map(str::to_owned)
    .into();
    if settings.nodes > 1 {
        let replicas = settings.nodes.min(3).to_string();
        command.extend([
            "--replicas".into(),
            replicas,
            "--initial-cluster".into(),
            members.join(","),
        ]);
    }
    command
}

fn redis_command(settings: &Settings, path: &Path, data: &Path, client: SocketAddr) -> Vec<String> {
    let append = if settings.durability == "none" { "no" } else { "yes" };
    let fsync = if settings.durability == "everysec" { "everysec" } else { "always" };
    [
        &path.display().to_string(),
        "--port",
        &client.port().to_string(),
        "--bind",
        &client.ip().to_string(),
        "--dir",
        &data.display().to_string(),
        "--save",
        "",
        "--appendonly",
        append,
        "--appendfsync",
        fsync,
    ]
    .map(str::to_owned)
    .into()
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Looks for ports that nobody listens on, from a place that differs from process to process.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let span = usize::from(PORTS.end - PORTS.start);
    let first = (std::process::id() as usize).wrapping_mul(97) % span;
    let mut ports = Vec::with_capacity(count);
    for offset in 0..span {
        // Below 29,000, so it fits.
        let port = PORTS.start + ((first + offset) % span) as u16;
        if TcpListener::bind(loopback(port)).is_ok() {
            ports.push(port);
        }
        if ports.len() == count {
            return Ok(ports);
        }
    }
    bail!("there are not {count} free ports in {PORTS:?}")
}
