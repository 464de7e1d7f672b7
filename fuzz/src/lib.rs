//! The fuzz targets as plain functions of bytes, and inputs to start from.
//!
//! A target panics when the code under test breaks a promise; whatever else it does is fine. The same
//! functions run under libFuzzer (`cargo xtask fuzz`, or `cargo +nightly fuzz run <target>`; one file each
//! in fuzz_targets/) and under the plain driver of tests/smoke.rs (`cargo test --no-default-features`
//! in this folder), which finds less and needs nothing but the Rust toolchain.

pub mod connection;
pub mod log;
pub mod node;
pub mod peer;
pub mod resp;
pub mod state;
pub mod zookeeper;

/// One target.
pub struct Target {
    /// As its file in fuzz_targets/ is called.
    pub name: &'static str,
    /// What it does with an input.
    pub run: fn(&[u8]),
    /// Inputs that reach far into the code.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "resp_requests", run: resp::requests, seeds: resp::request_seeds },
    Target { name: "resp_replies", run: resp::replies, seeds: resp::reply_seeds },
    Target { name: "connections", run: connection::pieces, seeds: connection::seeds },
    Target { name: "peer_frames", run: peer::frames, seeds: peer::frame_seeds },
    Target { name: "peer_hello", run: peer::hello, seeds: peer::hello_seeds },
    Target { name: "node_frames", run: node::frames, seeds: node::seeds },
    Target { name: "consensus_messages", run: peer::messages, seeds: peer::message_seeds },
    Target { name: "log_records", run: log::records, seeds: log::record_seeds },
    Target { name: "log_recovery", run: log::recovery, seeds: log::recovery_seeds },
    Target { name: "log_snapshots", run: log::snapshots, seeds: log::snapshot_seeds },
    Target { name: "log_identity", run: log::identity, seeds: log::identity_seeds },
    Target { name: "state_commands", run: state::commands, seeds: state::command_seeds },
    Target { name: "state_snapshots", run: state::snapshots, seeds: state::snapshot_seeds },
    Target { name: "state_operations", run: state::operations, seeds: state::operation_seeds },
    Target { name: "state_cluster_map", run: state::cluster_map, seeds: state::cluster_map_seeds },
    Target {
        name: "zookeeper_connection",
        run: zookeeper::connection,
        seeds: zookeeper::connection_seeds,
    },
    Target { name: "zookeeper_tree", run: zookeeper::tree, seeds: zookeeper::tree_seeds },
];

/// Writes the seeds of a target into the corpus folder named on the command line, if there is one.
/// libFuzzer calls this before it reads the folder.
pub fn plant_seeds(name: &str) {
    let folder = std::env::args().skip(1).map(std::path::PathBuf::from).find(|path| path.is_dir());
    let Some(folder) = folder else { return };
    for target in TARGETS.iter().filter(|target| target.name == name) {
        for (i, seed) in (target.seeds)().iter().enumerate() {
            // Fuzzing without them works too.
            let _ = std::fs::write(folder.join(format!("seed-{i}")), seed);
        }
    }
}
