//! Files that hold something else than what was written: one bit, flipped while the node is down.
//!
//! The node must refuse to start and name the file, or serve nothing wrong, which the checkers judge. The
//! others go on. Afterwards the bit is put back, as from a copy of the disk.
//!
//! The end of the log is spared: there a flipped bit cannot be told from a write that a crash tore
//! (docs/log-format.md), and losing what the last batches acknowledged is then the right thing for one node
//! and beyond what a majority can make good for two.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Kind, Nemesis};
use crate::dice::Dice;

/// How much of the end of the log is spared, in bytes; many batches.
const SPARED: u64 = 256 << 10;
/// How long a node may take to say whether it starts.
const DECIDE: Duration = Duration::from_secs(30);
/// What is read at a time, in bytes.
const PIECE: usize = 1 << 20;

/// A bit that is not what it was.
#[derive(Debug)]
struct Flip {
    file: PathBuf,
    offset: u64,
    wrong: u8,
    right: u8,
}

impl Nemesis<'_> {
    pub(super) fn damage(&mut self, node: usize) -> Result<()> {
        self.scene.cluster.kill(node)?;
        let flip = Flip::draw(self.scene.cluster.node(node).data(), &mut self.dice)
            .with_context(|| format!("node {}'s files cannot be damaged", node + 1))?;
        let Some(flip) = flip else { return self.scene.cluster.start(node) };
        self.scene.count(Kind::Damage);
        flip.write(flip.wrong)?;
        let (file, offset) = (flip.file.display(), flip.offset);
        self.scene.write_down(format!("a bit of {file} is flipped at {offset}"));
        let refused = self.try_start(node, &flip)?;
        self.scene.deeds().damage_refused += u64::from(refused);
        let how = if refused { "refuses to start" } else { "serves" };
        self.scene.write_down(format!("node {} {how}", node + 1));
        self.dice.sleep(0, 2_000);
        self.scene.cluster.kill(node)?;
        flip.take_back()?;
        self.scene.cluster.start(node)
    }

    /// Whether the node refuses; it must say which file it refuses.
    fn try_start(&self, node: usize, flip: &Flip) -> Result<bool> {
        let node = self.scene.cluster.node(node);
        let before = node.logged().len();
        node.start()?;
        let until = Instant::now() + DECIDE;
        while Instant::now() < until {
            if let Some(status) = node.wait_ended(Duration::from_millis(50))? {
                let said = node.logged().split_off(before);
                let said = String::from_utf8_lossy(&said).into_owned();
                let name = flip.file.file_name().unwrap_or_default().to_string_lossy();
                if status.success() || status.code().is_none() || !said.contains(&*name) {
                    bail!("on damage in {name} the node ended with {status} and said: {said}");
                }
                return Ok(true);
            }
            if node.answers() {
                return Ok(false);
            }
        }
        bail!("on damage the node neither starts nor ends within {DECIDE:?}\n{}", node.tail())
    }
}

impl Flip {
    /// A bit of one of the files under `data`; `None` if there is nothing to flip.
    fn draw(data: &Path, dice: &mut Dice) -> io::Result<Option<Self>> {
        let mut files = Vec::new();
        collect(data, &mut files)?;
        files.sort_unstable();
        let last = files.iter().rposition(|file| is_segment(file));
        let mut places = Vec::new();
        for (i, file) in files.into_iter().enumerate() {
            let spared = if Some(i) == last { SPARED } else { 0 };
            let len = end_of_content(&File::open(&file)?)?.saturating_sub(spared);
            if len > 0 {
                places.push((file, len));
            }
        }
        if places.is_empty() {
            return Ok(None);
        }
        let (file, len) = places.swap_remove(dice.index(places.len()));
        let offset = dice.range(0, len);
        let mut byte = [0];
        File::open(&file)?.read_exact_at(&mut byte, offset)?;
        let wrong = byte[0] ^ (1 << dice.index(8));
        Ok(Some(Self { file, offset, wrong, right: byte[0] }))
    }

    fn write(&self, byte: u8) -> io::Result<()> {
        let file = File::options().write(true).open(&self.file)?;
        file.write_all_at(&[byte], self.offset)?;
        file.sync_all()
    }

    /// Puts the bit back, if the file is still there and the node has not written over it.
    fn take_back(&self) -> io::Result<()> {
        let mut byte = [0];
        let read = File::open(&self.file).and_then(|f| f.read_exact_at(&mut byte, self.offset));
        match read {
            Ok(()) if byte[0] == self.wrong => self.write(self.right),
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn is_segment(file: &Path) -> bool {
    file.extension().is_some_and(|kind| kind == "wal")
}

/// Segments of the log and snapshots.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if is_segment(&path) || path.extension().is_some_and(|kind| kind == "snap") {
            files.push(path);
        }
    }
    Ok(())
}

/// Behind the last byte that is not zero: segments are filled with zeros before they are written.
fn end_of_content(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut piece = vec![0; PIECE];
    while end > 0 {
        let start = end.saturating_sub(PIECE as u64);
        // At most PIECE, so it fits.
        let part = &mut piece[..(end - start) as usize];
        file.read_exact_at(part, start)?;
        if let Some(last) = part.iter().rposition(|byte| *byte != 0) {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_flipped_and_put_back() {
        let directory = std::env::temp_dir().join(format!("synod-flip-{}", std::process::id()));
        let wal = directory.join("worker-0/wal");
        fs::create_dir_all(&wal).unwrap();
        let (old, last) = (wal.join("1.wal"), wal.join("2.wal"));
        let mut content = vec![7; 3_000];
        content.resize(2 * PIECE, 0);
        fs::write(&old, &content).unwrap();
        // All of it is spared.
        fs::write(&last, &content).unwrap();
        fs::write(wal.join("next.tmp"), &content).unwrap();
        for seed in 0..20 {
            let flip = Flip::draw(&directory, &mut Dice::new(seed, 0)).unwrap().unwrap();
            assert!(flip.file == old && flip.offset < 3_000, "{flip:?}");
            flip.write(flip.wrong).unwrap();
            assert_ne!(fs::read(&old).unwrap(), content);
            flip.take_back().unwrap();
            assert_eq!(fs::read(&old).unwrap(), content);
        }
        fs::remove_file(&old).unwrap();
        assert!(Flip::draw(&directory, &mut Dice::new(1, 0)).unwrap().is_none());
        fs::remove_dir_all(&directory).unwrap();
    }
}
