//! The snapshot files of the tiny world: in memory, and never lost.

use std::collections::BTreeMap;
use synod_node::{Destination, FileWork, Node};
use synod_replica::Loader;
use synod_types::{NodeId, PartitionId, SnapshotMeta};

/// All snapshots of one worker.
#[derive(Default)]
pub struct Files {
    /// Chunks, each behind its length, that are not the whole yet.
    written: BTreeMap<PartitionId, Vec<u8>>,
    whole: BTreeMap<PartitionId, (SnapshotMeta, Vec<u8>)>,
    received: BTreeMap<PartitionId, Vec<u8>>,
}

/// A frame for another node.
pub type Sent = (Destination, Vec<u8>);

impl Files {
    /// Does what a node asked for; a frame, if that is the answer.
    pub fn work(&mut self, node: &mut Node, work: FileWork) -> Option<Sent> {
        match work {
            FileWork::Discard(_) => {}
            FileWork::Write { group, chunk } => {
                let file = self.written.entry(group).or_default();
                if !chunk.bytes.is_empty() {
                    file.extend_from_slice(&(chunk.bytes.len() as u32).to_le_bytes());
                    file.extend_from_slice(&chunk.bytes);
                }
                if chunk.last {
                    let file = self.written.remove(&group).unwrap_or_default();
                    self.whole.insert(group, (chunk.meta.clone(), file));
                    node.snapshot_written(group, chunk.meta);
                }
            }
            FileWork::Serve { group, to, meta, offset } => {
                return self.serve(group, to, &meta, offset);
            }
            FileWork::Receive { group, meta } => {
                self.received.insert(group, Vec::new());
                node.snapshot_progress(group, &meta, 0, false);
            }
            FileWork::Store { group, meta, total, bytes, .. } => {
                let file = self.received.get_mut(&group).expect("it was begun");
                file.extend_from_slice(&bytes);
                let complete = file.len() as u64 >= total;
                node.snapshot_progress(group, &meta, file.len() as u64, complete);
                if complete {
                    let state = load(group, file);
                    node.snapshot_loaded(group, meta, state);
                }
            }
        }
        None
    }

    fn serve(
        &self,
        group: PartitionId,
        to: NodeId,
        meta: &SnapshotMeta,
        offset: u64,
    ) -> Option<Sent> {
        let (whole, file) = self.whole.get(&group)?;
        if (whole.index, whole.term) != (meta.index, meta.term) {
            return None;
        }
        let mut frame = Vec::new();
        Node::encode_chunk(
            &mut frame,
            group,
            meta,
            offset,
            file.len() as u64,
            &file[offset as usize..],
        );
        Some((Destination { node: to, worker: 0 }, frame))
    }
}

fn load(group: PartitionId, mut file: &[u8]) -> synod_replica::State {
    let mut loader = match group {
        PartitionId::META => Loader::meta(),
        _ => Loader::data(),
    };
    while let Some((len, rest)) = file.split_first_chunk::<4>() {
        let (chunk, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        loader.chunk(chunk).expect("a chunk of our own");
        file = rest;
    }
    loader.finish().expect("a whole snapshot")
}
