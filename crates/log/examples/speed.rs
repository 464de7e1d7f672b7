//! How fast a log is written and read back: `cargo run --release -p synod-log --example speed -- DIR`.
//! DIR must be empty; what is written there stays.

#![allow(clippy::disallowed_methods)] // This measures time; the log itself knows none.

use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use synod_log::{Batch, Options, RealDisk, Wal};
use synod_types::{Entry, EntryKind, Index, PartitionId, Term};

const ENTRIES: u64 = 1_000_000;
const PAYLOAD_BYTES: usize = 94;
const GROUPS: u64 = 16;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("say in which directory")?;
    let open = || Wal::open(Arc::new(RealDisk), Path::new(&dir), Options::default(), &mut |_| {});
    for per_batch in [100, 1000] {
        write(&mut open()?.0, per_batch)?;
    }
    for _ in 0..3 {
        let start = Instant::now();
        let (wal, recovered) = open()?;
        let entries: usize = recovered.groups.values().map(|group| group.entries.len()).sum();
        println!("read {entries} entries, {} MB in {:?}", wal.bytes() / 1_000_000, start.elapsed());
    }
    Ok(())
}

fn write(wal: &mut Wal, per_batch: u64) -> Result<(), Box<dyn std::error::Error>> {
    let mut batch = Batch::new();
    let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
    let (start, mut syncs) = (Instant::now(), 0);
    for group in 0..GROUPS {
        batch.remove_group(PartitionId(group as u32));
    }
    for n in 0..ENTRIES {
        let entry = Entry {
            term: Term(1),
            index: Index(n / GROUPS + 1),
            kind: EntryKind::Commands,
            payload: payload.clone(),
        };
        batch.entry(PartitionId((n % GROUPS) as u32), &entry);
        if (n + 1) % per_batch == 0 {
            wal.append(&mut batch)?;
            wal.sync()?;
            syncs += 1;
        }
    }
    wal.release()?;
    println!("wrote {ENTRIES} entries with {syncs} syncs in {:?}", start.elapsed());
    Ok(())
}
