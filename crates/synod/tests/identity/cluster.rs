//! Real nodes in one directory, each of which can be killed, emptied and started again.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that is to happen.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Where a node listens: for clients, for peers, for HTTP.
#[derive(Clone, Copy)]
pub struct Ports {
    pub clients: u16,
    pub peers: u16,
    pub http: u16,
}

/// Ports that nobody has at the moment.
pub fn free_ports() -> Ports {
    // All are held until all are known, so they differ.
    let held = [0; 3].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let [clients, peers, http] = held.map(|listener| listener.local_addr().unwrap().port());
    Ports { clients, peers, http }
}

/// The list of members that these nodes are.
pub fn list(nodes: &[(u64, Ports)]) -> String {
    let member = |(id, ports): &(u64, Ports)| format!("{id}=127.0.0.1:{}", ports.peers);
    nodes.iter().map(member).collect::<Vec<_>>().join(",")
}

/// One node, ended with the test.
pub struct Node {
    pub id: u64,
    pub ports: Ports,
    pub data: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

impl Node {
    /// A node that keeps its data and its log under this name.
    pub fn new(dir: &tempfile::TempDir, name: &str, id: u64, ports: Ports) -> Self {
        let (data, log) = (dir.path().join(name), dir.path().join(format!("{name}.log")));
        Self { id, ports, data, log, child: None }
    }

    pub fn start(&mut self, more: &[&str]) {
        let log = |path: &PathBuf| -> File {
            OpenOptions::new().create(true).append(true).open(path).unwrap()
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("SYNOD_") {
                command.env_remove(variable);
            }
        }
        let address = |port: u16| format!("127.0.0.1:{port}");
        let child = command
            .args(["serve", "--stop-with-stdin", "--workers", "1", "--data"])
            .arg(&self.data)
            .args(["--node-id", &self.id.to_string()])
            .args(["--listen", &address(self.ports.clients)])
            .args(["--peer-listen", &address(self.ports.peers)])
            .args(["--http", &address(self.ports.http)])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log(&self.log))
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _it_may_have_ended = child.kill();
            child.wait().unwrap();
        }
    }

    pub fn empty(&self) {
        fs::remove_dir_all(&self.data).unwrap();
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it answers to one request, if it answers within a few seconds.
    pub fn ask(&self, request: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports.clients)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(7))).unwrap();
        stream.write_all(format!("{request}\r\n").as_bytes()).ok()?;
        let mut chunk = [0; 4096];
        let len = stream.read(&mut chunk).ok().filter(|len| *len > 0)?;
        Some(String::from_utf8_lossy(&chunk[..len]).into_owned())
    }

    /// The status line and the body that its HTTP side answers with.
    pub fn page(&self, path: &str) -> Option<(String, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports.http)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(7))).unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.lines().next()?.to_owned(), body.to_owned()))
    }

    /// Asks until it answers that.
    pub fn expect(&self, request: &str, answer: &str) {
        let mut last = None;
        let done = eventually(|| {
            last = self.ask(request);
            last.as_deref() == Some(answer)
        });
        assert!(done, "node {}: {request} -> {last:?}; log:\n{}", self.id, self.log());
    }

    /// Waits until its log says that.
    pub fn expect_log(&self, text: &str) {
        let said = eventually(|| self.log().contains(text));
        assert!(said, "node {} does not say `{text}`:\n{}", self.id, self.log());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether it becomes true in time.
pub fn eventually(mut is_true: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if is_true() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

/// The members of one cluster and their list.
pub fn three(dir: &tempfile::TempDir) -> ([Node; 3], String) {
    let ports = [1, 2, 3].map(|id| (id, free_ports()));
    let nodes = ports.map(|(id, ports)| Node::new(dir, &format!("node-{id}"), id, ports));
    (nodes, list(&ports))
}
