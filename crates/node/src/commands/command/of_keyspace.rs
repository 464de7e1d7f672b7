//! The subcommands that the keyspace runs, for those who ask COMMAND about them.

use crate::commands::subcommand::Subcommand;
use synod_data::Flags;

const HELP: Flags = Flags::LOADING.and(Flags::STALE);
const READ: Flags = Flags::READONLY;
const WRITE: Flags = Flags::WRITE;
const GROW: Flags = Flags::WRITE.and(Flags::DENYOOM);

const PRINTS_HELP: &str = "Prints this help.";

#[rustfmt::skip] // one subcommand per line or two: this is a table
const OBJECT: &[Subcommand] = &[
    Subcommand::of_keyspace("object|encoding", 3, READ).about("2.2.3", "<key>", "Tells how a value is stored."),
    Subcommand::of_keyspace("object|freq", 3, READ).about("4.0.0", "<key>", "Answers an error: how often a key is used is not counted."),
    Subcommand::of_keyspace("object|help", 2, HELP).about("6.2.0", "", PRINTS_HELP),
    Subcommand::of_keyspace("object|idletime", 3, READ).about("2.2.3", "<key>", "Answers an error: when a key was used is not told."),
    Subcommand::of_keyspace("object|refcount", 3, READ).about("2.2.3", "<key>", "Tells 1: a value belongs to one key."),
];

#[rustfmt::skip]
const MEMORY: &[Subcommand] = &[
    Subcommand::of_keyspace("memory|doctor", 2, HELP).about("4.0.0", "", "What to make of the memory that the node takes."),
    Subcommand::of_keyspace("memory|help", 2, HELP).about("4.0.0", "", PRINTS_HELP),
    Subcommand::of_keyspace("memory|malloc-stats", 2, HELP).about("4.0.0", "", "Tells that the allocator keeps no such figures."),
    Subcommand::of_keyspace("memory|purge", 2, HELP).about("4.0.0", "", "Answers an error: the allocator gives back by itself what is not used."),
    Subcommand::of_keyspace("memory|stats", 2, HELP).about("4.0.0", "", "Tells what takes memory."),
    Subcommand::of_keyspace("memory|usage", -3, READ).about("4.0.0", "<key> [SAMPLES <count>]", "Tells what a key takes in memory."),
];

#[rustfmt::skip]
const XGROUP: &[Subcommand] = &[
    Subcommand::of_keyspace("xgroup|create", -5, GROW).about("5.0.0", "<key> <group> (<id>|$) [MKSTREAM] [ENTRIESREAD <count>]", "Makes a group of consumers."),
    Subcommand::of_keyspace("xgroup|createconsumer", 5, GROW).about("6.2.0", "<key> <group> <consumer>", "Makes a consumer of a group."),
    Subcommand::of_keyspace("xgroup|delconsumer", 5, WRITE).about("5.0.0", "<key> <group> <consumer>", "Removes a consumer of a group."),
    Subcommand::of_keyspace("xgroup|destroy", 4, WRITE).about("5.0.0", "<key> <group>", "Removes a group."),
    Subcommand::of_keyspace("xgroup|help", 2, HELP).about("5.0.0", "", PRINTS_HELP),
    Subcommand::of_keyspace("xgroup|setid", -5, WRITE).about("5.0.0", "<key> <group> (<id>|$) [ENTRIESREAD <count>]", "Sets up to where a group has read."),
];

#[rustfmt::skip]
const XINFO: &[Subcommand] = &[
    Subcommand::of_keyspace("xinfo|consumers", 4, READ).about("5.0.0", "<key> <group>", "Tells about the consumers of a group."),
    Subcommand::of_keyspace("xinfo|groups", 3, READ).about("5.0.0", "<key>", "Tells about the groups of a stream."),
    Subcommand::of_keyspace("xinfo|help", 2, HELP).about("5.0.0", "", PRINTS_HELP),
    Subcommand::of_keyspace("xinfo|stream", -3, READ).about("5.0.0", "<key> [FULL [COUNT <count>]]", "Tells about a stream."),
];

/// The subcommands of one of the keyspace's commands; none where it has none.
pub(crate) fn of_keyspace(command: &str) -> &'static [Subcommand] {
    match command {
        "object" => OBJECT,
        "memory" => MEMORY,
        "xgroup" => XGROUP,
        "xinfo" => XINFO,
        _ => &[],
    }
}
