//! Scripts against a keyspace: what they see, what they answer, what they may not.

mod budgets;
mod errors;
mod functions;
mod recorded;
mod sandbox;
mod world;
