//! FCALL function numkeys [key ...] [arg ...], and FCALL_RO, for functions that promised to write nothing

use crate::commands::prelude::*;
use crate::number;
use crate::scripting::{FunctionCall, NO_ENGINE, Reach, code_of};

const FLAGS: Flags =
    Flags::NOSCRIPT.and(Flags::STALE).and(Flags::SKIP_MONITOR).and(Flags::NO_MANDATORY_KEYS);

const UNKNOWN: Failure = Failure("ERR Function not found");

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::script("fcall", -3, Handler::Write(fcall)).flags(FLAGS).counted_keys(2).access(Access::READ_UPDATE)
        .syntax("function numkeys [key]... [arg]...")
        .about("7.0.0", "Calls a function of a library."),
    Command::script("fcall_ro", -3, Handler::Read(fcall_ro)).flags(FLAGS.and(Flags::READONLY)).counted_keys(2)
        .syntax("function numkeys [key]... [arg]...")
        .about("7.0.0", "Calls a function of a library that writes nothing."),
];

fn fcall(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let engine = keyspace.engine.ok_or(NO_ENGINE)?;
    let instructions = keyspace.script_instructions();
    let (library, function) = keyspace.libraries.function(args[1]).ok_or(UNKNOWN)?;
    let (keys, argv) = arguments(args)?;
    // The function may not change what it is made of while it runs; the keyspace is all its own.
    let (text, name) = (library.text.clone(), function.name.clone());
    function.promises.check(false).map_err(Failure)?;
    let read_only = function.promises.no_writes();
    let call =
        FunctionCall { code: code_of(&text), name: &name, keys, argv, read_only, instructions };
    let took = (engine.call)(&call, Reach::Write(keyspace), ctx, out);
    keyspace.note_script(&name, &text, took);
    Ok(())
}

fn fcall_ro(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let engine = keyspace.engine.ok_or(NO_ENGINE)?;
    let instructions = keyspace.script_instructions();
    let (library, function) = keyspace.libraries.function(args[1]).ok_or(UNKNOWN)?;
    let (keys, argv) = arguments(args)?;
    function.promises.check(true).map_err(Failure)?;
    let (code, name) = (code_of(&library.text), function.name.as_str());
    let call = FunctionCall { code, name, keys, argv, read_only: true, instructions };
    let took = (engine.call)(&call, Reach::Read(keyspace), ctx, out);
    keyspace.note_script(name, &library.text, took);
    Ok(())
}

/// The keys and the other arguments behind the count.
fn arguments<'a>(args: &'a Args<'a>) -> Result<(&'a Args<'a>, &'a Args<'a>), Failure> {
    let count = number::parse_i64(args[2]).ok_or(Failure("ERR Bad number of keys provided"))?;
    let count =
        usize::try_from(count).map_err(|_| Failure("ERR Number of keys can't be negative"))?;
    args[3..]
        .split_at_checked(count)
        .ok_or(Failure("ERR Number of keys can't be greater than number of args"))
}
