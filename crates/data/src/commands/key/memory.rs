//! MEMORY USAGE key [SAMPLES n], MEMORY HELP

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Server, "memory", -2, memory).keys(2, 2, 1).access(Access::LOOK)
        .about("4.0.0", "Tells what a key takes in memory."),
];

const HELP: [&str; 12] = [
    "MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "DOCTOR",
    "    What to make of the memory that the node takes.",
    "MALLOC-STATS",
    "    Tell that the allocator keeps no such figures.",
    "PURGE",
    "    Answer an error: the allocator gives back by itself what is not used.",
    "STATS",
    "    Tell what takes memory.",
    "USAGE <key> [SAMPLES <count>]",
    "    Return memory in bytes used by <key> and its value. Nothing is sampled: the",
    "    figure is kept up to date, and <count> changes nothing.",
];

fn memory(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let word = args[1];
    if args::is(word, "HELP") && args.len() == 2 {
        super::reply_help(&HELP, out);
        return Ok(());
    }
    if !args::is(word, "USAGE") || args.len() < 3 {
        let known = args::is(word, "USAGE") || args::is(word, "HELP");
        super::reply_bad_subcommand("memory", word, known, out);
        return Ok(());
    }
    match &args[3..] {
        [] => {}
        [samples, count] if args::is(samples, "SAMPLES") => {
            if args::integer(count)? < 0 {
                return Err(error::SYNTAX);
            }
        }
        _ => return Err(error::SYNTAX),
    }
    match keyspace.get(args[2], ctx.now) {
        Some(object) => out.integer(object.memory() as i64),
        None => out.null(),
    }
    Ok(())
}
