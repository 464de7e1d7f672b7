//! Starts that differ from the one before: with options that contradict the cluster, at another address.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{Kind, Nemesis};
use crate::cluster::Change;

/// How long a node may take to notice that it was told something else than its cluster.
const DECIDE: Duration = Duration::from_secs(30);
/// The exit status of a node whose options make no sense.
const EX_USAGE: i32 = 2;

impl Nemesis<'_> {
    /// Starts a node with an option that says something else than what the cluster was made with.
    pub(super) fn contradict(&mut self, i: usize) -> Result<()> {
        self.end_lasting()?;
        let node = self.scene.cluster.node(i);
        if !node.has_status() {
            return Ok(());
        }
        let (option, value) = match self.dice.range(0, 3) {
            0 => ("--partitions", "1000".to_owned()),
            1 if self.scene.cluster.len() > 1 => ("--replicas", "1".to_owned()),
            _ if self.scene.cluster.len() > 1 => ("--initial-cluster", node.list_with_another()),
            _ => ("--partitions", "999".to_owned()),
        };
        self.scene.count(Kind::Contradiction);
        self.scene.write_down(format!("node {} is started with {option} {value}", i + 1));
        self.scene.cluster.kill(i)?;
        let before = node.logged().len();
        node.start_with(Some(&Change::Option(option, value)))?;
        let Some(status) = node.wait_ended(DECIDE)? else {
            bail!("node {} takes another {option}\n{}", i + 1, node.tail());
        };
        let said = node.logged().split_off(before);
        let said = String::from_utf8_lossy(&said);
        if status.code() != Some(EX_USAGE) || !said.contains(option) {
            bail!("with another {option} node {} ended with {status} and said: {said}", i + 1);
        }
        self.scene.cluster.start(i)
    }

    /// A node comes back at another address for its peers; nobody tells them.
    pub(super) fn move_house(&mut self, i: usize) -> Result<()> {
        self.end_lasting()?;
        let node = self.scene.cluster.node(i);
        self.scene.count(Kind::Address);
        self.scene.write_down(format!("node {} moves to its other address", i + 1));
        self.scene.cluster.kill(i)?;
        node.move_house();
        self.scene.cluster.start(i)?;
        self.wait_member(i)
    }
}
