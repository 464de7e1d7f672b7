//! HGETEX key [EX s | PX ms | EXAT unix-s | PXAT unix-ms | PERSIST] FIELDS numfields field...

use super::named_fields::{self, POSITIVE};
use crate::commands::prelude::*;
use crate::value::hash::Hash;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hgetex", -5, hgetex).flags(Flags::FAST).access(Access::READ_UPDATE)
        .syntax("key [EX seconds:integer | PX milliseconds:integer | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] FIELDS <numfields:integer field...>")
        .about("8.0.0", "Returns the values of fields and sets or removes their expiry."),
];

/// What becomes of the fields' times.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Persist,
    At(Millis),
}

fn hgetex(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    named_fields::check_kind(keyspace, args[1], ctx)?;
    let (change, rest) = parse(args, ctx)?;
    let fields = named_fields::fields(rest, POSITIVE)?;
    let mut told = None;
    let found = keyspace.edit::<Hash, _>(args[1], ctx.now, |hash| {
        out.array(fields.len());
        for field in fields {
            let Some(value) = hash.view().get(field) else {
                out.null();
                continue;
            };
            value.reply(out);
            let before = hash.view().deadline(field).flatten();
            match change {
                Change::None => {}
                Change::Persist if before.is_none() => {}
                Change::Persist => {
                    hash.set_deadline(field, None);
                    told = Some("hpersist");
                }
                Change::At(time) if time <= ctx.now => {
                    hash.remove(field);
                    told = Some("hdel");
                }
                Change::At(time) => {
                    hash.set_deadline(field, Some(time));
                    hash.touch();
                    told = Some("hexpire");
                }
            }
        }
        Ok(())
    })?;
    if found.is_none() {
        out.array(fields.len());
        fields.iter().for_each(|_| out.null());
    }
    if let Some(name) = told {
        keyspace.tell_of_hash(name, args[1]);
    }
    Ok(())
}

/// What becomes of the times, and the arguments behind that.
fn parse<'a, 'k>(args: &'a Args<'k>, ctx: &Context) -> Result<(Change, &'a Args<'k>), Failure> {
    const INVALID: Failure = Failure("ERR invalid expire time in 'hgetex' command");
    if args::is(args[2], "PERSIST") {
        return Ok((Change::Persist, &args[3..]));
    }
    let Some((unit, from_now)) = named_fields::time_option(args[2]) else {
        return Ok((Change::None, &args[2..]));
    };
    let base = if from_now { ctx.now } else { Millis(0) };
    Ok((Change::At(named_fields::time(args[3], unit, base, INVALID)?), &args[4..]))
}
