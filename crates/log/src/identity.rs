//! Whose data directory it is, and which: what a node has to know of itself before it speaks to anyone.
//!
//! ```text
//! DIR/node     format=3 node=1 workers=2 engine=raft incarnation=HEX cluster=HEX
//!              member=2 incarnation=HEX            whom it met before the cluster was founded, a line each
//!              crc=HEX
//! DIR/starts   starts=HEX processes=HEX,HEX.. crc=HEX   counted up in place by every start
//! ```
//!
//! The incarnation is drawn when the directory is made and never changes: whoever remembers it notices that the
//! directory was emptied. The count of starts is remembered by others too, so that a directory that was put back to
//! what it held some starts ago is noticed. So are the random numbers of the processes that the last starts were: two
//! directories that were copies of each other once differ in them from then on, however often either is started. Both
//! stand in a file of their own, of one sector, because it must be written on a full disk as well. Both files are read
//! strictly: what is not exactly as it would be written is damaged.

use crate::disk::{Disk, SECTOR_BYTES};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use synod_types::limits::{NODES_MAX, PAST_STARTS};
use synod_types::{ClusterId, Incarnation, NodeId};

/// The format of the whole data directory.
const FORMAT: u32 = 3;
const NODE: &str = "node";
const STARTS: &str = "starts";
/// The longest `node` file: one line for every member there can be.
const NODE_BYTES_MAX: u64 = 64 * (NODES_MAX as u64 + 4);

/// What the `node` file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The node that the directory belongs to.
    pub node: NodeId,
    /// How many workers it was made with.
    pub workers: u16,
    /// The name of the engine that its groups run on.
    pub engine: String,
    /// Which directory of that node it is.
    pub incarnation: Incarnation,
    /// The cluster it belongs to; 0 until it is founded.
    pub cluster: ClusterId,
    /// The incarnations of the members that it was to found the cluster with, this one included.
    pub roster: BTreeMap<NodeId, Incarnation>,
}

/// Why an identity cannot be had. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The operating system refused something.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The directory was made by another version of the program.
    #[error(
        "{} was made by a version of Synod with another disk format ({found}, this one writes {FORMAT}); start that \
         version on it, or give this one an empty directory",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The format it names.
        found: String,
    },
    /// The file does not hold what was written.
    #[error(
        "{} is damaged: without it this node cannot prove which member it is. Restore the data directory from a copy \
         that is not older than the node's last start, or remove it and let the node join again as a new member",
        .0.display()
    )]
    Damaged(PathBuf),
}

impl IdentityError {
    fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { path: path.clone(), source }
    }
}

impl Identity {
    fn encode(&self) -> String {
        let Self { node, workers, engine, incarnation, cluster, roster } = self;
        let mut text = format!(
            "format={FORMAT} node={node} workers={workers} engine={engine} incarnation={:016x} cluster={:016x}\n",
            incarnation.0, cluster.0
        );
        for (member, incarnation) in roster {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "member={member} incarnation={:016x}", incarnation.0);
        }
        sealed(text)
    }

    fn decode(text: &str) -> Option<Self> {
        let mut identity = Self::default();
        let mut lines = text.lines();
        let mut of_node = words(lines.next()?);
        identity.node = NodeId(of_node.remove("node")?.parse().ok()?);
        identity.workers = of_node.remove("workers")?.parse().ok()?;
        of_node.remove("engine")?.clone_into(&mut identity.engine);
        identity.incarnation = Incarnation(hex(of_node.remove("incarnation")?)?);
        identity.cluster = ClusterId(hex(of_node.remove("cluster")?)?);
        for line in lines.filter(|line| line.starts_with("member=")) {
            let mut of_member = words(line);
            let member = NodeId(of_member.remove("member")?.parse().ok()?);
            identity.roster.insert(member, Incarnation(hex(of_member.remove("incarnation")?)?));
        }
        (identity.encode() == text).then_some(identity)
    }

    /// Reads the identity of a directory; `None` if it has none yet.
    ///
    /// # Errors
    /// The file is damaged or cannot be read.
    pub fn read(disk: &dyn Disk, root: &Path) -> Result<Option<Self>, IdentityError> {
        let path = root.join(NODE);
        let text = match read_text(disk, &path, NODE_BYTES_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(IdentityError::Io { path, source }),
        };
        let text = text.ok_or_else(|| IdentityError::Damaged(path.clone()))?;
        // Earlier versions wrote one line.
        let line = text.strip_prefix("format=").filter(|_| text.lines().count() == 1);
        let found = line.and_then(|line| line.split_whitespace().next()).unwrap_or_default();
        if !found.is_empty() && found != FORMAT.to_string() {
            let found = found.to_owned();
            return Err(IdentityError::Version { path, found });
        }
        Self::decode(&text).map(Some).ok_or(IdentityError::Damaged(path))
    }

    /// Makes the identity durable in place of an earlier one. After an error either of them stands.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn write(&self, disk: &dyn Disk, root: &Path) -> io::Result<()> {
        replace(disk, root, NODE, &self.encode())
    }
}

/// The starts of a data directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    /// How many there were, the present one included.
    pub count: u64,
    /// The random number of the present process.
    pub process: u64,
    /// Those of the processes before it, the latest first; 0 where there was none, or none is known.
    pub past: [u64; PAST_STARTS],
}

impl Starts {
    /// One more, as this process.
    fn next(&self, process: u64) -> Self {
        let mut past = [self.process; PAST_STARTS];
        past[1..].copy_from_slice(&self.past[..PAST_STARTS - 1]);
        Self { count: self.count + 1, process, past }
    }

    fn encode(&self) -> String {
        let mut text = format!("starts={:016x} processes={:016x}", self.count, self.process);
        for process in self.past {
            // Writing to a string cannot fail.
            let _ = write!(text, ",{process:016x}");
        }
        text.push('\n');
        sealed(text)
    }

    fn decode(text: &str) -> Option<Self> {
        let mut words = words(text);
        let count = hex(words.remove("starts")?)?;
        let mut starts = Self { count, ..Self::default() };
        match words.remove("processes") {
            // Earlier versions kept the count alone.
            None => return (sealed(format!("starts={count:016x}\n")) == text).then_some(starts),
            Some(processes) => {
                let mut processes = processes.split(',').map(hex);
                starts.process = processes.next()??;
                for past in &mut starts.past {
                    *past = processes.next()??;
                }
            }
        }
        (count < u64::MAX && starts.encode() == text).then_some(starts)
    }
}

/// Counts a start of the node that the directory belongs to, durably, as this process; the first one is 1.
///
/// # Errors
/// The count is damaged, or the operating system refuses: the start does not count then.
pub fn count_start(disk: &dyn Disk, root: &Path, process: u64) -> Result<Starts, IdentityError> {
    let path = root.join(STARTS);
    let io = IdentityError::io(&path);
    if !disk.list(root).map_err(&io)?.iter().any(|name| name == STARTS) {
        replace(disk, root, STARTS, &Starts::default().encode()).map_err(&io)?;
    }
    let text = read_text(disk, &path, SECTOR_BYTES as u64).map_err(&io)?;
    let before = text.as_deref().and_then(Starts::decode);
    let before = before.ok_or_else(|| IdentityError::Damaged(path.clone()))?;
    let starts = before.next(process);
    let file = disk.open(&path).map_err(&io)?;
    file.write_all_at(starts.encode().as_bytes(), 0).map_err(&io)?;
    file.sync_data().map_err(&io)?;
    Ok(starts)
}

/// Gives a file its content at once: after a crash it has the old or the new one.
fn replace(disk: &dyn Disk, root: &Path, name: &str, text: &str) -> io::Result<()> {
    let new = root.join(format!("{name}.new"));
    let file = disk.create(&new)?;
    file.write_all_at(text.as_bytes(), 0)?;
    file.sync_data()?;
    drop(file);
    disk.rename(&new, &root.join(name))?;
    disk.sync_dir(root)
}

fn sealed(mut text: String) -> String {
    let crc = crc32c::crc32c(text.as_bytes());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "crc={crc:08x}");
    text
}

fn words(line: &str) -> BTreeMap<&str, &str> {
    line.split_whitespace().filter_map(|word| word.split_once('=')).collect()
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

/// The whole file; `None` where it is no text or too long.
fn read_text(disk: &dyn Disk, path: &Path, bytes_max: u64) -> io::Result<Option<String>> {
    let file = disk.open(path)?;
    let size = file.size()?;
    if size > bytes_max {
        return Ok(None);
    }
    // `bytes_max` is far below what a usize holds.
    let mut bytes = vec![0; size as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(String::from_utf8(bytes).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemDisk;

    fn some() -> Identity {
        Identity {
            node: NodeId(2),
            workers: 3,
            engine: "raft".into(),
            incarnation: Incarnation(0xabc),
            cluster: ClusterId(7),
            roster: [(NodeId(1), Incarnation(1)), (NodeId(2), Incarnation(0xabc))].into(),
        }
    }

    fn put(disk: &MemDisk, name: &str, bytes: &[u8]) {
        let file = disk.create(&Path::new("/d").join(name)).unwrap();
        file.write_all_at(bytes, 0).unwrap();
    }

    #[test]
    fn an_identity_is_read_as_it_was_written_and_every_flipped_bit_is_noticed() {
        let (disk, root) = (MemDisk::new(), Path::new("/d"));
        disk.create_dir_all(root).unwrap();
        assert_eq!(Identity::read(&disk, root).unwrap(), None);
        for identity in [Identity { roster: BTreeMap::new(), ..some() }, some()] {
            identity.write(&disk, root).unwrap();
            assert_eq!(Identity::read(&disk, root).unwrap(), Some(identity));
        }
        let sound = some().encode().into_bytes();
        for bit in 0..8 * sound.len() {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            put(&disk, NODE, &bytes);
            let error = Identity::read(&disk, root).unwrap_err();
            assert!(matches!(error, IdentityError::Damaged(_)), "bit {bit}: {error}");
        }
    }

    #[test]
    fn a_directory_of_an_earlier_version_is_refused_by_name() {
        let (disk, root) = (MemDisk::new(), Path::new("/d"));
        disk.create_dir_all(root).unwrap();
        put(&disk, NODE, b"format=2 node=2 workers=3\n");
        let error = Identity::read(&disk, root).unwrap_err().to_string();
        assert!(error.contains("another disk format (2, this one writes 3)"), "{error}");
    }

    #[test]
    fn starts_are_counted_and_a_damaged_count_is_no_count() {
        let (disk, root) = (MemDisk::new(), Path::new("/d"));
        disk.create_dir_all(root).unwrap();
        for nth in 1..4 {
            let starts = count_start(&disk, root, nth * 10).unwrap();
            assert_eq!((starts.count, starts.process), (nth, nth * 10));
            disk.crash(nth);
        }
        let third = Starts { count: 3, process: 30, past: [20, 10, 0, 0, 0, 0, 0] };
        let sound = third.encode().into_bytes();
        assert!(sound.len() <= SECTOR_BYTES);
        for bit in 0..8 * sound.len() {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            put(&disk, STARTS, &bytes);
            assert!(count_start(&disk, root, 40).is_err(), "bit {bit}");
        }
        for past in 3..20 {
            put(&disk, STARTS, &sound);
            (0..past).for_each(|n| _ = count_start(&disk, root, n).unwrap());
            let last = count_start(&disk, root, past).unwrap();
            assert_eq!(last.past[0], past - 1);
        }
    }

    #[test]
    fn the_count_of_an_earlier_version_goes_on() {
        let (disk, root) = (MemDisk::new(), Path::new("/d"));
        disk.create_dir_all(root).unwrap();
        put(&disk, STARTS, sealed("starts=0000000000000007\n".into()).as_bytes());
        let eighth = count_start(&disk, root, 80).unwrap();
        assert_eq!(eighth, Starts { count: 8, process: 80, past: [0; PAST_STARTS] });
        assert_eq!(count_start(&disk, root, 90).unwrap().past[..2], [80, 0]);
    }
}
