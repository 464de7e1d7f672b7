//! The world in which a node is real: sockets, threads, clocks and disks.
//!
//! Each worker is one thread with one event loop (`worker`), one log (`log_writer`, `gather`, `flush`), and one thread for
//! snapshot files (`files`). A turn of the loop gathers everything that is ready, steps the node once, and then writes: to
//! the peers, to the clients, to the log. While the disk is quick (`pace`) the worker writes and syncs the log itself at the
//! end of its turn; when it is not, a thread beside it does, and nothing in the loop waits for the disk.
//!
//! ```text
//! clients --\                    /-- sockets
//! peers   ---> worker: Node.turn ---- log: append and sync ------------> report, in the next turn
//! workers --/                    |--- or the flush thread does that ---\
//!                                \--- files thread: snapshots ----------> inbox of the worker
//! ```

mod aside;
mod basic;
mod clock;
mod config;
mod coordinator;
mod data_dir;
mod descriptors;
mod exit;
mod facts;
mod files;
mod flush;
mod gather;
mod http;
mod inbox;
mod inner;
mod join;
mod log_writer;
mod memory;
mod migrate;
mod pace;
mod recovery;
mod run;
mod space;
mod spin;
mod tls;
mod tuning;
mod worker;

pub use config::{
    Config, ConfigError, Durability, Engine, Explicit, Join, Password, REPLICAS_DEFAULT,
    WORKERS_MAX, ZookeeperListen, default_partitions,
};
pub use coordinator::TxSettings;
pub use data_dir::{is_made, remembered_cluster, remembered_workers};
pub use exit::{EX_IOERR, is_disk_error};
pub use memory::{available as available_memory, default_maxmemory};
pub use run::run;
pub use synod_coordinator::Allowed;
pub use synod_node::parse_memory;
pub use tls::{AuthClients, AuthUser, Caller, Talk, TlsSettings};
pub use tuning::{LogFlush, LogWrites, SPIN_US_DEFAULT, Tuning};
