//! The rows of the hash commands.

use super::{Command, Flags, Group};
use crate::commands::hash::*;
use crate::table::command::{Read, Write};

const FAST: Flags = Flags::FAST;
const OOM_FAST: Flags = Flags::DENYOOM.and(Flags::FAST);

const fn read(name: &'static str, arity: i16, run: Read) -> Command {
    Command::read(Group::Hash, name, arity, run)
}

const fn write(name: &'static str, arity: i16, run: Write) -> Command {
    Command::write(Group::Hash, name, arity, run)
}

#[rustfmt::skip] // one command per line or two: this is a table
pub(super) const ROWS: &[Command] = &[
    write("hdel", -3, hdel::hdel).flags(FAST)
        .about("2.0.0", "Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain."),
    read("hexists", 3, hexists::hexists).flags(FAST)
        .about("2.0.0", "Determines whether a field exists in a hash."),
    read("hget", 3, hget::hget).flags(FAST)
        .about("2.0.0", "Returns the value of a field in a hash."),
    read("hgetall", 2, hgetall::hgetall)
        .about("2.0.0", "Returns all fields and values in a hash."),
    write("hincrby", 4, hincrby::hincrby).flags(OOM_FAST)
        .about("2.0.0", "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist."),
    write("hincrbyfloat", 4, hincrbyfloat::hincrbyfloat).flags(OOM_FAST)
        .about("2.6.0", "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist."),
    read("hkeys", 2, hgetall::hkeys)
        .about("2.0.0", "Returns all fields in a hash."),
    read("hlen", 2, hlen::hlen).flags(FAST)
        .about("2.0.0", "Returns the number of fields in a hash."),
    read("hmget", -3, hmget::hmget).flags(FAST)
        .about("2.0.0", "Returns the values of all fields in a hash."),
    write("hmset", -4, hset::hmset).flags(OOM_FAST)
        .about("2.0.0", "Sets the values of multiple fields."),
    read("hrandfield", -2, hrandfield::hrandfield)
        .about("6.2.0", "Returns one or more random fields from a hash."),
    read("hscan", -3, hscan::hscan)
        .about("2.8.0", "Iterates over fields and values of a hash."),
    write("hset", -4, hset::hset).flags(OOM_FAST)
        .about("2.0.0", "Creates or modifies the value of a field in a hash."),
    write("hsetnx", 4, hsetnx::hsetnx).flags(OOM_FAST)
        .about("2.0.0", "Sets the value of a field in a hash only when the field doesn't exist."),
    read("hstrlen", 3, hstrlen::hstrlen).flags(FAST)
        .about("3.2.0", "Returns the length of the value of a field."),
    read("hvals", 2, hgetall::hvals)
        .about("2.0.0", "Returns all values in a hash."),
];
