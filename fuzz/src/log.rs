//! What a node finds on its disk.

use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use synod_log::record::{self, Change, RecordError};
use synod_log::snapshot::{self, SnapshotError, SnapshotReader, SnapshotWriter};
use synod_log::{Batch, Disk, Identity, MemDisk, OpenError, Options, Wal};
use synod_types::{
    ClusterId, Entry, EntryKind, HardState, Incarnation, Index, Membership, NodeId, PartitionId,
    SnapshotMeta, Term,
};

/// Records: first the bytes as they are, then with both checksums made right, so that what is behind
/// them is reached too.
pub fn records(input: &[u8]) {
    read_record(input);
    let mut sealed = input.to_vec();
    if sealed.len() < record::HEADER_BYTES {
        return;
    }
    let (header, payload) = sealed.split_at_mut(record::HEADER_BYTES);
    header[24..28].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    header[28..32].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let crc = crc32c::crc32c(&header[..32]);
    header[32..36].copy_from_slice(&crc.to_le_bytes());
    sealed.resize(sealed.len().next_multiple_of(8), 0);
    let read = read_record(&sealed);
    assert!(matches!(read, None | Some(RecordError::Kind | RecordError::Form)), "{read:?}");
}

fn read_record(bytes: &[u8]) -> Option<RecordError> {
    let (header, payload, len) = match record::decode(bytes) {
        Ok(record) => record,
        Err(error) => return Some(error),
    };
    assert!(len <= bytes.len() && payload.len() < len);
    Change::decode(&header, payload).err()
}

const GROUP: PartitionId = PartitionId(1);
const DIR: &str = "wal";

/// Recovery: a log is written, its files are damaged, and the log is opened again. That is refused, or
/// what comes back was written once: no entry is ever made up.
///
/// Of each four bytes of the input the first says what to do; from the first that says "damage" on, the
/// rest is damage.
pub fn recovery(input: &[u8]) {
    let disk = MemDisk::new();
    let options = Options { segment_bytes: 4096, direct: false };
    let mut steps = input.chunks_exact(4).map(|s| [s[0], s[1], s[2], s[3]]);
    let mut written = Vec::new();
    let damage = match write_log(&disk, options, &mut steps, &mut written) {
        Some(damage) => damage,
        None => return open_and_compare(&disk, options, &written, true),
    };
    for [_, file, at, change] in std::iter::once(damage).chain(steps) {
        damage_file(&disk, file, at, change);
    }
    open_and_compare(&disk, options, &written, false);
}

/// Does what the steps say up to the first damage, which is returned.
fn write_log(
    disk: &MemDisk,
    options: Options,
    steps: &mut impl Iterator<Item = [u8; 4]>,
    written: &mut Vec<Entry>,
) -> Option<[u8; 4]> {
    let opened = Wal::open(Arc::new(disk.clone()), Path::new(DIR), options, &mut |_| {});
    let (mut wal, _) = opened.expect("an empty directory is a log");
    let mut next = Index(1);
    let mut term = Term(1);
    for step in steps.take(64) {
        let mut batch = Batch::new();
        match step[0] % 8 {
            0..=3 => {
                for _ in 0..=step[1] % 4 {
                    let payload = Bytes::from(vec![step[2]; usize::from(step[3]) * 4]);
                    let entry = Entry { term, index: next, kind: EntryKind::Commands, payload };
                    batch.entry(GROUP, &entry);
                    written.push(entry);
                    next = next.next();
                }
            }
            4 => {
                term = term.next();
                let floor =
                    if term.0.is_multiple_of(3) { (term, Index(7)) } else { Default::default() };
                let state = HardState { term, vote: NodeId(2), commit: Index(0), floor };
                batch.hard_state(GROUP, &state);
            }
            5 if next.0 > 1 => {
                let membership = Membership::of_voters(vec![NodeId(1), NodeId(2)]);
                let index = next.prev();
                let term = written.last().map_or(term, |entry| entry.term);
                batch.snapshot(GROUP, &SnapshotMeta { index, term, membership });
            }
            6 => {
                let _ = wal.release();
                continue;
            }
            7 => return Some(step),
            _ => continue,
        }
        wal.append(&mut batch).expect("a sound batch is taken");
        if step[1] & 0x80 != 0 {
            wal.sync().expect("a sound disk syncs");
            wal.mark_durable().expect("a sound disk writes");
        }
    }
    None
}

fn damage_file(disk: &MemDisk, file: u8, at: u8, change: u8) {
    let files = disk.files();
    let Some(path) = files.get(usize::from(file) % files.len().max(1)) else { return };
    disk.damage(path, |contents| {
        let at = usize::from(at) * 16 % contents.len().max(1);
        match change {
            0 => contents.truncate(at),
            1 => contents.truncate(contents.len() / 2),
            2..=9 => contents[at..].iter_mut().take(512).for_each(|byte| *byte = 0),
            change => contents.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= change),
        }
    });
}

fn open_and_compare(disk: &MemDisk, options: Options, written: &[Entry], sound: bool) {
    match Wal::open(Arc::new(disk.clone()), Path::new(DIR), options, &mut |_| {}) {
        Ok((_, recovered)) => {
            let Some(group) = recovered.groups.get(&GROUP) else { return };
            for entry in &group.entries {
                assert!(written.contains(entry), "an entry that nobody wrote: {entry:?}");
            }
            let first = group.snapshot.index.next();
            assert!(group.entries.iter().zip(first.0..).all(|(entry, at)| entry.index.0 == at));
            if sound && let Some(last) = written.last() {
                let end = group.entries.last().map_or(group.snapshot.index, |entry| entry.index);
                assert_eq!(end, last.index, "a sound log gives everything back");
            }
        }
        Err(OpenError::Damaged(_) | OpenError::Version { .. }) if !sound => {}
        Err(error) => panic!("{error}"),
    }
}

/// Snapshot files: the parts of the format on the bytes as they are, and a file written in chunks, then
/// damaged, then read: what comes back is what was written, as far as it comes back.
///
/// The input's first byte says how long chunks are, the next eight bytes are damage in the manner of
/// [`recovery`], the rest is content.
pub fn snapshots(input: &[u8]) {
    let _ = snapshot::decode_header(input);
    let _ = snapshot::decode_chunk_header(input);
    let _ = snapshot::decode_trailer(input);
    let Some(([chunk_bytes, damage @ ..], content)) = input.split_first_chunk::<9>() else {
        return;
    };
    let disk = MemDisk::new();
    let chunks: Vec<&[u8]> = content.chunks(usize::from(*chunk_bytes).max(1)).collect();
    write_snapshot(&disk, &chunks).expect("a sound disk takes a snapshot");
    for damage in damage.chunks_exact(4).filter(|damage| damage[0] % 8 == 7) {
        damage_file(&disk, damage[1], damage[2], damage[3]);
    }
    match read_snapshot(&disk, &chunks) {
        Ok(()) => {}
        Err(SnapshotError::Damaged { .. }) if damage.iter().any(|byte| *byte != 0) => {}
        Err(error) => panic!("{error}"),
    }
}

fn write_snapshot(disk: &MemDisk, chunks: &[&[u8]]) -> Result<(), SnapshotError> {
    let membership = Membership::of_voters(vec![NodeId(1), NodeId(2)]);
    let meta = SnapshotMeta { index: Index(9), term: Term(2), membership };
    let mut writer = SnapshotWriter::create(Arc::new(disk.clone()), Path::new(DIR), GROUP, &meta)?;
    for chunk in chunks {
        writer.chunk(chunk)?;
    }
    writer.finish().map(drop)
}

fn read_snapshot(disk: &MemDisk, chunks: &[&[u8]]) -> Result<(), SnapshotError> {
    let Some(mut reader) = SnapshotReader::open(disk, Path::new(DIR), GROUP)? else {
        return Ok(());
    };
    let mut written = chunks.iter();
    while let Some(chunk) = reader.next_chunk()? {
        assert_eq!(written.next(), Some(&&chunk[..]), "a chunk that nobody wrote");
    }
    assert!(written.next().is_none(), "the end came early and nobody said so");
    Ok(())
}

/// One record of each kind.
pub fn record_seeds() -> Vec<Vec<u8>> {
    let entry = Entry {
        term: Term(2),
        index: Index(3),
        kind: EntryKind::Commands,
        payload: Bytes::from_static(b"commands"),
    };
    let membership = Membership::of_voters(vec![NodeId(1), NodeId(2)]);
    let floor = (Term(2), Index(9));
    let state = HardState { term: Term(2), vote: NodeId(1), commit: Index(2), floor };
    let meta = SnapshotMeta { index: Index(9), term: Term(2), membership };
    let mut seeds = vec![Vec::new(); 4];
    record::put_entry(&mut seeds[0], GROUP, &entry);
    record::put_hard_state(&mut seeds[1], GROUP, &state);
    record::put_snapshot(&mut seeds[2], GROUP, &meta);
    record::put_removed(&mut seeds[3], GROUP);
    // A checkpoint, as far as its payload can be guessed from outside.
    let mut checkpoint = vec![0; record::HEADER_BYTES + 80];
    checkpoint[0] = 5;
    seeds.push(checkpoint);
    seeds
}

/// Logs of a few segments, sound and damaged.
pub fn recovery_seeds() -> Vec<Vec<u8>> {
    let entries = [0, 0x83, 7, 200];
    let long = [entries, [4, 0, 0, 0], entries, entries, [5, 0x80, 0, 0], entries, [6, 0, 0, 0]];
    let sound = long.concat();
    let with = |damage: [u8; 4]| [&sound[..], &damage].concat();
    vec![
        sound.clone(),
        with([7, 0, 40, 1]),
        with([7, 1, 60, 0]),
        with([7, 1, 60, 5]),
        with([7, 0, 33, 0x80]),
        [entries, [7, 0, 3, 255]].concat(),
    ]
}

/// Sound and damaged files.
pub fn snapshot_seeds() -> Vec<Vec<u8>> {
    let with = |damage: [u8; 4]| {
        [&[20][..], &damage, &[0, 0, 0, 0], b"some chunks of a snapshot of twenty bytes each"]
            .concat()
    };
    vec![
        with([0, 0, 0, 0]),
        with([7, 0, 5, 0]),
        with([7, 0, 6, 0x20]),
        with([7, 0, 1, 5]),
        with([7, 0, 9, 1]),
    ]
}

/// Who a node is: what can be read is written the same way again, and a start that cannot be counted is none.
pub fn identity(input: &[u8]) {
    let (disk, root) = (MemDisk::new(), Path::new(DIR));
    disk.create_dir_all(root).expect("a sound disk takes a directory");
    for name in ["node", "starts"] {
        let file = disk.create(&root.join(name)).expect("a sound disk takes a file");
        file.write_all_at(input, 0).expect("a sound disk writes");
    }
    if let Ok(Some(identity)) = Identity::read(&disk, root) {
        identity.write(&disk, root).expect("a sound disk writes");
        assert_eq!(contents(&disk, &root.join("node")), input);
    }
    let _it_may_be_damaged = synod_log::count_start(&disk, root, 1);
}

/// An identity as a founded node has it, and a count of starts.
pub fn identity_seeds() -> Vec<Vec<u8>> {
    let (disk, root) = (MemDisk::new(), Path::new(DIR));
    disk.create_dir_all(root).expect("a sound disk takes a directory");
    let identity = Identity {
        node: NodeId(2),
        workers: 3,
        engine: "raft".into(),
        incarnation: Incarnation(0xabc),
        cluster: ClusterId(7),
        roster: [(NodeId(1), Incarnation(1)), (NodeId(2), Incarnation(0xabc))].into(),
    };
    identity.write(&disk, root).expect("a sound disk writes");
    synod_log::count_start(&disk, root, 1).expect("a first start is counted");
    ["node", "starts"].iter().map(|name| contents(&disk, &root.join(name))).collect()
}

fn contents(disk: &MemDisk, path: &Path) -> Vec<u8> {
    let file = disk.open(path).expect("the file is there");
    let mut bytes = vec![0; file.size().expect("a sound disk knows sizes") as usize];
    file.read_exact_at(&mut bytes, 0).expect("a sound disk reads");
    bytes
}
