//! The world in which a node is real: sockets, threads, clocks and disks.
//!
//! Each worker is one thread with one event loop (`worker`), one log behind a flush thread (`gather`, `flush`), and one
//! thread for snapshot files (`files`). A turn of the loop gathers everything that is ready, steps the node once,
//! and then writes: to the log, to the peers, to the clients. Nothing on that path waits for a disk.
//!
//! ```text
//! clients --\                    /-- flush thread: append, fdatasync --\
//! peers   ---> worker: Node.turn ---- files thread: snapshots ----------> inbox of the worker
//! workers --/                    \-- sockets
//! ```

mod clock;
mod config;
mod data_dir;
mod descriptors;
mod exit;
mod facts;
mod files;
mod flush;
mod gather;
mod http;
mod inbox;
mod memory;
mod recovery;
mod run;
mod space;
mod worker;

pub use config::{
    Config, ConfigError, Durability, Engine, Explicit, REPLICAS_DEFAULT, WORKERS_MAX,
    default_partitions,
};
pub use data_dir::{is_made, remembered_workers};
pub use exit::{EX_IOERR, is_disk_error};
pub use memory::default_maxmemory;
pub use run::run;
pub use synod_node::parse_memory;
