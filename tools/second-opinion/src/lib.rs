//! Whether the project's own checkers are right, asked of people who do not know them.
//!
//! `crates/checker` decides whether an acknowledged write was lost. If it were blind, every run of the
//! simulator would be green. So two published checkers judge the same histories: `porcupine-rs` (a search
//! for a linearization, after Athalye's Porcupine) and `adya` (cycles among transactions, after Elle).
//! Where two judges disagree, one is wrong, and the history tells which.
//!
//! | module | brings |
//! |---|---|
//! | [`execution`] | histories of a real, sequential server whose clients overlap |
//! | [`tampering`] | the same with a lie in them |
//! | [`porcupine`] | the verdict of porcupine-rs |
//! | [`samples`] | the histories that Porcupine is published with |
//! | [`transactions`] | transactions over several lists, real ones and wrong ones |
//! | [`isolation`] | the verdict of adya on them |
//! | [`translation`] | what clients of the simulator saw, as transactions for adya |
//!
//! The comparisons themselves stand in `tests/`.

pub mod execution;
pub mod isolation;
pub mod porcupine;
pub mod samples;
pub mod tampering;
pub mod transactions;
pub mod translation;
