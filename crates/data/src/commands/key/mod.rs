//! Commands on keys of any kind.

pub(crate) mod copy;
pub(crate) mod del;
pub(crate) mod exists;
pub(crate) mod expire;
pub(crate) mod kind;
pub(crate) mod memory;
pub(crate) mod object;
pub(crate) mod rename;
pub(crate) mod ttl;

use crate::commands::prelude::ReplySink;

/// Answers the lines of a HELP subcommand.
fn reply_help(lines: &[&str], out: &mut dyn ReplySink) {
    out.array(lines.len());
    lines.iter().for_each(|line| out.simple(line));
}

/// Answers that a subcommand has the wrong number of arguments (`known`), or is none.
fn reply_bad_subcommand(command: &str, word: &[u8], known: bool, out: &mut dyn ReplySink) {
    let word = String::from_utf8_lossy(&word[..word.len().min(128)]);
    if known {
        let word = word.to_lowercase();
        out.error(&format!("ERR wrong number of arguments for '{command}|{word}' command"));
    } else {
        let upper = command.to_uppercase();
        out.error(&format!("ERR unknown subcommand '{word}'. Try {upper} HELP."));
    }
}
