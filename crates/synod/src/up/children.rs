//! The node processes: started, looked after, stopped.

use super::plan::{Node, Plan};
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a node has to stop in an orderly way.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How much of a dead node's log is shown.
const LAST_WORDS_BYTES: u64 = 2000;

/// One node process.
struct Running {
    id: u64,
    log: PathBuf,
    /// `None` once it ended. Holds the other end of the child's stdin, which ends when this process does.
    child: Option<Child>,
}

/// All node processes of a cluster.
pub struct Children {
    nodes: Vec<Running>,
    /// How many ended unasked.
    pub deaths: usize,
}

impl Children {
    /// Starts all nodes of the plan. When one cannot be started, those before it are stopped.
    pub fn start(plan: &Plan) -> Result<Self> {
        let mut children = Self { nodes: Vec::new(), deaths: 0 };
        for node in &plan.nodes {
            match spawn(plan, node) {
                Ok(running) => children.nodes.push(running),
                Err(error) => {
                    children.stop();
                    return Err(error)
                        .with_context(|| format!("node {} cannot be started", node.id));
                }
            }
        }
        Ok(children)
    }

    /// How many are running, as far as is known.
    pub fn alive(&self) -> usize {
        self.nodes.iter().filter(|node| node.child.is_some()).count()
    }

    /// Whether this one is running, as far as is known.
    pub fn is_alive(&self, id: u64) -> bool {
        self.nodes.iter().any(|node| node.id == id && node.child.is_some())
    }

    /// Tells the operator of those that ended since the last look.
    pub fn report_deaths(&mut self) {
        for node in &mut self.nodes {
            if let Some(status) = node.ended() {
                self.deaths += 1;
                eprintln!(
                    "node {} ended unasked: {status}. The end of {}:",
                    node.id,
                    node.log.display()
                );
                for line in last_words(&node.log).lines() {
                    eprintln!("[n{}] {line}", node.id);
                }
            }
        }
    }

    /// Asks all to stop and waits for it; those that take too long are killed.
    pub fn stop(&mut self) {
        for node in &self.nodes {
            // One that ended on its own in this moment cannot be signalled, and need not be.
            if let Some(pid) =
                node.child.as_ref().and_then(|child| Pid::from_raw(child.id() as i32))
            {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        let deadline = Instant::now() + STOP_MAX;
        while self.alive() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
            for node in &mut self.nodes {
                node.ended();
            }
        }
        for node in &mut self.nodes {
            if let Some(mut child) = node.child.take() {
                eprintln!("node {} does not stop within {} s: killed", node.id, STOP_MAX.as_secs());
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

impl Running {
    /// How it ended, the first time that this is seen.
    fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(status)
    }
}

fn spawn(plan: &Plan, node: &Node) -> Result<Running> {
    let log = node.data.join("synod.log");
    std::fs::create_dir_all(&node.data).with_context(|| format!("{}", node.data.display()))?;
    let output = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("{}", log.display()))?;
    let program = std::env::current_exe().context("where this program lies is not known")?;
    let mut command = Command::new(program);
    // What is meant for `up` must not reach the nodes a second way; a password goes by no other.
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("SYNOD_") && variable != crate::client::PASSWORD {
            command.env_remove(variable);
        }
    }
    let child = command
        .args(plan.arguments(node))
        .stdin(Stdio::piped())
        .stdout(output.try_clone().context("a file handle")?)
        .stderr(output)
        // A Ctrl-C at the terminal reaches `up` alone, which then stops the nodes in order.
        .process_group(0)
        .spawn()?;
    Ok(Running { id: node.id, log, child: Some(child) })
}

fn last_words(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let start = file.metadata()?.len().saturating_sub(LAST_WORDS_BYTES);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(10)..].join("\n")
        }
        Err(error) => format!("(cannot be read: {error})"),
    }
}
