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
        .about("6.2.0", "Copies the value of a key to a new key."),
    write("del", -2, del::del).keys(1, -1, 1)
        .about("1.0.0", "Deletes one or more keys."),
    read("exists", -2, exists::exists).flags(FAST).keys(1, -1, 1)
        .about("1.0.0", "Determines whether one or more keys exist."),
    write("expire", -3, expire::expire).flags(FAST)
        .about("1.0.0", "Sets the expiration time of a key in seconds."),
    write("expireat", -3, expire::expireat).flags(FAST)
        .about("1.2.0", "Sets the expiration time of a key to a Unix timestamp."),
    read("expiretime", 2, ttl::expiretime).flags(FAST)
        .about("7.0.0", "Returns the expiration time of a key as a Unix timestamp."),
    // MEMORY USAGE and OBJECT name their key second; their other subcommands have none.
    read("memory", -2, memory::memory).keys(2, 2, 1)
        .about("4.0.0", "A container for memory diagnostics commands."),
    read("object", -2, object::object).keys(2, 2, 1)
        .about("2.2.3", "A container for object introspection commands."),
    write("persist", 2, expire::persist).flags(FAST)
        .about("2.2.0", "Removes the expiration time of a key."),
    write("pexpire", -3, expire::pexpire).flags(FAST)
        .about("2.6.0", "Sets the expiration time of a key in milliseconds."),
    write("pexpireat", -3, expire::pexpireat).flags(FAST)
        .about("2.6.0", "Sets the expiration time of a key to a Unix milliseconds timestamp."),
    read("pexpiretime", 2, ttl::pexpiretime).flags(FAST)
        .about("7.0.0", "Returns the expiration time of a key as a Unix milliseconds timestamp."),
    read("pttl", 2, ttl::pttl).flags(FAST)
        .about("2.6.0", "Returns the expiration time in milliseconds of a key."),
    write("rename", 3, rename::rename).keys(1, 2, 1)
        .about("1.0.0", "Renames a key and overwrites the destination."),
    write("renamenx", 3, rename::renamenx).flags(FAST).keys(1, 2, 1)
        .about("1.0.0", "Renames a key only when the target key name doesn't exist."),
    read("touch", -2, exists::exists).flags(FAST).keys(1, -1, 1)
        .about("3.2.1", "Returns the number of existing keys out of those specified after updating the time they were last accessed."),
    read("ttl", 2, ttl::ttl).flags(FAST)
        .about("1.0.0", "Returns the expiration time in seconds of a key."),
    read("type", 2, kind::kind).flags(FAST)
        .about("1.0.0", "Determines the type of value stored at a key."),
    write("unlink", -2, del::del).flags(FAST).keys(1, -1, 1)
        .about("4.0.0", "Asynchronously deletes one or more keys."),
];
