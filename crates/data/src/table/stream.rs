//! The rows of the stream commands.

use super::{Command, Flags, Group};
use crate::commands::stream::*;
use crate::table::command::{Read, Write};

const FAST: Flags = Flags::FAST;
const OOM_FAST: Flags = Flags::DENYOOM.and(Flags::FAST);

const fn read(name: &'static str, arity: i16, run: Read) -> Command {
    Command::read(Group::Stream, name, arity, run)
}

const fn write(name: &'static str, arity: i16, run: Write) -> Command {
    Command::write(Group::Stream, name, arity, run)
}

#[rustfmt::skip] // one command per line or two: this is a table
pub(super) const ROWS: &[Command] = &[
    write("xadd", -5, xadd::xadd).flags(OOM_FAST)
        .about("5.0.0", "Appends a new message to a stream. Creates the key if it doesn't exist."),
    write("xdel", -3, xdel::xdel).flags(FAST)
        .about("5.0.0", "Returns the number of messages after removing them from a stream."),
    read("xlen", 2, xlen::xlen).flags(FAST)
        .about("5.0.0", "Return the number of messages in a stream."),
    read("xrange", -4, xrange::xrange)
        .about("5.0.0", "Returns the messages from a stream within a range of IDs."),
    read("xrevrange", -4, xrange::xrevrange)
        .about("5.0.0", "Returns the messages from a stream within a range of IDs in reverse order."),
    write("xtrim", -4, xtrim::xtrim)
        .about("5.0.0", "Deletes messages from the beginning of a stream."),
];
