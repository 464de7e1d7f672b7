//! A cluster of real processes: started, one node killed, stopped, started again, moved to other engines under load.

#![allow(clippy::unwrap_used)]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// How many clusters asked for ports. Two that started at the same time on the same ports each got some of them.
static CLUSTERS: AtomicU16 = AtomicU16::new(0);

/// How far apart two clusters' base ports are: more than a cluster's ports for ZooKeeper's clients (100 after those
/// for Redis's) and all of [`near`].
const APART: u16 = 200;

/// Base ports to try, from this one on.
fn near(port: u16) -> Vec<u16> {
    (0..5).map(|i| port + i * 10).collect()
}

/// A running `synod up`, stopped with the test.
struct Up {
    child: Child,
    lines: Receiver<String>,
    base_port: u16,
}

impl Up {
    /// Starts a cluster and waits until it is ready. Tries other ports while somebody has these.
    fn start(data: &Path, base_port: Option<u16>) -> Self {
        Self::start_with(data, base_port, &[])
    }

    /// As [`Self::start`], with variables.
    fn start_with(data: &Path, base_port: Option<u16>, variables: &[(&str, &str)]) -> Self {
        let first = 2_000 + (std::process::id() % 12) as u16 * 4 * APART;
        let mine = || first + APART * CLUSTERS.fetch_add(1, Ordering::Relaxed);
        let candidates = base_port.map_or_else(|| near(mine()), |port| vec![port]);
        for port in candidates {
            let mut up = Self::spawn(data, port, variables);
            if up.wait_for("Ready").is_some() {
                return up;
            }
            assert!(up.child.try_wait().unwrap().is_some(), "it runs and is not ready");
            let _ = std::fs::remove_file(data.join("cluster.toml"));
        }
        panic!("the cluster does not start");
    }

    fn spawn(data: &Path, base_port: u16, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("SYNOD_") {
                command.env_remove(variable);
            }
        }
        let mut child = command
            .envs(variables.iter().copied())
            .args(["up", "--nodes", "3", "--partitions", "4", "--workers", "1", "--base-port"])
            .arg(base_port.to_string())
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        for stream in [Box::new(out) as Box<dyn Read + Send>, Box::new(err)] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    println!("{line}");
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines, base_port }
    }

    /// The next line that contains `text`; `None` when the output ends or nothing comes for long.
    fn wait_for(&mut self, text: &str) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).ok()?;
            if line.contains(text) {
                return Some(line);
            }
        }
    }

    fn ask(&self, node: u16, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.base_port + node - 1)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut chunk = [0; 1024];
        let len = stream.read(&mut chunk).unwrap();
        String::from_utf8_lossy(&chunk[..len]).into_owned()
    }

    fn signal(pid: u32, signal: Signal) {
        kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
    }

    /// The process of a node: its parent is the `up` process and its arguments name the node.
    fn node_pid(&self, node: u16) -> u32 {
        let mut pids = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let wanted = format!("--node-id\0{node}\0");
        pids.find(|pid| {
            let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
            let of_ours = read("status").is_ok_and(|status| {
                status.lines().any(|line| line == format!("PPid:\t{}", self.child.id()))
            });
            of_ours && read("cmdline").is_ok_and(|arguments| arguments.contains(&wanted))
        })
        .unwrap()
    }

    /// Stops it as Ctrl-C or `kill` would, and gives the exit code.
    fn stop(mut self) -> Option<i32> {
        Self::signal(self.child.id(), Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("up does not stop");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // The nodes end with it: their stdin does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_cluster_starts_survives_a_node_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut up = Up::start(dir.path(), None);
    let port = up.base_port;
    for node in 1..=3 {
        assert_eq!(up.ask(node, "PING\r\n"), "+PONG\r\n");
    }
    assert_eq!(up.ask(1, "SET key value\r\n"), "+OK\r\n");
    let again = Command::new(env!("CARGO_BIN_EXE_synod"))
        .args(["up", "--data"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is in use by another synod"));

    Up::signal(up.node_pid(2), Signal::KILL);
    assert!(up.wait_for("node 2 ended unasked").is_some());
    assert_eq!(up.ask(1, "GET key\r\n"), "$5\r\nvalue\r\n");
    assert_eq!(up.stop(), Some(1), "a node died");

    let up = Up::start(dir.path(), Some(port));
    assert_eq!(up.ask(2, "GET key\r\n"), "$5\r\nvalue\r\n");
    assert_eq!(up.stop(), Some(0));
    assert!(std::fs::read_to_string(dir.path().join("node-2/synod.log")).unwrap().contains("INFO"));
}

/// A client that writes one value after the other, and knows what was acknowledged.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Written>,
}

#[derive(Default)]
struct Written {
    acknowledged: u64,
    /// The last value of each key that was acknowledged.
    last: Vec<u64>,
    longest_wait: Duration,
}

impl Written {
    const KEYS: usize = 50;
}

impl Writer {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
            stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
            let mut written = Written { last: vec![0; Written::KEYS], ..Written::default() };
            let mut value = 0u64;
            while !stopped.load(Ordering::Relaxed) {
                value += 1;
                let key = value as usize % Written::KEYS;
                let begun = Instant::now();
                let mut reply = String::new();
                stream.get_mut().write_all(format!("SET k{key} {value}\r\n").as_bytes()).unwrap();
                stream.read_line(&mut reply).unwrap();
                written.longest_wait = written.longest_wait.max(begun.elapsed());
                assert_eq!(reply, "+OK\r\n", "nobody died, so everything is acknowledged");
                written.acknowledged += 1;
                written.last[key] = value;
            }
            written
        });
        Self { stop, thread }
    }

    fn stop(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Up {
    /// `synod engine`, asked of a node.
    fn engine(&self, node: u16, to: &[&str]) -> Output {
        let http = format!("127.0.0.1:{}", self.base_port + 20_000 + node - 1);
        let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
        command.arg("engine").args(to).args(["--http", &http]).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn nodes_that_are_no_majority_are_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let up = Up::start(dir.path(), None);
    let port = up.base_port;
    assert_eq!(up.stop(), Some(0));
    for node in ["node-1", "node-2"] {
        std::fs::write(dir.path().join(node).join("node"), "not an identity").unwrap();
    }
    let mut up = Up::spawn(dir.path(), port, &[]);
    assert!(up.wait_for("1 of 3 nodes are left: no majority").is_some());
    let deadline = Instant::now() + PATIENCE;
    while up.child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(up.child.try_wait().unwrap().and_then(|status| status.code()), Some(1));
}

#[test]
fn a_password_in_the_environment_is_that_of_all_nodes() {
    let dir = tempfile::tempdir().unwrap();
    let up = Up::start_with(&dir.path().join("data"), None, &[("SYNOD_REQUIREPASS", "open")]);
    for node in 1..=3 {
        assert_eq!(up.ask(node, "GET k\r\n"), "-NOAUTH Authentication required.\r\n");
        assert_eq!(up.ask(node, "AUTH open\r\n"), "+OK\r\n");
    }
}

/// A move needs no pause to speak of: nobody is elected. How long the longest write took is printed.
#[test]
fn a_cluster_moves_to_other_engines_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let up = Up::start(dir.path(), None);
    assert!(said(&up.engine(1, &[])).contains("all 5 groups run raft"));
    for (node, engine) in [(1, "paxos"), (2, "zab"), (3, "raft"), (1, "zab")] {
        let writer = Writer::start(up.base_port);
        let moved = up.engine(node, &[engine]);
        assert!(moved.status.success(), "{}", said(&moved));
        let written = writer.stop();
        println!(
            "to {engine}: {} writes meanwhile, the longest took {:?}",
            written.acknowledged, written.longest_wait
        );
        for (key, value) in written.last.iter().enumerate().filter(|(_, value)| **value > 0) {
            let held = up.ask(2, &format!("GET k{key}\r\n"));
            assert_eq!(held, format!("${}\r\n{value}\r\n", value.to_string().len()));
        }
        for node in 1..=3 {
            assert!(
                up.ask(node, "INFO server\r\n").contains(&format!("synod_engine:{engine}\r\n"))
            );
            assert!(up.ask(node, "CLUSTER ENGINE\r\n").contains(engine));
        }
    }
    assert!(up.ask(1, "CLUSTER ENGINE vsr\r\n").contains("there are raft, paxos, zab"));
    let port = up.base_port;
    assert_eq!(up.stop(), Some(0));

    // Started as it was founded, it comes back as it was moved; with a third engine, no node starts.
    let serve = |engine: &str| {
        let peers = format!(
            "1=127.0.0.1:{0},2=127.0.0.1:{1},3=127.0.0.1:{2}",
            port + 10_000,
            port + 10_001,
            port + 10_002
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
        command.args(["serve", "--node-id", "1", "--workers", "1", "--engine", engine]);
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
            "--peer-listen",
            &format!("127.0.0.1:{}", port + 10_000),
        ]);
        command.args(["--initial-cluster", &peers]).arg("--data").arg(dir.path().join("node-1"));
        command.output().unwrap()
    };
    let refused = serve("paxos");
    assert!(said(&refused).contains("of a cluster that runs zab"), "{}", said(&refused));
    assert_eq!(refused.status.code(), Some(2));
    let up = Up::start(dir.path(), Some(port));
    assert!(said(&up.engine(2, &[])).contains("all 5 groups run zab"));
    assert!(up.ask(3, "GET k1\r\n").starts_with('$'));
    assert_eq!(up.stop(), Some(0));
}
