//! Judges what clients saw, after a run in which nodes were killed, cut off or paused.
//!
//! A run records a [`Operation`] per request: when it was called, when and how it came back, or that
//! nobody knows what became of it. The checkers then ask whether one correct, unreplicated server could
//! have given those answers. The simulator and the rig for real processes use the same checkers.
//!
//! | module | asks | cost |
//! |---|---|---|
//! | [`linear`] | could one server have answered all this, in an order that respects real time? | exponential at worst, bounded by a budget |
//! | [`durable`] | is every acknowledged write there at the end, and nothing that was refused? | linear |
//! | [`monotonic`] | does a counter that only grows ever appear to shrink? | n log n |
//! | [`set_full`] | is a member that was acknowledged or seen in every later read? | reads times members |
//! | [`bank`] | do transfers keep the total in every read, and overdraw nobody? | linear |
//! | [`ring`] | is a ring that is rewired all the time still one ring? | linear |
//! | [`expiry`] | do values live as long as they were given, as far as clocks can tell? | square of one key's operations |
//!
//! [`format`] is the file that a history is kept in. Nothing here knows a clock, a file or a thread.

pub mod bank;
pub mod durable;
pub mod expiry;
pub mod format;
mod history;
pub mod linear;
pub mod model;
pub mod monotonic;
pub mod ring;
pub mod set_full;

pub use history::{Input, Kind, Operation, Outcome, Output, Value};
