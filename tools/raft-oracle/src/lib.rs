//! The project's Raft beside the published `raft` crate (TiKV's): the same thing is done to both, and what
//! came of it is compared.
//!
//! | module | brings |
//! |---|---|
//! | [`member`] | what both can do, in one vocabulary |
//! | [`ours`], [`theirs`] | a member that runs the one or the other |
//! | [`cluster`] | a group of either, its network, what it decided, and what can be compared of it |
//! | [`schedule`] | random elections, proposals, cuts, crashes, snapshots and changes of membership |
//!
//! The comparisons stand in `tests/`. Where the two disagree on purpose, docs/testing.md has the reason.

pub mod cluster;
pub mod member;
pub mod ours;
pub mod schedule;
pub mod theirs;
