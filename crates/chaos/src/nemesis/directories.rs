//! Data directories that are lost, put back to what they were, or somebody else's.
//!
//! A member is its id *and* its directory. One that lost it has forgotten what it promised, so it must neither vote nor
//! acknowledge until the cluster has taken it in as a new member; one that was put back has forgotten just as much.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Kind, Nemesis};
use crate::cluster::Guest;
use crate::resp::Reply;

/// Fewer nodes have no majority without one of them.
const NODES_MIN: usize = 3;
/// How long a new member may take until it votes, while others are killed.
const TAKEN_IN: Duration = Duration::from_secs(90);
/// How long others may take to notice that a directory is an older one.
const NOTICED: Duration = Duration::from_secs(20);
/// What they say about it.
const OLDER: &str = "older copy";
/// How often one looks.
const LOOK: Duration = Duration::from_millis(100);

impl Nemesis<'_> {
    /// A node loses its directory while it is down.
    pub(super) fn wipe(&mut self, i: usize) -> Result<()> {
        if !self.can_do_without(i)? {
            return Ok(());
        }
        self.scene.count(Kind::Wipe);
        self.scene.cluster.kill(i)?;
        self.dice.sleep(0, 1_000);
        self.begin_anew(i)
    }

    /// A node's directory is put back to what it was some seconds and one start ago.
    pub(super) fn put_back(&mut self, i: usize) -> Result<()> {
        if !self.can_do_without(i)? {
            return Ok(());
        }
        let (cluster, node) = (self.scene.cluster, self.scene.cluster.node(i));
        let copy = self.scene.schedule.directory.join(format!("copy-of-{}", i + 1));
        cluster.kill(i)?;
        copy_all(node.data(), &copy)?;
        cluster.start(i)?;
        self.wait_member(i)?;
        self.dice.sleep(500, 2_000);
        self.scene.count(Kind::Older);
        self.scene.write_down(format!("the directory of node {} is put back", i + 1));
        cluster.kill(i)?;
        empty(node.data())?;
        copy_all(&copy, node.data())?;
        fs::remove_dir_all(&copy)?;
        // Whoever watches over it starts it again and again.
        for _ in 0..self.dice.range(1, 4) {
            cluster.start(i)?;
            self.wait_refused(i)?;
            cluster.kill(i)?;
        }
        self.begin_anew(i)
    }

    /// A process that is no member wants to be taken for one, beside node `host`.
    pub(super) fn invite(&mut self, host: usize) -> Result<()> {
        let cluster = self.scene.cluster;
        if cluster.len() < NODES_MIN {
            return Ok(());
        }
        let id = self.dice.index(cluster.len() + 1) + 1;
        self.scene.count(Kind::Stranger);
        self.scene.write_down(format!("a stranger says that it is node {id}"));
        let guest = Guest::start(cluster, host, id)?;
        let until = Instant::now() + Duration::from_millis(self.dice.range(1_000, 4_000));
        while Instant::now() < until {
            for reply in guest.tries().into_iter().flatten() {
                if !matches!(reply, Reply::Error(_)) {
                    bail!("a stranger that says that it is node {id} answered {reply:?}");
                }
            }
            std::thread::sleep(LOOK);
        }
        self.scene.write_down("the stranger is gone".into());
        Ok(())
    }

    /// Whether the others can go on without a node. Waits until nothing else is wrong, kills apart: with a majority cut
    /// off nobody could be taken in.
    fn can_do_without(&mut self, i: usize) -> Result<bool> {
        if self.scene.cluster.len() < NODES_MIN {
            return Ok(false);
        }
        self.end_lasting()?;
        self.wait_member(i)?;
        Ok(true)
    }

    /// Starts a node that is down with an empty directory, and waits until it is a member.
    fn begin_anew(&mut self, i: usize) -> Result<()> {
        let node = self.scene.cluster.node(i);
        empty(node.data()).context("a directory cannot be emptied")?;
        self.scene.write_down(format!("node {} begins with an empty directory", i + 1));
        self.scene.cluster.start(i)?;
        let began = Instant::now();
        self.wait_member(i)?;
        let took = began.elapsed();
        self.scene.write_down(format!("node {} is a member again after {took:?}", i + 1));
        Ok(())
    }

    /// Waits until a node serves, and nobody is about to be replaced as it knows.
    pub(super) fn wait_member(&self, i: usize) -> Result<()> {
        let (node, until) = (self.scene.cluster.node(i), Instant::now() + TAKEN_IN);
        loop {
            node.check_alive()?;
            let page = node.page("/status").unwrap_or_default();
            let is_member =
                page.contains("\"serving\": true") && page.contains("\"replacing\": []");
            if is_member && node.touch_all().is_ok() && self.scene.keeps_up(i) {
                return Ok(());
            }
            if Instant::now() > until {
                let (told, log) = (node.status(), node.tail());
                bail!("node {} is no member after {TAKEN_IN:?}\n{told}{log}", i + 1);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until another node says that the directory of this one is an older copy; it must not serve meanwhile.
    fn wait_refused(&self, i: usize) -> Result<()> {
        let cluster = self.scene.cluster;
        let others: Vec<_> = (0..cluster.len()).filter(|at| *at != i).collect();
        let said = |at: &usize| {
            String::from_utf8_lossy(&cluster.node(*at).logged()).matches(OLDER).count()
        };
        let before: usize = others.iter().map(said).sum();
        let until = Instant::now() + NOTICED;
        loop {
            if cluster.node(i).touch_all().is_ok() {
                bail!("node {} serves with an older copy of its directory", i + 1);
            }
            if others.iter().map(said).sum::<usize>() > before {
                self.scene.write_down(format!("node {} is known for an older copy", i + 1));
                return Ok(());
            }
            if Instant::now() > until {
                let log = cluster.node(i).tail();
                bail!("nobody said that node {} has an older copy\n{log}", i + 1);
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Removes what is in a directory, durably.
fn empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.is_dir() {
            true => fs::remove_dir_all(path)?,
            false => fs::remove_file(path)?,
        }
    }
    File::open(directory)?.sync_all()
}

/// Copies what is in a directory, durably.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let place = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_all(&path, &place)?;
        } else {
            // Through a buffer: the run's own disk knows no other way.
            fs::write(&place, fs::read(&path)?)?;
            File::open(&place)?.sync_all()?;
        }
    }
    File::open(to)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_copied_and_emptied_whole() {
        let root = std::env::temp_dir().join(format!("synod-copy-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        fs::create_dir_all(from.join("worker-0/wal")).unwrap();
        fs::write(from.join("node"), "who").unwrap();
        fs::write(from.join("worker-0/wal/1.wal"), [7; 3_000]).unwrap();
        copy_all(&from, &to).unwrap();
        empty(&from).unwrap();
        assert!(fs::read_dir(&from).unwrap().next().is_none());
        assert_eq!(fs::read(to.join("node")).unwrap(), b"who");
        assert_eq!(fs::read(to.join("worker-0/wal/1.wal")).unwrap(), [7; 3_000]);
        fs::remove_dir_all(&root).unwrap();
    }
}
