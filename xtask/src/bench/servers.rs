//! Starting and stopping what is measured, on loopback, with data in a folder that goes away.

use super::Bench;
use super::contest::{Contestant, Durability, System};
use super::load;
use crate::program;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to answer.
const START_MAX: Duration = Duration::from_secs(120);
/// How long a server may take to end when asked to.
const STOP_MAX: Duration = Duration::from_secs(60);

/// A contestant that runs. Its processes end and its data go away with it.
pub struct Running {
    /// Who it is.
    pub contestant: Contestant,
    /// Where its nodes serve clients.
    pub addrs: Vec<String>,
    nodes: Vec<Node>,
    /// Where they tell of themselves; of use only with Synod.
    http: Vec<String>,
    folder: PathBuf,
}

struct Node {
    /// The words of the command, the program first.
    command: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Running {
    /// Starts a contestant in an empty folder and waits until it takes writes.
    pub fn start(bench: &Bench, contestant: Contestant) -> Result<Self> {
        Self::start_with(bench, contestant, &[])
    }

    /// The same, with more words for every node's command.
    pub fn start_with(bench: &Bench, contestant: Contestant, more: &[&str]) -> Result<Self> {
        let folder = bench.scratch.join("data");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
        }
        // Per node: clients, peers, HTTP.
        let ports = free_ports(contestant.nodes * 3)?;
        let addr = |port: u16| format!("127.0.0.1:{port}");
        let nodes: Vec<[String; 3]> =
            ports.chunks(3).map(|p| [0, 1, 2].map(|n| addr(p[n]))).collect();
        let mut running = Self {
            contestant,
            addrs: nodes.iter().map(|node| node[0].clone()).collect(),
            nodes: Vec::new(),
            http: nodes.iter().map(|node| node[2].clone()).collect(),
            folder: folder.clone(),
        };
        for at in 0..nodes.len() {
            let data = folder.join(format!("node-{}", at + 1));
            fs::create_dir_all(&data)?;
            let mut command = command(bench, contestant, &nodes, at, &data);
            command.extend(more.iter().map(|word| (*word).to_owned()));
            let log = data.with_extension("log");
            running.nodes.push(Node { command, log, child: None });
        }
        running.start_all()?;
        running.wait_ready(bench)?;
        Ok(running)
    }

    /// Starts the processes that do not run.
    pub fn start_all(&mut self) -> Result<()> {
        self.nodes.iter_mut().filter(|node| node.child.is_none()).try_for_each(Node::start)
    }

    fn wait_ready(&mut self, bench: &Bench) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        loop {
            let error = match self.listen().and_then(|()| load::probe(bench, self)) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if let Some(dead) = self.nodes.iter_mut().find_map(Node::obituary) {
                bail!("{} ended by itself: {dead}", self.contestant.name);
            }
            if Instant::now() > deadline {
                return Err(error.context(format!("{} does not get ready", self.contestant.name)));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Every node takes clients; the probe is content with one that does.
    fn listen(&self) -> Result<()> {
        self.addrs.iter().try_for_each(|addr| {
            TcpStream::connect(addr).map(drop).with_context(|| format!("nobody listens on {addr}"))
        })
    }

    /// The process ids of the nodes that run.
    pub fn pids(&self) -> Vec<String> {
        let children = self.nodes.iter().filter_map(|node| node.child.as_ref());
        children.map(|child| child.id().to_string()).collect()
    }

    /// Resident memory of all processes, in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let mut total = 0;
        for child in self.nodes.iter().filter_map(|node| node.child.as_ref()) {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
            total += kib.parse::<u64>()? * 1024;
        }
        Ok(total)
    }

    /// Processor time of all threads of all processes, in nanoseconds.
    pub fn cpu_ns(&self) -> Result<u64> {
        let mut total = 0;
        for child in self.nodes.iter().filter_map(|node| node.child.as_ref()) {
            for task in fs::read_dir(format!("/proc/{}/task", child.id()))? {
                let text = fs::read_to_string(task?.path().join("schedstat"))?;
                total += text.split(' ').next().context("an empty schedstat")?.parse::<u64>()?;
            }
        }
        Ok(total)
    }

    /// The sum of a metric of Synod over all labels of all nodes that run.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let mut sum = 0.0;
        for (node, http) in self.nodes.iter().zip(&self.http) {
            if node.child.is_none() {
                continue;
            }
            let mut stream = TcpStream::connect(http)?;
            stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
            let mut page = String::new();
            stream.read_to_string(&mut page)?;
            let of_it = page
                .lines()
                .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
            sum +=
                of_it.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>();
        }
        Ok(sum)
    }

    /// Kills the node that serves clients at `addr`, with SIGKILL.
    pub fn kill(&mut self, addr: &str) -> Result<()> {
        let at = self.addrs.iter().position(|known| known == addr);
        let node = &mut self.nodes[at.with_context(|| format!("no node at {addr}"))?];
        if let Some(mut child) = node.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Ends all processes as an operator does, with SIGTERM; the data stay.
    pub fn stop(&mut self) -> Result<()> {
        for child in self.nodes.iter().filter_map(|node| node.child.as_ref()) {
            let mut kill = Command::new("kill");
            kill.args(["-TERM", &child.id().to_string()]);
            program::check(kill)?;
        }
        let deadline = Instant::now() + STOP_MAX;
        for node in &mut self.nodes {
            let Some(child) = &mut node.child else { continue };
            while child.try_wait()?.is_none() {
                if Instant::now() > deadline {
                    bail!("{} does not end on SIGTERM", self.contestant.name);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            node.child = None;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in self.nodes.iter_mut().filter_map(|node| node.child.as_mut()) {
            // Nothing is left to do about a process that cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Node {
    fn start(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let shown = program::show(&command);
        self.child = Some(command.spawn().with_context(|| format!("cannot start `{shown}`"))?);
        Ok(())
    }

    /// The end of the log of a process that should run and does not.
    fn obituary(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        Some(format!("{status}: {}", last.into_iter().rev().collect::<Vec<_>>().join(" | ")))
    }
}

/// The command of node `at`; `nodes` holds the client, peer and HTTP address of each.
fn command(
    bench: &Bench,
    contestant: Contestant,
    nodes: &[[String; 3]],
    at: usize,
    data: &Path,
) -> Vec<String> {
    let [client, peer, http] = &nodes[at];
    let (host, port) = client.split_once(':').unwrap_or((client, ""));
    let data = data.display().to_string();
    let words = |text: String| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    match contestant.system {
        System::Synod => {
            let durability = match contestant.durability {
                Durability::Always => "always",
                Durability::EverySecond => "everysec",
                Durability::None => "none",
            };
            let mut command = vec![bench.synod.display().to_string(), "serve".to_owned()];
            command.extend(["--data".to_owned(), data]);
            command.extend(words(format!(
                "--listen {client} --peer-listen {peer} --http {http} --durability {durability}"
            )));
            if nodes.len() > 1 {
                let member = |(n, node): (usize, &[String; 3])| format!("{}={}", n + 1, node[1]);
                let all: Vec<String> = nodes.iter().enumerate().map(member).collect();
                let all = all.join(",");
                command.extend(words(format!("--node-id {} --initial-cluster {all}", at + 1)));
            }
            command
        }
        System::Redis => {
            let aof = match contestant.durability {
                Durability::Always => "yes --appendfsync always",
                Durability::EverySecond => "yes --appendfsync everysec",
                Durability::None => "no",
            };
            let mut command = words(format!(
                "redis-server --bind {host} --port {port} --appendonly {aof} --save"
            ));
            command.extend([String::new(), "--dir".to_owned(), data]);
            command
        }
        // As root it wants to be told whom to become; -m is in MiB and large enough not to evict.
        System::Memcached => {
            words(format!("memcached -u nobody -l {host} -p {port} -U 0 -m 4096 -t 2 -c 4096"))
        }
        System::Etcd => {
            let member =
                |(n, node): (usize, &[String; 3])| format!("n{}=http://{}", n + 1, node[1]);
            let all: Vec<String> = nodes.iter().enumerate().map(member).collect();
            let mut command = words(format!(
                "etcd --name n{} --listen-client-urls http://{client} \
                 --advertise-client-urls http://{client} --listen-peer-urls http://{peer} \
                 --initial-advertise-peer-urls http://{peer} --initial-cluster {} \
                 --initial-cluster-state new --log-level error",
                at + 1,
                all.join(",")
            ));
            command.extend(["--data-dir".to_owned(), data]);
            command
        }
    }
}

/// Ports that nobody listens on, taken from the system and given back.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
