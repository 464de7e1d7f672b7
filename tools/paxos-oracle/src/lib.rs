//! A group of the project's Multi-Paxos and a group of the published `omnipaxos` go through the same cuts, crashes and
//! proposals.
//!
//! The two elect by different rules, so that *who* leads is not compared, as it is for Raft. What has to be the same is what
//! the paper promises: whenever some member reaches a majority, however the network is torn otherwise, the group decides; else it
//! does not. And what was decided stays decided, in one order, everywhere.

pub mod cluster;
pub mod member;
pub mod ours;
mod storage;
pub mod theirs;
