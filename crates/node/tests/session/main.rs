//! Nodes driven purely: what clients send and what they are answered, as scripts.

mod scan;
mod script;
mod scripts;
mod views;
mod world;
