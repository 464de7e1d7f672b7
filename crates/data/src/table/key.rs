//! The rows of the commands on keys of any kind.

use super::{Command, Flags, Group};
use crate::commands::key::*;
use crate::table::command::{Read, Write};

const FAST: Flags = Flags::FAST;

const fn read(name: &'static str, arity: i16, run: Read) -> Command {
    Command::read(Group::Generic, name, arity, run)
}

const fn write(name: &'static str, arity: i16, run: Write) -> Command {
    Command::write(Group::Generic, name, arity, run)
}

#[rustfmt::skip] // one command per line or two: this is a table
pub(super) const ROWS: &[Command] = &[
    write("copy", -3, copy::copy).flags(Flags::DENYOOM).keys(1, 2, 1)
        .about("6.2.0", "Copies a value to another key."),
    write("del", -2, del::del).keys(1, -1, 1)
        .about("1.0.0", "Deletes keys."),
    read("exists", -2, exists::exists).flags(FAST).keys(1, -1, 1)
        .about("1.0.0", "How many of the keys exist."),
    write("expire", -3, expire::expire).flags(FAST)
        .about("1.0.0", "Lets a key expire after some seconds."),
    write("expireat", -3, expire::expireat).flags(FAST)
        .about("1.2.0", "Lets a key expire at a Unix time in seconds."),
    read("expiretime", 2, ttl::expiretime).flags(FAST)
        .about("7.0.0", "The Unix time in seconds at which a key expires."),
    // MEMORY USAGE and OBJECT name their key second; their other subcommands have none.
    Command::read(Group::Server, "memory", -2, memory::memory).keys(2, 2, 1)
        .about("4.0.0", "Tells what a key takes in memory."),
    read("object", -2, object::object).keys(2, 2, 1)
        .about("2.2.3", "Tells how a value is stored."),
    write("persist", 2, expire::persist).flags(FAST)
        .about("2.2.0", "Takes the expiry from a key."),
    write("pexpire", -3, expire::pexpire).flags(FAST)
        .about("2.6.0", "Lets a key expire after some milliseconds."),
    write("pexpireat", -3, expire::pexpireat).flags(FAST)
        .about("2.6.0", "Lets a key expire at a Unix time in milliseconds."),
    read("pexpiretime", 2, ttl::pexpiretime).flags(FAST)
        .about("7.0.0", "The Unix time in milliseconds at which a key expires."),
    read("pttl", 2, ttl::pttl).flags(FAST)
        .about("2.6.0", "The milliseconds a key has left."),
    write("rename", 3, rename::rename).keys(1, 2, 1)
        .about("1.0.0", "Moves a value to another key, whatever was there."),
    write("renamenx", 3, rename::renamenx).flags(FAST).keys(1, 2, 1)
        .about("1.0.0", "Moves a value to another key, if that does not exist."),
    read("touch", -2, exists::exists).flags(FAST).keys(1, -1, 1)
        .about("3.2.1", "How many of the keys exist."),
    read("ttl", 2, ttl::ttl).flags(FAST)
        .about("1.0.0", "The seconds a key has left."),
    read("type", 2, kind::kind).flags(FAST)
        .about("1.0.0", "The type of the value at a key."),
    write("unlink", -2, del::del).flags(FAST).keys(1, -1, 1)
        .about("4.0.0", "Deletes keys."),
];
