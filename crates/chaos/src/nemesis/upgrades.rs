//! Rolling restarts: one node after the other stops in peace and comes back as the other build.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::{Kind, Nemesis};

/// How long a node may take to stop, and to answer again, reading its log included.
const PATIENCE: Duration = Duration::from_secs(30);

impl Nemesis<'_> {
    pub(super) fn upgrade(&mut self) -> Result<()> {
        self.scene.count(Kind::Rolling);
        self.scene.write_down("a rolling restart".into());
        for i in 0..self.scene.cluster.len() {
            let _held = self.scene.hold([i]);
            // A node that has only just been started has no ear for SIGTERM yet, and ends by it.
            self.wait_answers(i)?;
            let node = self.scene.cluster.node(i);
            node.signal(Signal::TERM)?;
            match node.wait_ended(PATIENCE)? {
                Some(status) if status.success() => {}
                Some(status) => bail!("node {} was to stop: {status}\n{}", i + 1, node.tail()),
                None => bail!("node {} does not stop within {PATIENCE:?}\n{}", i + 1, node.tail()),
            }
            node.change_program();
            node.start()?;
            self.wait_answers(i)?;
        }
        self.scene.write_down("the rolling restart is over".into());
        Ok(())
    }

    pub(super) fn wait_answers(&self, i: usize) -> Result<()> {
        let (node, until) = (self.scene.cluster.node(i), Instant::now() + PATIENCE);
        while !node.answers() {
            node.check_alive()?;
            if Instant::now() > until {
                bail!("node {} does not answer within {PATIENCE:?}\n{}", i + 1, node.tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
