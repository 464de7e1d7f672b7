//! One node: a process that comes and goes, at addresses that stay.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::command::{self, Addresses};
use super::{Power, Program, Settings};
use crate::dice::Dice;
use crate::disk::PowerDisk;
use crate::metrics;
use crate::net::Network;
use crate::resp::{Connection, Reply};
use crate::wall::Wall;

/// How long one answer is waited for while looking whether a node is well.
const GLANCE: Duration = Duration::from_millis(1_500);
/// The streams of choices for power cuts, counted down from here.
const POWER_STREAM: u64 = u64::MAX - 1;
/// Enough keys to touch every partition of a cluster of reasonable size.
const READY_KEYS: usize = 128;
/// How much of a node's log is shown.
const TAIL_LEN: usize = 3_000;

/// A disk of which the power can be cut, and what decides how that ends.
#[derive(Debug)]
struct Outlet {
    disk: PowerDisk,
    /// Whether a kill takes the power.
    fails: bool,
    dice: Option<Mutex<Dice>>,
}

impl Outlet {
    fn new(settings: &Settings, data: &Path, node: usize) -> Result<Option<Self>> {
        if !settings.own_disks {
            return Ok(None);
        }
        let dice = match settings.power {
            Power::Stays => None,
            Power::Fails(seed) => Some(Mutex::new(Dice::new(seed, POWER_STREAM - node as u64))),
            Power::FailsHard => None,
        };
        // Redis trusts the journal with the names of its files, as all ext4 users do; synod must not.
        let journal = matches!(settings.program, Program::Redis(_));
        let fails = settings.power != Power::Stays;
        Ok(Some(Self { disk: PowerDisk::mount(data, journal)?, fails, dice }))
    }

    fn cut(&self) {
        if !self.fails {
            return;
        }
        let mut dice = self.dice.as_ref().and_then(|dice| dice.lock().ok());
        let lucky = dice.as_mut().is_some_and(|dice| dice.chance(50));
        self.disk.cut(dice.as_deref_mut().filter(|_| lucky));
    }
}

/// What is different about one start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This option has this value.
    Option(&'static str, String),
    /// The process may have so many descriptors.
    Descriptors(u64),
    /// The process is in this control group.
    Group(PathBuf),
}

/// A process that comes and goes.
#[derive(Debug)]
pub struct Node {
    i: usize,
    at: Addresses,
    /// The builds that it can be run as.
    programs: Vec<PathBuf>,
    /// Which of them is next.
    program: AtomicUsize,
    /// What it is started with where it began, and where it is once it has moved.
    arguments: [Vec<String>; 2],
    moved: AtomicBool,
    has_status: bool,
    data: PathBuf,
    log: PathBuf,
    process: Mutex<Option<Child>>,
    power: Option<Outlet>,
    network: Option<Arc<Network>>,
    wall: Option<Wall>,
}

impl Node {
    /// Lays out the node; it does not run yet.
    pub fn new(
        settings: &Settings,
        i: usize,
        all: &[Addresses],
        network: Option<Arc<Network>>,
    ) -> Result<Self> {
        let name = format!("node{}", i + 1);
        let data = settings.directory.join(&name);
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make the directory {}", data.display()))?;
        let mut moved = all.to_vec();
        moved[i].peer = all[i].moved_peer;
        let (programs, arguments) = match &settings.program {
            Program::Synod(paths) => {
                (paths.clone(), [all, &moved].map(|all| command::synod(settings, &data, i, all)))
            }
            Program::Redis(path) => {
                (vec![path.clone()], [0; 2].map(|_| command::redis(settings, &data, all[i].client)))
            }
        };
        let wall = settings
            .wall_clocks
            .then(|| Wall::new(settings.directory.join(format!("{name}.clock"))));
        Ok(Self {
            i,
            at: all[i],
            programs,
            program: AtomicUsize::new(0),
            arguments,
            moved: AtomicBool::new(false),
            has_status: matches!(settings.program, Program::Synod(_)),
            log: settings.directory.join(format!("{name}.log")),
            process: Mutex::new(None),
            power: Outlet::new(settings, &data, i)?,
            data,
            network,
            wall: wall.transpose()?,
        })
    }

    /// Where clients reach it.
    pub fn client(&self) -> SocketAddr {
        self.at.client
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its disk, if that is of our own.
    pub fn disk(&self) -> Option<&PowerDisk> {
        self.power.as_ref().map(|outlet| &outlet.disk)
    }

    /// Its wall clock, if that can be set.
    pub fn wall(&self) -> Option<&Wall> {
        self.wall.as_ref()
    }

    /// Whether it is one of ours, which tells how it is.
    pub fn has_status(&self) -> bool {
        self.has_status
    }

    /// A list of members that has one more than there is.
    pub fn list_with_another(&self) -> String {
        let arguments = self.arguments();
        let list = arguments.iter().skip_while(|argument| *argument != "--initial-cluster").nth(1);
        format!("{},99={}", list.map_or("", String::as_str), self.at.moved_peer)
    }

    fn arguments(&self) -> &Vec<String> {
        &self.arguments[usize::from(self.moved.load(Ordering::Relaxed))]
    }

    /// From the next start on its peers find it at its other address.
    pub fn move_house(&self) {
        self.moved.fetch_xor(true, Ordering::Relaxed);
    }

    /// Starts the process, in its namespace if it has one.
    pub fn start(&self) -> Result<()> {
        self.start_with(None)
    }

    /// The same, with something changed for this once.
    pub fn start_with(&self, change: Option<&Change>) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut process = self.process()?;
        if process.is_some() {
            bail!("{} runs already", self.at.client);
        }
        let program = &self.programs[self.program.load(Ordering::Relaxed) % self.programs.len()];
        let mut arguments = self.arguments().clone();
        if let Some(Change::Option(name, value)) = change {
            let at = arguments.iter().position(|argument| argument == name);
            match at {
                Some(at) => arguments[at + 1].clone_from(value),
                None => arguments.extend([(*name).to_owned(), value.clone()]),
            }
        }
        let mut command = match change {
            Some(Change::Descriptors(most)) => after(&format!("ulimit -n {most}"), program),
            Some(Change::Group(path)) => {
                after(&format!("echo $$ > '{}/cgroup.procs'", path.display()), program)
            }
            _ => Command::new(program),
        };
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if let Some(wall) = &self.wall {
            command.envs(wall.environment());
        }
        let mut spawn =
            || command.spawn().with_context(|| format!("cannot start {}", program.display()));
        *process = Some(match &self.network {
            Some(network) => network.within(self.i, spawn)?,
            None => spawn()?,
        });
        Ok(())
    }

    /// The next start runs the next build, the first after the last.
    pub fn change_program(&self) {
        self.program.fetch_add(1, Ordering::Relaxed);
    }

    /// Kills the process, and the power of its disk if it is of that kind; it is gone when this returns.
    pub fn kill(&self) -> Result<()> {
        if let Some(mut child) = self.process()?.take() {
            child.kill()?;
            child.wait()?;
            self.cut_power();
        }
        Ok(())
    }

    fn cut_power(&self) {
        if let Some(power) = &self.power {
            power.cut();
        }
    }

    /// Sends a signal, if there is a process.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if let Some(child) = &*self.process()? {
            // The child was not waited for, so its number still names it.
            kill_process(Pid::from_child(child), signal)?;
        }
        Ok(())
    }

    /// The number of the process, if there is one.
    pub fn pid(&self) -> Result<Option<u32>> {
        Ok(self.process()?.as_ref().map(Child::id))
    }

    /// Fails when the process has ended by itself.
    pub fn check_alive(&self) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!("the node at {} ended by itself ({status})\n{}", self.at.client, self.tail());
        }
        Ok(())
    }

    /// How the process ended, if it did since it was started.
    fn ended(&self) -> Result<Option<ExitStatus>> {
        let mut process = self.process()?;
        let Some(child) = &mut *process else { return Ok(None) };
        let ended = child.try_wait()?;
        if ended.is_some() {
            *process = None;
        }
        Ok(ended)
    }

    /// Waits for the process to end by itself; `None` when it did not in that time. The power of its disk
    /// goes with it.
    pub fn wait_ended(&self, limit: Duration) -> Result<Option<ExitStatus>> {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended()? {
                self.cut_power();
                return Ok(Some(status));
            }
            if Instant::now() > until {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it answers at all.
    pub fn answers(&self) -> bool {
        Connection::open(self.at.client, GLANCE)
            .and_then(|mut connection| connection.call(&["PING"]))
            .is_ok_and(|reply| matches!(reply, Reply::Simple(_)))
    }

    /// Writes to all parts of the key space.
    pub fn touch_all(&self) -> Result<()> {
        let mut connection = Connection::open(self.at.client, GLANCE)?;
        for i in 0..READY_KEYS {
            let key = format!("ready:{i}");
            match connection.call(&["SET", &key, "1"]).with_context(|| format!("SET {key}"))? {
                Reply::Simple(_) => {}
                other => bail!("SET {key}: {other:?}"),
            }
        }
        Ok(())
    }

    /// The largest sample of a family of its metrics, if it has any.
    pub fn largest(&self, family: &str) -> Result<Option<u64>> {
        let page = self.metrics()?;
        Ok(metrics::samples(&page, family).map(|(_, value)| value).max())
    }

    /// A page that it tells monitors, by its path.
    pub fn page(&self, path: &str) -> Result<String> {
        let http = self.at.http;
        metrics::page(http, path).with_context(|| format!("no {path} at {http}"))
    }

    /// Its metrics; none of a server that has none.
    pub fn metrics(&self) -> Result<String> {
        if !self.has_status {
            return Ok(String::new());
        }
        self.page("/metrics")
    }

    /// The cluster as this node sees it, for people.
    pub fn status(&self) -> String {
        if !self.has_status {
            return String::new();
        }
        let http = self.at.http.to_string();
        let output = Command::new(&self.programs[0]).args(["status", "--http", &http]).output();
        let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        output.unwrap_or_default()
    }

    /// The end of what the node logged.
    pub fn tail(&self) -> String {
        let text = self.logged();
        String::from_utf8_lossy(&text[text.len().saturating_sub(TAIL_LEN)..]).into_owned()
    }

    /// All that the node logged.
    pub fn logged(&self) -> Vec<u8> {
        std::fs::read(&self.log).unwrap_or_default()
    }

    fn process(&self) -> Result<MutexGuard<'_, Option<Child>>> {
        self.process.lock().map_err(|_| anyhow!("another thread failed at this node"))
    }
}

/// A program that begins when this word of the shell is done, as the same process.
fn after(word: &str, program: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{word} && exec \"$0\" \"$@\"")]).arg(program);
    shell
}
