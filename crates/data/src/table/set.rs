//! The rows of the set commands.

use super::{Command, Flags, Group};
use crate::commands::set::*;
use crate::table::command::{Read, Write};

const FAST: Flags = Flags::FAST;
const OOM: Flags = Flags::DENYOOM;
const OOM_FAST: Flags = Flags::DENYOOM.and(Flags::FAST);

const fn read(name: &'static str, arity: i16, run: Read) -> Command {
    Command::read(Group::Set, name, arity, run)
}

const fn write(name: &'static str, arity: i16, run: Write) -> Command {
    Command::write(Group::Set, name, arity, run)
}

#[rustfmt::skip] // one command per line or two: this is a table
pub(super) const ROWS: &[Command] = &[
    write("sadd", -3, sadd::sadd).flags(OOM_FAST)
        .about("1.0.0", "Adds one or more members to a set. Creates the key if it doesn't exist."),
    read("scard", 2, scard::scard).flags(FAST)
        .about("1.0.0", "Returns the number of members in a set."),
    read("sdiff", -2, algebra::sdiff).keys(1, -1, 1)
        .about("1.0.0", "Returns the difference of multiple sets."),
    write("sdiffstore", -3, algebra::sdiffstore).flags(OOM).keys(1, -1, 1)
        .about("1.0.0", "Stores the difference of multiple sets in a key."),
    read("sinter", -2, algebra::sinter).keys(1, -1, 1)
        .about("1.0.0", "Returns the intersect of multiple sets."),
    read("sintercard", -3, sintercard::sintercard).keys(0, 0, 0).counted_keys(1)
        .about("7.0.0", "Returns the number of members of the intersect of multiple sets."),
    write("sinterstore", -3, algebra::sinterstore).flags(OOM).keys(1, -1, 1)
        .about("1.0.0", "Stores the intersect of multiple sets in a key."),
    read("sismember", 3, sismember::sismember).flags(FAST)
        .about("1.0.0", "Determines whether a member belongs to a set."),
    read("smembers", 2, smembers::smembers)
        .about("1.0.0", "Returns all members of a set."),
    read("smismember", -3, sismember::smismember).flags(FAST)
        .about("6.2.0", "Determines whether multiple members belong to a set."),
    write("smove", 4, smove::smove).flags(FAST).keys(1, 2, 1)
        .about("1.0.0", "Moves a member from one set to another."),
    write("spop", -2, spop::spop).flags(FAST)
        .about("1.0.0", "Returns one or more random members from a set after removing them. Deletes the set if the last member was popped."),
    read("srandmember", -2, srandmember::srandmember)
        .about("1.0.0", "Get one or multiple random members from a set"),
    write("srem", -3, srem::srem).flags(FAST)
        .about("1.0.0", "Removes one or more members from a set. Deletes the set if the last member was removed."),
    read("sscan", -3, sscan::sscan)
        .about("2.8.0", "Iterates over members of a set."),
    read("sunion", -2, algebra::sunion).keys(1, -1, 1)
        .about("1.0.0", "Returns the union of multiple sets."),
    write("sunionstore", -3, algebra::sunionstore).flags(OOM).keys(1, -1, 1)
        .about("1.0.0", "Stores the union of multiple sets in a key."),
];
