//! A running node, and what a test asks of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running node, ended with the test.
pub(crate) struct Node {
    pub(crate) child: Child,
    /// The command that became it.
    pub(crate) serve: String,
    pub(crate) port: u16,
    pub(crate) http: u16,
    pub(crate) dir: tempfile::TempDir,
}

impl Node {
    /// Starts a node; `before` is a command for the shell that becomes it.
    pub(crate) fn start(before: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (port, peers, http) = (free(), free(), free());
        let serve = format!(
            "{before}; exec {} serve --data {}/data --workers 1 --listen 127.0.0.1:{port} \
             --peer-listen 127.0.0.1:{peers} --http 127.0.0.1:{http} 2> {}/log",
            env!("CARGO_BIN_EXE_synod"),
            dir.path().display(),
            dir.path().display(),
        );
        let node = Self { child: Self::spawn(&serve), serve, port, http, dir };
        node.wait_ready();
        node
    }

    /// A node whose data lies on a disk of its own, of this size, which goes with it.
    pub(crate) fn on_a_disk_of(size: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (port, peers, http) = (free(), free(), free());
        let here = dir.path().display();
        let mounted =
            format!("mkdir -p {here}/disk && mount -t tmpfs -o size={size} none {here}/disk");
        let serve = format!(
            "{mounted} && exec {} serve --data {here}/disk/data --workers 1 --listen 127.0.0.1:{port} \
             --peer-listen 127.0.0.1:{peers} --http 127.0.0.1:{http} 2> {here}/log",
            env!("CARGO_BIN_EXE_synod"),
        );
        let child = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &serve])
            .stdin(Stdio::null())
            .spawn()
            .expect("unshare, of util-linux, makes the disk");
        let node = Self { child, serve, port, http, dir };
        node.wait_ready();
        node
    }

    pub(crate) fn spawn(serve: &str) -> Child {
        Command::new("sh").args(["-c", serve]).stdin(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn wait_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.serves() {
            assert!(Instant::now() < deadline, "it does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn serves(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok_and(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            ask(&mut stream, b"SET ready 1\r\n") == "+OK\r\n"
        })
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn ask(&self, request: &[u8]) -> String {
        ask(&mut self.connect(), request)
    }

    /// The same of a node that may not be there yet.
    pub(crate) fn try_ask(&self, request: &[u8]) -> String {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return String::new();
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        ask(&mut stream, request)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// A line of INFO or of /proc/PID/status.
    pub(crate) fn number(text: &str, name: &str) -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
    }

    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        Self::number(&status, "VmRSS:")
    }

    pub(crate) fn clients(&self) -> u64 {
        Self::number(&self.info("clients"), "connected_clients:")
    }

    /// A section of INFO.
    pub(crate) fn info(&self, section: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(format!("INFO {section}\r\nPING\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        let mut chunk = [0; 4096];
        while !text.ends_with("+PONG\r\n") {
            let len = stream.read(&mut chunk).unwrap();
            assert!(len > 0, "the connection is closed: {text}");
            text.push_str(&String::from_utf8_lossy(&chunk[..len]));
        }
        text
    }

    pub(crate) fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = Self::spawn(&self.serve);
        self.wait_ready();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn ask(stream: &mut TcpStream, request: &[u8]) -> String {
    let mut chunk = [0; 1024];
    let answered = stream.write_all(request).and_then(|()| stream.read(&mut chunk));
    answered.map_or(String::new(), |len| String::from_utf8_lossy(&chunk[..len]).into_owned())
}

/// Sends everything, whether it is wanted or not, and reads to the end.
pub(crate) fn send_all(mut stream: TcpStream, bytes: &[u8]) -> String {
    let _it_may_be_closed = stream.write_all(bytes);
    let _it_may_be_closed = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _it_may_be_reset = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
