//! Which node holds which partition: consistent hashing, placement, and the cluster map.
//!
//! [`hashing`] says who gets a key and [`placement`] who holds a partition: a library of their own, of nothing but nodes,
//! weights and zones (docs/ring.md). [`ClusterMap`] remembers what was decided. The map is the state machine of the metadata
//! group: every node applies the same [`MetaCommand`]s and so every node holds the same map.

mod cluster_map;
pub mod hashing;
mod merge;
mod meta_codec;
pub mod placement;
mod replacement;
mod reshape;
mod reshape_codec;
mod sizing;
mod split;

pub use cluster_map::{
    ADDR_BYTES_MAX, Applied, ClusterMap, MetaCommand, NodeInfo, PartitionInfo, Rejected,
    split_host_port,
};
pub use merge::{Absorbed, Merge};
pub use replacement::Replacement;
pub use reshape::{Place, Reshape};
pub use sizing::Weight;
pub use split::{Birth, EPOCH_OF_CHILD, Split};
