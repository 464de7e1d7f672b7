//! A simulated world in which the nodes that ship run through trouble: one seed decides everything.
//!
//! ```text
//!  schedule (what goes wrong) --> machines (disk, clocks, process: Node + Wal + files)
//!                                   |  turn, flush, files: the duties of `synod_worker`, as they ship
//!  clients --requests--> machines --frames--> network --frames--> machines
//!     |                             |
//!     history --> checkers          oracle (rules that hold at every moment)
//! ```
//!
//! [`run`] takes a world through two phases: trouble, of kinds drawn from the seed; then healing, in which every
//! client must be served, every replica must become equal, and everything acknowledged must be there.
//!
//! Nothing here asks a clock, a random source or a hash map's order, so a seed is a test case.

mod addresses;
mod client;
pub mod commit;
mod damage;
mod depose;
mod faults;
mod gate;
mod healing;
mod health;
mod identity;
mod inbox;
mod machine;
mod members;
mod minimise;
mod network;
mod oracle;
pub mod page;
mod params;
mod plan;
#[cfg(synod_plants)]
pub mod plants;
mod points;
mod promise;
mod queues;
mod random;
mod schedule;
mod shape;
mod telling;
mod trace;
mod turn;
mod world;

pub use faults::{Fault, Faults, UnknownFault};
pub use healing::run;
pub use minimise::{Minimised, Trial, minimise};
pub use params::{Failure, Outcome, Params, Workload};
pub use plan::{NoSuchStrike, Strike, Struck};
pub use points::{CrashPoint, CrashPoints, Place, Side};
pub use trace::{Fate, Item, Trace};
pub use world::events_begun;
