//! OBJECT ENCODING | REFCOUNT | IDLETIME | FREQ key, OBJECT HELP

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Generic, "object", -2, object).keys(2, 2, 1).access(Access::LOOK).not_in(Categories::KEYSPACE)
        .about("2.2.3", "Tells how a value is stored."),
];

const NO_FREQUENCY: Failure = Failure(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
     switching between policies at runtime LRU and LFU data will take some time to adjust.",
);
const NO_IDLE_TIME: Failure = Failure("ERR idle time is not tracked");

const HELP: [&str; 7] = [
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    Return the kind of internal representation used in order to store the value",
    "    associated with a <key>.",
    "REFCOUNT <key>",
    "    Return the number of references of the value associated with the specified",
    "    <key>.",
];

fn object(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let word = args[1];
    if args::is(word, "HELP") && args.len() == 2 {
        super::reply_help(&HELP, out);
        return Ok(());
    }
    let known = ["ENCODING", "REFCOUNT", "IDLETIME", "FREQ", "HELP"]
        .iter()
        .any(|name| args::is(word, name));
    if !known || args.len() != 3 || args::is(word, "HELP") {
        super::reply_bad_subcommand("object", word, known, out);
        return Ok(());
    }
    let Some(object) = keyspace.get(args[2], ctx.now) else {
        out.null();
        return Ok(());
    };
    if args::is(word, "ENCODING") {
        out.bulk(object.encoding().as_bytes());
    } else if args::is(word, "REFCOUNT") {
        out.integer(1);
    } else if args::is(word, "FREQ") {
        return Err(NO_FREQUENCY);
    } else {
        return Err(NO_IDLE_TIME);
    }
    Ok(())
}
