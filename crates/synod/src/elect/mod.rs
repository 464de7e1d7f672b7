//! `synod elect NAME -- COMMAND...`: runs a program on one of many machines, the one that holds the lock.
//!
//! ```text
//!             granted, and renewed once                 the program ends by itself
//!  waiting ----------------------------> leading --------------------------------> done: the lock is given back
//!     ^                                     |
//!     |   the lease is over, or cannot be   |
//!     +------ renewed before it is ---------+  the program is stopped first
//! ```
//!
//! The lease is reckoned from the moment in which its newest renewal was *sent*, so the program is told to stop, and then
//! killed, before anybody else can be granted the lock. That holds as long as this process runs; for when it is stopped
//! itself there is the token, which the program finds in its environment and sends along with its writes.

mod connection;
mod program;

use crate::calls::CallOptions;
use crate::settings::Address;
use crate::signals::stop_flag;
use anyhow::{Result, bail};
use connection::{Answer, Connection};
use program::Program;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use synod_server::Password;

/// How long one request stands in line before it is made anew, so that a dead node is noticed.
const WAIT_MS: u64 = 30_000;
/// How long it waits when no node can be reached.
const RETRY: Duration = Duration::from_millis(300);
/// How often the program is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Whom to ask, for which lock, and what to run.
#[derive(clap::Args, Debug)]
pub struct ElectOptions {
    /// The lock's name
    name: String,

    /// Nodes to ask, any of the cluster; the next one when one does not answer
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', default_value = "127.0.0.1:6379")]
    connect: Vec<Address>,

    #[command(flatten)]
    calls: CallOptions,

    /// How long the lease is, in milliseconds; after so long somebody else takes over from a machine that died
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1_000..=86_400_000))]
    ttl: u64,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// One who stands for election.
struct Candidate<'a> {
    options: &'a ElectOptions,
    stop: Arc<AtomicBool>,
    connection: Option<Connection>,
    /// What the nodes ask for, if anything.
    password: Option<Password>,
    /// Which of the nodes is asked next.
    next: usize,
}

/// How leading ended.
enum End {
    /// The program ended by itself, with this code.
    Program(u8),
    /// The lease is over or will be; the program was stopped.
    Lost,
    /// This process was told to stop, and has stopped the program.
    Stopped,
}

/// Stands for election until the program has run and ended by itself; its exit code.
pub fn run(options: &ElectOptions) -> Result<ExitCode> {
    options.calls.begin()?;
    let (stop, password) = (stop_flag()?, crate::client::password()?);
    let mut candidate = Candidate { options, stop, connection: None, password, next: 0 };
    loop {
        let Some(token) = candidate.wait()? else { return Ok(ExitCode::SUCCESS) };
        match candidate.lead(token)? {
            End::Program(code) => {
                candidate.release(token);
                return Ok(ExitCode::from(code));
            }
            End::Stopped => {
                candidate.release(token);
                return Ok(ExitCode::SUCCESS);
            }
            End::Lost => eprintln!("synod elect: {} with token {token} is lost", options.name),
        }
    }
}

impl Candidate<'_> {
    fn ttl(&self) -> Duration {
        Duration::from_millis(self.options.ttl)
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Asks any node that answers, until a moment; `None` when none did, or this process was told to stop.
    fn ask(&mut self, args: &[&str], until: Instant) -> Option<Answer> {
        while !self.is_stopping() && Instant::now() < until {
            if self.connection.is_none() {
                let address = &self.options.connect[self.next % self.options.connect.len()];
                self.next += 1;
                let patience = (until - Instant::now()).min(self.ttl() / 8);
                self.connection = Connection::open(&address.to_string(), patience).ok();
                if let Some(refused) = self.log_in(until) {
                    return Some(refused);
                }
            }
            let stop = || self.stop.load(Ordering::Relaxed);
            match self.connection.as_mut().map(|connection| connection.ask(args, until, &stop)) {
                Some(Ok(answer)) if !answer.is_passing() => return Some(answer),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => self.connection = None,
            }
            std::thread::sleep(RETRY.min(until.saturating_duration_since(Instant::now())));
        }
        None
    }

    /// Logs in on a new connection; why not, if the password is wrong.
    fn log_in(&mut self, until: Instant) -> Option<Answer> {
        let (connection, password) = (self.connection.as_mut()?, self.password.as_ref()?);
        let stop = || self.stop.load(Ordering::Relaxed);
        match connection.log_in(password, until, &stop) {
            Ok(Answer::Error(text)) if text.starts_with("WRONGPASS") => Some(Answer::Error(text)),
            // A cluster without a password says that it has none.
            Ok(_) => None,
            Err(_) => {
                self.connection = None;
                None
            }
        }
    }

    /// Stands in line until the lock is granted; `None` when this process was told to stop.
    fn wait(&mut self) -> Result<Option<i64>> {
        let (ttl, wait) = (self.options.ttl.to_string(), WAIT_MS.to_string());
        let name = self.options.name.clone();
        while !self.is_stopping() {
            let until = Instant::now() + Duration::from_millis(WAIT_MS + 5_000);
            match self.ask(&["LOCK", "ACQUIRE", &name, &ttl, "WAIT", &wait], until) {
                Some(Answer::Number(token)) => return Ok(Some(token)),
                Some(Answer::Error(text)) => bail!("the lock {name} is refused: {text}"),
                // It waited in vain, or the connection is of no use while an answer may be on its way.
                Some(Answer::Null | Answer::Done) => {}
                None => self.connection = None,
            }
        }
        Ok(None)
    }

    /// Runs the program for as long as the lock is held.
    fn lead(&mut self, token: i64) -> Result<End> {
        // The grant may be older than its lease by now: only a renewal says from when on it counts.
        let Some(mut good_until) = self.renew(token, Instant::now() + self.ttl() / 2) else {
            return Ok(if self.is_stopping() { End::Stopped } else { End::Lost });
        };
        eprintln!("synod elect: {} is held with token {token}", self.options.name);
        let mut program = Program::start(&self.options.command, &self.options.name, token)?;
        let ttl = self.ttl();
        let mut renew_at = Instant::now() + ttl / 4;
        loop {
            if let Some(code) = program.ended()? {
                return Ok(End::Program(code));
            }
            if self.is_stopping() {
                program.stop(good_until - ttl / 20)?;
                return Ok(End::Stopped);
            }
            if Instant::now() >= renew_at {
                let last = good_until - ttl / 4;
                match self.renew(token, last) {
                    Some(until) => good_until = until,
                    None if self.is_stopping() => continue,
                    None => {
                        program.stop(good_until - ttl / 20)?;
                        return Ok(End::Lost);
                    }
                }
                renew_at = Instant::now() + ttl / 4;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Renews the lease, trying until a moment; until when it is good then.
    fn renew(&mut self, token: i64, until: Instant) -> Option<Instant> {
        let (name, ttl) = (self.options.name.clone(), self.options.ttl.to_string());
        let token = token.to_string();
        while Instant::now() < until {
            let sent = Instant::now();
            let patience = (sent + self.ttl() / 8).min(until);
            match self.ask(&["LOCK", "RENEW", &name, &token, &ttl], patience) {
                Some(Answer::Number(1)) => return Some(sent + self.ttl()),
                Some(_) => return None,
                None if self.is_stopping() => return None,
                None => self.connection = None,
            }
        }
        None
    }

    /// Gives the lock back, so that the next one need not wait for the end of the lease.
    fn release(&mut self, token: i64) {
        self.stop.store(false, Ordering::Relaxed);
        let (name, token) = (self.options.name.clone(), token.to_string());
        let until = Instant::now() + self.ttl() / 8;
        // Without an answer the lease ends by itself.
        let _ = self.ask(&["LOCK", "RELEASE", &name, &token], until);
    }
}
