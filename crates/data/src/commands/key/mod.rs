//! Commands on keys of any kind.

mod copy;
mod del;
mod dump;
mod exists;
mod expire;
mod kind;
mod memory;
mod object;
mod rename;
mod sort;
mod sort_pattern;
mod ttl;

use crate::command::Command;
use crate::commands::prelude::ReplySink;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[
    copy::ROWS,
    del::ROWS,
    dump::ROWS,
    exists::ROWS,
    expire::ROWS,
    kind::ROWS,
    memory::ROWS,
    object::ROWS,
    rename::ROWS,
    sort::ROWS,
    ttl::ROWS,
];

/// Answers the lines of a HELP subcommand.
pub(crate) fn reply_help(lines: &[&str], out: &mut dyn ReplySink) {
    out.array(lines.len());
    lines.iter().for_each(|line| out.simple(line));
}

/// Answers that a subcommand has the wrong number of arguments (`known`), or is none.
pub(crate) fn reply_bad_subcommand(
    command: &str,
    word: &[u8],
    known: bool,
    out: &mut dyn ReplySink,
) {
    let word = String::from_utf8_lossy(&word[..word.len().min(128)]);
    if known {
        let word = word.to_lowercase();
        out.error(&format!("ERR wrong number of arguments for '{command}|{word}' command"));
    } else {
        let upper = command.to_uppercase();
        out.error(&format!("ERR unknown subcommand '{word}'. Try {upper} HELP."));
    }
}
