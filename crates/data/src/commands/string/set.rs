//! SET key value [NX | XX] [GET] [EX s | PX ms | EXAT unix-s | PXAT unix-ms | KEEPTTL]

use super::expire_option::{Unit, expire_time, unit};
use super::reply_text;
use crate::commands::prelude::*;
use crate::keyspace::Expiry;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "set", -3, set).flags(Flags::DENYOOM).access(Access::BY_OPTION)
        .syntax("key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]")
        .about("1.0.0", "Sets a string, whatever was there; with conditions and expiry."),
];

const INVALID: Failure = Failure("ERR invalid expire time in 'set' command");

/// The options of one SET.
#[derive(Default)]
struct Options<'a> {
    only_if_absent: bool,
    only_if_present: bool,
    answer_old: bool,
    keep_expiry: bool,
    expiry: Option<(Unit, &'a [u8])>,
}

fn set(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    if args.len() == 3 {
        keyspace.set_text(args[1], args[2], Expiry::Never, ctx.now);
        out.simple("OK");
        return Ok(());
    }
    let options = parse(&args[3..])?;
    let expiry = options.expiry(ctx.now)?;
    let spot = keyspace.open(args[1], ctx.now);
    if options.answer_old {
        reply_text(keyspace.object(spot).map(|object| object.text()).transpose()?, out);
    }
    let refused = if spot.is_free() { options.only_if_present } else { options.only_if_absent };
    if !refused {
        keyspace.set_text_at(spot, args[1], args[2], expiry);
    }
    match (options.answer_old, refused) {
        (true, _) => {}
        (false, true) => out.null(),
        (false, false) => out.simple("OK"),
    }
    Ok(())
}

fn parse<'a>(words: &[&'a [u8]]) -> Result<Options<'a>, Failure> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if args::is(word, "NX") && !options.only_if_present {
            options.only_if_absent = true;
        } else if args::is(word, "XX") && !options.only_if_absent {
            options.only_if_present = true;
        } else if args::is(word, "GET") {
            options.answer_old = true;
        } else if args::is(word, "KEEPTTL") && options.expiry.is_none() {
            options.keep_expiry = true;
        } else if let Some(unit) = unit(word)
            && !options.keep_expiry
            && options.expiry.is_none_or(|(named, _)| named == unit)
        {
            options.expiry = Some((unit, words.next().ok_or(error::SYNTAX)?));
        } else {
            return Err(error::SYNTAX);
        }
    }
    Ok(options)
}

impl Options<'_> {
    fn expiry(&self, now: Millis) -> Result<Expiry, Failure> {
        match self.expiry {
            Some((unit, arg)) => expire_time(arg, unit, now, INVALID).map(Expiry::At),
            None if self.keep_expiry => Ok(Expiry::Keep),
            None => Ok(Expiry::Never),
        }
    }
}
