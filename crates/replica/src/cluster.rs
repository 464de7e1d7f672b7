//! The cluster map as the machine of the metadata group.

use synod_data::digest::mix;
use synod_machine::{Context, Machine, MachineId, Restore};
use synod_ring::{Applied, ClusterMap, MetaCommand};
use synod_types::ReplySink;

/// Members and partitions. A body is one [`MetaCommand`].
#[derive(Debug, Default)]
pub(crate) struct ClusterMachine {
    map: ClusterMap,
    /// The whole map as it was when the snapshot began; it is one chunk.
    snapshot: Option<Vec<u8>>,
}

impl ClusterMachine {
    pub fn map(&self) -> &ClusterMap {
        &self.map
    }

    fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.map.encode(&mut bytes);
        bytes
    }
}

impl Machine for ClusterMachine {
    fn id(&self) -> MachineId {
        MachineId::CLUSTER_MAP
    }

    fn apply(&mut self, body: &[u8], _: &Context, out: &mut dyn ReplySink) {
        match MetaCommand::decode(body) {
            Some(command) => match self.map.apply(command) {
                // Whoever asked waits until this epoch is known where it is.
                Ok(Applied::Users(deleted)) => {
                    out.array(2);
                    out.integer(self.map.epoch as i64);
                    out.integer(deleted as i64);
                }
                Ok(_) => out.simple("OK"),
                Err(rejected) => out.error(&format!("ERR {rejected}")),
            },
            None => out.error("ERR malformed metadata command"),
        }
    }

    fn read(&self, _: &[u8], _: &Context, out: &mut dyn ReplySink) {
        out.error("ERR the cluster map has no reading operation");
    }

    fn snapshot_begin(&mut self) {
        self.snapshot = Some(self.encoded());
    }

    fn snapshot_next(&mut self, _: usize) -> Option<Vec<u8>> {
        self.snapshot.take()
    }

    fn snapshot_cancel(&mut self) {
        self.snapshot = None;
    }

    fn digest(&self) -> u64 {
        self.encoded().iter().fold(0, |hash, byte| mix(hash, u64::from(*byte)))
    }
}

/// A map being read back.
#[derive(Debug, Default)]
pub(crate) struct ClusterRestorer(Vec<u8>);

impl Restore for ClusterRestorer {
    type Machine = ClusterMachine;

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self) -> Result<ClusterMachine, String> {
        match ClusterMap::decode(&self.0) {
            Some(map) => Ok(ClusterMachine { map, snapshot: None }),
            None => Err("not a cluster map".to_owned()),
        }
    }
}
