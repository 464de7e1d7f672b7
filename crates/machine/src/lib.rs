//! What a partition replicates: deterministic machines over the same slots, with one log and one snapshot.
//!
//! A *machine* is state that changes only by operations which the log has committed. The keyspace is one, the
//! cluster map is one, a tree of znodes is one. A replica holds a set of them and reads nothing of an operation but
//! its machine's number ([`Operation`]); what the body means is known to the machine and to the gate that wrote it.
//!
//! Equal operations make equal machines: everything that could differ between replicas, time and randomness, is in the
//! [`Context`], which the leader decided. [`Machine::digest`] is how replicas are compared.

mod context;
pub mod digest;
pub mod hashing;
mod machine;
mod operation;

pub use context::Context;
pub use machine::{Machine, Restore};
pub use operation::{MachineId, Operation, put_operation};
