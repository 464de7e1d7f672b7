//! The keyspace from outside: one program, so that it is linked once.

mod commands;
mod element_scan;
mod garbage;
mod hash_fields;
mod long_values;
mod properties;
mod script;
mod transactions;
mod watched;
