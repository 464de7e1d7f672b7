//! The program that runs while the lock is held, with all processes that it starts.

use crate::settings::OF_AN_ELECTION;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

pub struct Program {
    child: Child,
    /// The group of its processes, which it leads.
    group: Pid,
}

impl Program {
    /// Starts it with the lock's name and the token in its environment.
    pub fn start(command: &[String], name: &str, token: i64) -> Result<Self> {
        let (program, args) = command.split_first().context("there is nothing to run")?;
        let child = Command::new(program)
            .args(args)
            .envs(OF_AN_ELECTION.into_iter().zip([name.to_owned(), token.to_string()]))
            .process_group(0)
            .spawn()
            .with_context(|| format!("{program} cannot be started"))?;
        let group = Pid::from_child(&child);
        Ok(Self { child, group })
    }

    /// The exit code, once it has ended; as a shell tells it after a signal.
    pub fn ended(&mut self) -> Result<Option<u8>> {
        let status = self.child.try_wait().context("the program cannot be watched")?;
        Ok(status.map(code))
    }

    /// Asks it to stop, and kills what is left of it at a moment.
    pub fn stop(&mut self, kill_at: Instant) -> Result<()> {
        // A group that is gone already needs no signal.
        let _ = kill_process_group(self.group, Signal::TERM);
        while self.ended()?.is_none() && Instant::now() < kill_at {
            std::thread::sleep(LOOK);
        }
        let _ = kill_process_group(self.group, Signal::KILL);
        self.child.wait().context("the program cannot be watched")?;
        Ok(())
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Program {
        let command = ["sh", "-c", script].map(str::to_owned);
        Program::start(&command, "name", 7).unwrap()
    }

    fn end(program: &mut Program) -> u8 {
        loop {
            if let Some(code) = program.ended().unwrap() {
                return code;
            }
            std::thread::sleep(LOOK);
        }
    }

    #[test]
    fn it_finds_its_token_and_its_exit_code_is_passed_on() {
        assert_eq!(end(&mut start("test $SYNOD_LOCK = name && exit $SYNOD_TOKEN")), 7);
        assert_eq!(end(&mut start("kill -9 $$")), 137);
        assert!(Program::start(&["/no/such/program".to_owned()], "name", 7).is_err());
    }

    #[test]
    fn it_is_stopped_though_it_does_not_want_to() {
        let folder = tempfile::tempdir().unwrap();
        let deaf = folder.path().join("deaf");
        let script = format!("trap '' TERM; : > {}; while :; do sleep 1; done", deaf.display());
        let mut program = start(&script);
        while !deaf.exists() {
            std::thread::sleep(LOOK);
        }
        program.stop(Instant::now()).unwrap();
        assert_eq!(end(&mut program), 137);
    }
}
