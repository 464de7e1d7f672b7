//! A process that is no member of the cluster and would like to be taken for one.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::command;
use super::{Cluster, Program};
use crate::resp::{Connection, Reply};

/// How long one answer of it is waited for.
const ANSWER: Duration = Duration::from_millis(500);

/// A running stranger; it ends, and its files go, when this is dropped.
#[derive(Debug)]
pub struct Guest {
    at: command::Addresses,
    child: Child,
    data: PathBuf,
}

impl Guest {
    /// Starts a process with an empty directory beside the node `host`, as node `id`, with a list that names it at
    /// its own address and all others where they are.
    pub fn start(cluster: &Cluster, host: usize, id: usize) -> Result<Self> {
        let settings = &cluster.settings;
        let Program::Synod(programs) = &settings.program else {
            anyhow::bail!("Redis has no guests")
        };
        let at = command::guest(&cluster.addresses[host]);
        let mut all = cluster.addresses.clone();
        match all.get_mut(id - 1) {
            Some(named) => *named = at,
            None => all.push(at),
        }
        let data = settings.directory.join(format!("guest-{id}-at-{}", host + 1));
        let log = File::options()
            .create(true)
            .append(true)
            .open(settings.directory.join("guests.log"))?;
        let mut serve = Command::new(&programs[0]);
        serve.args(command::synod(settings, &data, id - 1, &all));
        serve.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut spawn = || serve.spawn().context("a guest cannot be started");
        let child = match &cluster.network {
            Some(network) => network.within(host, spawn)?,
            None => spawn()?,
        };
        Ok(Self { at, child, data })
    }

    /// What it says to a read and to a write, each an error as long as it serves nobody.
    pub fn tries(&self) -> [Option<Reply>; 2] {
        [&["GET", "ready:0"][..], &["SET", "ready:0", "guest"]].map(|request| {
            let connection = Connection::open(self.at.client, ANSWER);
            connection.and_then(|mut connection| connection.call(request)).ok()
        })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // One that has ended by itself is what was wanted, and what cannot be removed goes with the run.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}
