//! The rows of the string commands.

use super::{Command, Flags, Group};
use crate::commands::string::*;
use crate::table::command::{Read, Write};

const FAST: Flags = Flags::FAST;
const OOM: Flags = Flags::DENYOOM;
const OOM_FAST: Flags = Flags::DENYOOM.and(Flags::FAST);

const fn read(name: &'static str, arity: i16, run: Read) -> Command {
    Command::read(Group::String, name, arity, run)
}

const fn write(name: &'static str, arity: i16, run: Write) -> Command {
    Command::write(Group::String, name, arity, run)
}

#[rustfmt::skip] // one command per line or two: this is a table
pub(super) const ROWS: &[Command] = &[
    write("append", 3, append::append).flags(OOM_FAST)
        .about("2.0.0", "Adds bytes at the end of a string, creating it if need be."),
    write("decr", 2, incr::decr).flags(OOM_FAST)
        .about("1.0.0", "Subtracts one from an integer; an absent key counts as 0."),
    write("decrby", 3, incr::decrby).flags(OOM_FAST)
        .about("1.0.0", "Subtracts a number from an integer; an absent key counts as 0."),
    read("get", 2, get::get).flags(FAST)
        .about("1.0.0", "The string at a key."),
    write("getdel", 2, getdel::getdel).flags(FAST)
        .about("6.2.0", "The string at a key, which is deleted."),
    write("getex", -2, getex::getex).flags(FAST)
        .about("6.2.0", "The string at a key, whose expiry is changed."),
    read("getrange", 4, getrange::getrange)
        .about("2.4.0", "A part of a string, by first and last position."),
    write("getset", 3, getset::getset).flags(OOM_FAST)
        .about("1.0.0", "Sets a string and answers the one before."),
    write("incr", 2, incr::incr).flags(OOM_FAST)
        .about("1.0.0", "Adds one to an integer; an absent key counts as 0."),
    write("incrby", 3, incr::incrby).flags(OOM_FAST)
        .about("1.0.0", "Adds a number to an integer; an absent key counts as 0."),
    write("incrbyfloat", 3, incrbyfloat::incrbyfloat).flags(OOM_FAST)
        .about("2.6.0", "Adds a decimal fraction to a number; an absent key counts as 0."),
    read("mget", -2, mget::mget).flags(FAST).keys(1, -1, 1)
        .about("1.0.0", "The strings at several keys."),
    write("mset", -3, mset::mset).flags(OOM).keys(1, -1, 2)
        .about("1.0.1", "Sets several strings at once."),
    write("msetnx", -3, mset::msetnx).flags(OOM).keys(1, -1, 2)
        .about("1.0.1", "Sets several strings at once, if none of the keys exists."),
    write("psetex", 4, setex::psetex).flags(OOM)
        .about("2.6.0", "Sets a string that expires, in milliseconds."),
    write("set", -3, set::set).flags(OOM)
        .about("1.0.0", "Sets a string, whatever was there; with conditions and expiry."),
    write("setex", 4, setex::setex).flags(OOM)
        .about("2.0.0", "Sets a string that expires, in seconds."),
    write("setnx", 3, setnx::setnx).flags(OOM_FAST)
        .about("1.0.0", "Sets a string, if the key does not exist."),
    write("setrange", 4, setrange::setrange).flags(OOM)
        .about("2.2.0", "Overwrites a part of a string, which grows as needed."),
    read("strlen", 2, strlen::strlen).flags(FAST)
        .about("2.2.0", "The length of a string."),
    read("substr", 4, getrange::getrange)
        .about("1.0.0", "The old name of GETRANGE."),
];
