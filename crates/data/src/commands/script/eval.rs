//! EVAL script numkeys [key ...] [arg ...], EVALSHA, and the forms of both that write nothing
//!
//! EVAL leaves its script in the partition, so that EVALSHA finds it from then on; EVAL_RO is a read and leaves none.

use crate::commands::prelude::*;
use crate::number;
use crate::scripting::{Call, NO_ENGINE, Reach, sha1_hex};

const FLAGS: Flags =
    Flags::NOSCRIPT.and(Flags::STALE).and(Flags::SKIP_MONITOR).and(Flags::NO_MANDATORY_KEYS);

const NOSCRIPT: Failure = Failure("NOSCRIPT No matching script. Please use EVAL.");

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::script("eval", -3, Handler::Write(eval)).flags(FLAGS).counted_keys(2).access(Access::READ_UPDATE)
        .syntax("script numkeys [key]... [arg]...")
        .about("2.6.0", "Executes a server-side Lua script."),
    Command::script("eval_ro", -3, Handler::Read(eval_ro)).flags(FLAGS.and(Flags::READONLY)).counted_keys(2)
        .syntax("script numkeys [key]... [arg]...")
        .about("7.0.0", "Executes a read-only server-side Lua script."),
    Command::script("evalsha", -3, Handler::Write(evalsha)).flags(FLAGS).counted_keys(2).access(Access::READ_UPDATE)
        .syntax("sha1 numkeys [key]... [arg]...")
        .about("2.6.0", "Executes a server-side Lua script by SHA1 digest."),
    Command::script("evalsha_ro", -3, Handler::Read(evalsha_ro)).flags(FLAGS.and(Flags::READONLY)).counted_keys(2)
        .syntax("sha1 numkeys [key]... [arg]...")
        .about("7.0.0", "Executes a read-only server-side Lua script by SHA1 digest."),
];

fn eval(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let engine = keyspace.engine.ok_or(NO_ENGINE)?;
    let (keys, argv) = arguments(args)?;
    let name = sha1_hex(args[1]);
    if keyspace.scripts.find(name.as_bytes()).is_none() {
        if let Err(text) = (engine.check)(args[1]) {
            out.error(&text);
            return Ok(());
        }
        keyspace.scripts.pass(&name, args[1]);
    }
    let call = Call {
        body: args[1],
        name: &name,
        keys,
        argv,
        instructions: keyspace.script_instructions(),
    };
    let took = (engine.run)(&call, Reach::Write(keyspace), ctx, out);
    keyspace.note_script("", call.body, took);
    Ok(())
}

fn eval_ro(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let engine = keyspace.engine.ok_or(NO_ENGINE)?;
    let (keys, argv) = arguments(args)?;
    let name = sha1_hex(args[1]);
    let call = Call {
        body: args[1],
        name: &name,
        keys,
        argv,
        instructions: keyspace.script_instructions(),
    };
    let took = (engine.run)(&call, Reach::Read(keyspace), ctx, out);
    keyspace.note_script("", call.body, took);
    Ok(())
}

fn evalsha(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let engine = keyspace.engine.ok_or(NO_ENGINE)?;
    let (keys, argv) = arguments(args)?;
    let (name, body) = keyspace.scripts.find(args[1]).ok_or(NOSCRIPT)?;
    let call =
        Call { body: &body, name: &name, keys, argv, instructions: keyspace.script_instructions() };
    let took = (engine.run)(&call, Reach::Write(keyspace), ctx, out);
    keyspace.note_script("", call.body, took);
    Ok(())
}

fn evalsha_ro(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let engine = keyspace.engine.ok_or(NO_ENGINE)?;
    let (keys, argv) = arguments(args)?;
    let (name, body) = keyspace.scripts.find(args[1]).ok_or(NOSCRIPT)?;
    let call =
        Call { body: &body, name: &name, keys, argv, instructions: keyspace.script_instructions() };
    let took = (engine.run)(&call, Reach::Read(keyspace), ctx, out);
    keyspace.note_script("", call.body, took);
    Ok(())
}

/// The keys and the other arguments behind the count.
fn arguments<'a>(args: &'a Args<'a>) -> Result<(&'a Args<'a>, &'a Args<'a>), Failure> {
    let count = number::parse_i64(args[2]).ok_or(error::NOT_INTEGER)?;
    let count =
        usize::try_from(count).map_err(|_| Failure("ERR Number of keys can't be negative"))?;
    args[3..]
        .split_at_checked(count)
        .ok_or(Failure("ERR Number of keys can't be greater than number of args"))
}
