//! Which node holds which partition: consistent hashing, placement, and the cluster map.
//!
//! [`hash_ring`] decides, [`ClusterMap`] remembers. The map is the state machine of the metadata
//! group: every node applies the same [`MetaCommand`]s and so every node holds the same map.

mod cluster_map;
pub mod hash_ring;
mod meta_codec;
mod replacement;

pub use cluster_map::{
    ADDR_BYTES_MAX, Applied, ClusterMap, MetaCommand, NodeInfo, PartitionInfo, Rejected,
    split_host_port,
};
pub use replacement::Replacement;
