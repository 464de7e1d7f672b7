//! XGROUP CREATE | SETID | DESTROY | CREATECONSUMER | DELCONSUMER | HELP

use super::{id, no_group_at};
use crate::commands::prelude::*;
use crate::edit::Edit;
use crate::value::stream::group::Group as ConsumerGroup;
use crate::value::stream::{Stream, StreamId};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Stream, "xgroup", -2, xgroup).flags(Flags::DENYOOM).keys(2, 2, 1).not_in(Categories::STREAM)
        .about("5.0.0", "Makes, changes and removes consumer groups."),
];

const HELP: [&str; 17] = [
    "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CREATE <key> <groupname> <id|$> [option]",
    "    Create a new consumer group. Options are:",
    "    * MKSTREAM",
    "      Create the empty stream if it does not exist.",
    "    * ENTRIESREAD entries_read",
    "      Set the group's entries_read counter (internal use).",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Create a new consumer in the specified group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove the specified consumer.",
    "DESTROY <key> <groupname>",
    "    Remove the specified group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Set the current group ID and entries_read counter.",
    "HELP",
    "    Prints this help.",
];

/// The subcommands, each with the fewest and the most arguments.
const SUBCOMMANDS: [(&str, usize, usize); 6] = [
    ("CREATE", 5, 8),
    ("SETID", 5, 7),
    ("DESTROY", 4, 4),
    ("CREATECONSUMER", 5, 5),
    ("DELCONSUMER", 5, 5),
    ("HELP", 2, 2),
];

/// What stands behind the id of CREATE and SETID.
#[derive(Default)]
struct Options {
    make_stream: bool,
    read: Option<u64>,
}

fn xgroup(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let found = SUBCOMMANDS.iter().find(|(name, ..)| args::is(args[1], name));
    let Some(&(name, least, most)) = found else {
        crate::commands::key::reply_bad_subcommand("xgroup", args[1], false, out);
        return Ok(());
    };
    let has_options = matches!(name, "CREATE" | "SETID");
    if args.len() < least || (!has_options && args.len() > most) {
        crate::commands::key::reply_bad_subcommand("xgroup", args[1], true, out);
        return Ok(());
    }
    if name == "HELP" {
        crate::commands::key::reply_help(&HELP, out);
        return Ok(());
    }
    let Some(options) = options(name, args)? else {
        super::reply_subcommand_syntax("XGROUP", args[1], out);
        return Ok(());
    };
    let is_absent = keyspace.view::<Stream>(args[2], ctx.now)?.is_none();
    if is_absent && !options.make_stream {
        return Err(NO_KEY);
    }
    match name {
        "CREATE" => create(keyspace, args, &options, ctx, out),
        "DESTROY" => {
            let removed = change(keyspace, args, ctx, |s| s.groups_mut().remove(args[3]))?;
            if removed == Some(true) {
                keyspace.tell_of_stream("xgroup-destroy", args[2]);
            }
            out.integer(i64::from(removed.unwrap_or(false)));
            Ok(())
        }
        _ => change_group(keyspace, name, args, &options, ctx, out),
    }
}

const NO_KEY: Failure = Failure(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
     MKSTREAM option to create an empty stream automatically.",
);

/// The options; `None` when they are none.
fn options(name: &str, args: &Args<'_>) -> Result<Option<Options>, Failure> {
    const READ: Failure = Failure("ERR value for ENTRIESREAD must be positive or -1");
    let mut options = Options::default();
    let mut rest = args.get(5..).unwrap_or(&[]);
    while !rest.is_empty() {
        rest = match rest {
            [word, rest @ ..] if name == "CREATE" && args::is(word, "MKSTREAM") => {
                options.make_stream = true;
                rest
            }
            [word, n, rest @ ..] if args::is(word, "ENTRIESREAD") => {
                options.read = match args::integer(n)? {
                    -1 => None,
                    n => Some(u64::try_from(n).map_err(|_| READ)?),
                };
                rest
            }
            _ => return Ok(None),
        };
    }
    Ok(Some(options))
}

fn create(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    options: &Options,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const TAKEN: Failure = Failure("BUSYGROUP Consumer Group name already exists");
    let given = match args[4] {
        b"$" => None,
        arg => Some(id(arg, 0)?),
    };
    let add = |stream: &mut Stream| {
        let last = given.unwrap_or_else(|| stream.last());
        let group = ConsumerGroup::new(last, options.read);
        stream.groups_mut().add(args[3], group)
    };
    let added = keyspace.edit_or_create::<Stream, _>(args[2], ctx.now, |edit| {
        let added = |stream: &mut Stream| {
            let added = add(stream);
            (added, added)
        };
        match edit.full_if(added) {
            Some(added) => Ok(added),
            None => Ok(edit.stream().is_some_and(add)),
        }
    })?;
    if !added {
        return Err(TAKEN);
    }
    keyspace.tell_of_stream("xgroup-create", args[2]);
    out.simple("OK");
    Ok(())
}

fn change<R>(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    change: impl FnOnce(&mut Stream) -> R,
) -> Result<Option<R>, Failure> {
    let edit = |edit: &mut Edit<'_, Stream>| Ok(edit.full_if(|stream| (change(stream), true)));
    Ok(keyspace.edit::<Stream, _>(args[2], ctx.now, edit)?.flatten())
}

fn change_group(
    keyspace: &mut Keyspace,
    name: &str,
    args: &Args<'_>,
    options: &Options,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let view = keyspace.view::<Stream>(args[2], ctx.now)?;
    let stream = view.and_then(|view| view.stream()).ok_or(NO_KEY)?;
    if stream.groups().get(args[3]).is_none() {
        no_group_at(args[3], args[2], out);
        return Ok(());
    }
    let to = match (name, args[4]) {
        ("SETID", b"$") => stream.last(),
        ("SETID", b"-") => StreamId::MIN,
        ("SETID", b"+") => StreamId::MAX,
        ("SETID", arg) => id(arg, 0)?,
        _ => StreamId::MIN,
    };
    let answer = super::change_group(keyspace, args[2], args[3], ctx, |_, group| match name {
        "CREATECONSUMER" => i64::from(group.consumer(args[4], ctx.now).1),
        "DELCONSUMER" => group.remove_consumer(args[4]) as i64,
        _ => {
            (group.last, group.read) = (to, options.read);
            0
        }
    })?;
    match name {
        "SETID" => {
            keyspace.tell_of_stream("xgroup-setid", args[2]);
            out.simple("OK");
        }
        _ => out.integer(answer.unwrap_or(0)),
    }
    Ok(())
}
