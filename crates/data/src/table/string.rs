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
        .about("2.0.0", "Appends a string to the value of a key. Creates the key if it doesn't exist."),
    write("decr", 2, incr::decr).flags(OOM_FAST)
        .about("1.0.0", "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist."),
    write("decrby", 3, incr::decrby).flags(OOM_FAST)
        .about("1.0.0", "Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't exist."),
    read("get", 2, get::get).flags(FAST)
        .about("1.0.0", "Returns the string value of a key."),
    write("getdel", 2, getdel::getdel).flags(FAST)
        .about("6.2.0", "Returns the string value of a key after deleting the key."),
    write("getex", -2, getex::getex).flags(FAST)
        .about("6.2.0", "Returns the string value of a key after setting its expiration time."),
    read("getrange", 4, getrange::getrange)
        .about("2.4.0", "Returns a substring of the string stored at a key."),
    write("getset", 3, getset::getset).flags(OOM_FAST)
        .about("1.0.0", "Returns the previous string value of a key after setting it to a new value."),
    write("incr", 2, incr::incr).flags(OOM_FAST)
        .about("1.0.0", "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist."),
    write("incrby", 3, incr::incrby).flags(OOM_FAST)
        .about("1.0.0", "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist."),
    write("incrbyfloat", 3, incrbyfloat::incrbyfloat).flags(OOM_FAST)
        .about("2.6.0", "Increments the floating point value of a key by a number. Uses 0 as initial value if the key doesn't exist."),
    read("mget", -2, mget::mget).flags(FAST).keys(1, -1, 1)
        .about("1.0.0", "Atomically returns the string values of one or more keys."),
    write("mset", -3, mset::mset).flags(OOM).keys(1, -1, 2)
        .about("1.0.1", "Atomically creates or modifies the string values of one or more keys."),
    write("msetnx", -3, mset::msetnx).flags(OOM).keys(1, -1, 2)
        .about("1.0.1", "Atomically modifies the string values of one or more keys only when all keys don't exist."),
    write("psetex", 4, setex::psetex).flags(OOM)
        .about("2.6.0", "Sets both string value and expiration time in milliseconds of a key. The key is created if it doesn't exist."),
    write("set", -3, set::set).flags(OOM)
        .about("1.0.0", "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist."),
    write("setex", 4, setex::setex).flags(OOM)
        .about("2.0.0", "Sets the string value and expiration time of a key. Creates the key if it doesn't exist."),
    write("setnx", 3, setnx::setnx).flags(OOM_FAST)
        .about("1.0.0", "Set the string value of a key only when the key doesn't exist."),
    write("setrange", 4, setrange::setrange).flags(OOM)
        .about("2.2.0", "Overwrites a part of a string value with another by an offset. Creates the key if it doesn't exist."),
    read("strlen", 2, strlen::strlen).flags(FAST)
        .about("2.2.0", "Returns the length of a string value."),
    read("substr", 4, getrange::getrange)
        .about("1.0.0", "Returns a substring from a string value."),
];
