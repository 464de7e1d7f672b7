//! Everything that one worker of one node is, without the world around it.
//!
//! A node holds replicas, client sessions and what it knows of its peers. Its world (the server, or the
//! simulator) tells it what happened during a turn and then asks what is to be done:
//!
//! 1. `begin_turn(now)`;
//! 2. any number of `request`, `frame`, `persisted`, `snapshot_*`, `peer_*`, `open_session`, ... ; `tick` every
//!    [`TICK_MS`];
//! 3. `end_turn()`, which proposes what was gathered and applies what is committed;
//! 4. drain [`Node::output`]: hand `persist` to the log in order, deliver or lose `frames`, write the
//!    output of `dirty` sessions to their sockets, do the `files` work, and offer `resumed` sessions their
//!    unconsumed requests again.
//!
//! Invariants:
//! - Replies of one session leave in the order of its requests.
//! - A write whose fate is not known is never sent a second time.
//! - A request is not served where an earlier one of its connection to the same partition was refused.
//! - Nothing here knows a clock, a socket or a file.

mod answers;
mod attempts;
mod authority;
mod bootstrap;
mod certificates;
mod clients;
mod colleagues;
mod commands;
mod config;
mod contenders;
mod counted;
mod desk;
mod engines;
mod errand;
mod everywhere;
mod fence;
mod fetches;
mod forward;
mod founding;
mod groups;
mod guests;
mod heats;
mod identity;
mod leaders;
mod local;
mod members;
mod memory;
mod merge;
mod migrations;
mod monitor;
mod node;
mod notifications;
mod order;
mod others;
mod output;
mod peers;
mod planner;
mod pubsub;
mod queues;
mod redirect;
mod replace;
mod requests;
mod reshape;
mod room;
mod roster;
mod routing;
mod settings;
mod sizing;
mod slots;
mod snapshots;
mod split;
mod status;
mod steps;
mod submit;
mod tracking;
mod transactions;
mod turn;
mod under_way;
mod unrouted;
mod waits;
mod warm;

pub use certificates::Certificates;
pub use config::{NodeConfig, RecoveredGroup};
pub use founding::RecoveredMap;
pub use migrations::{Migrated, Migration};
pub use node::Node;
pub use output::{CallOutcome, Destination, FileWork, Log, Output};
pub use queues::Queues;
pub use replace::Knocking;
pub use settings::{Setting, Settings, parse_memory};
pub use status::{Counters, GroupStatus, NodeStatus, PeerLag, not_serving};
pub use synod_consensus::Protocol;
pub use synod_machine::hashing::seed_hashes;
pub use synod_redis::{Facts, Flow, Histogram, Ready};
pub use turn::TICK_MS;
