//! The rows of the list commands.

use super::{Command, Flags, Group};
use crate::commands::list::*;
use crate::table::command::{Read, Write};

const FAST: Flags = Flags::FAST;
const OOM: Flags = Flags::DENYOOM;
const OOM_FAST: Flags = Flags::DENYOOM.and(Flags::FAST);

const fn read(name: &'static str, arity: i16, run: Read) -> Command {
    Command::read(Group::List, name, arity, run)
}

const fn write(name: &'static str, arity: i16, run: Write) -> Command {
    Command::write(Group::List, name, arity, run)
}

#[rustfmt::skip] // one command per line or two: this is a table
pub(super) const ROWS: &[Command] = &[
    read("lindex", 3, lindex::lindex)
        .about("1.0.0", "Returns an element from a list by its index."),
    write("linsert", 5, linsert::linsert).flags(OOM)
        .about("2.2.0", "Inserts an element before or after another element in a list."),
    read("llen", 2, llen::llen).flags(FAST)
        .about("1.0.0", "Returns the length of a list."),
    write("lmove", 5, lmove::lmove).flags(OOM).keys(1, 2, 1)
        .about("6.2.0", "Returns an element after popping it from one list and pushing it to another. Deletes the list if the last element was moved."),
    write("lpop", -2, pop::lpop).flags(FAST)
        .about("1.0.0", "Returns the first elements in a list after removing it. Deletes the list if the last element was popped."),
    read("lpos", -3, lpos::lpos)
        .about("6.0.6", "Returns the index of matching elements in a list."),
    write("lpush", -3, push::lpush).flags(OOM_FAST)
        .about("1.0.0", "Prepends one or more elements to a list. Creates the key if it doesn't exist."),
    write("lpushx", -3, push::lpushx).flags(OOM_FAST)
        .about("2.2.0", "Prepends one or more elements to a list only when the list exists."),
    read("lrange", 4, lrange::lrange)
        .about("1.0.0", "Returns a range of elements from a list."),
    write("lrem", 4, lrem::lrem)
        .about("1.0.0", "Removes elements from a list. Deletes the list if the last element was removed."),
    write("lset", 4, lset::lset).flags(OOM)
        .about("1.0.0", "Sets the value of an element in a list by its index."),
    write("ltrim", 4, ltrim::ltrim)
        .about("1.0.0", "Removes elements from both ends a list. Deletes the list if all elements were trimmed."),
    write("rpop", -2, pop::rpop).flags(FAST)
        .about("1.0.0", "Returns and removes the last elements of a list. Deletes the list if the last element was popped."),
    write("rpoplpush", 3, lmove::rpoplpush).flags(OOM).keys(1, 2, 1)
        .about("1.2.0", "Returns the last element of a list after removing and pushing it to another list. Deletes the list if the last element was popped."),
    write("rpush", -3, push::rpush).flags(OOM_FAST)
        .about("1.0.0", "Appends one or more elements to a list. Creates the key if it doesn't exist."),
    write("rpushx", -3, push::rpushx).flags(OOM_FAST)
        .about("2.2.0", "Appends an element to a list only when the list exists."),
];
