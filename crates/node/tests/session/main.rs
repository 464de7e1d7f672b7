//! Nodes driven purely: what clients send and what they are answered, as scripts.

// A test says what is wrong by failing.
#![allow(clippy::unwrap_used)]

mod chance;
mod grow;
mod long_replies;
mod merge;
mod retiring;
mod room;
mod scan;
mod script;
mod scripts;
mod snapshots;
mod views;
mod world;
