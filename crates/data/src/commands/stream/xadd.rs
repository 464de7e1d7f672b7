//! XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value...

use super::INVALID_ID;
use super::trim_option::TrimOption;
use crate::commands::prelude::*;
use crate::edit::Edit;
use crate::value::stream::{Stream, StreamId, Trim};
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Stream, "xadd", -5, xadd).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> <field value>...")
        .about("5.0.0", "Appends a new message to a stream. Creates the key if it doesn't exist."),
];

/// The id argument.
#[derive(Clone, Copy)]
enum Wanted {
    /// `*`: the time of the command.
    Now,
    /// `ms-*`: the next one of that millisecond.
    Within(u64),
    /// Just this one.
    Exactly(StreamId),
}

struct Request<'a, 'b> {
    make_stream: bool,
    trim: Option<Trim>,
    wanted: Wanted,
    /// Fields and values in turn.
    elements: &'b Args<'a>,
}

fn xadd(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let request = parse(args)?;
    let add = |stream: &mut Edit<'_, Stream>| {
        let last = stream.view().stream().map_or(StreamId::MIN, Stream::last);
        let id = next_id(last, request.wanted, ctx.now)?;
        let mut trimmed = 0;
        if let Some(stream) = stream.stream() {
            stream.push(id, request.elements);
            trimmed = request.trim.map_or(0, |trim| stream.trim(trim));
        }
        Ok((id, trimmed))
    };
    let added = if request.make_stream {
        Some(keyspace.edit_or_create(args[1], ctx.now, add)?)
    } else {
        keyspace.edit(args[1], ctx.now, add)?
    };
    if let Some((_, 1..)) = added {
        keyspace.tell_of_stream("xtrim", args[1]);
    }
    match added {
        Some((id, _)) => out.bulk(id.text().as_bytes()),
        None => out.null(),
    }
    Ok(())
}

/// The id of the new entry, above `last`.
fn next_id(last: StreamId, wanted: Wanted, now: Millis) -> Result<StreamId, Failure> {
    const EXHAUSTED: Failure =
        Failure("ERR The stream has exhausted the last possible ID, unable to add more items");
    const TOO_SMALL: Failure =
        Failure("ERR The ID specified in XADD is equal or smaller than the target stream top item");
    let after_last = last.next().ok_or(EXHAUSTED)?;
    match wanted {
        Wanted::Now if now.0 > last.ms => Ok(StreamId { ms: now.0, seq: 0 }),
        Wanted::Now => Ok(after_last),
        Wanted::Within(ms) if ms > last.ms => Ok(StreamId { ms, seq: 0 }),
        Wanted::Within(ms) if ms == after_last.ms => Ok(after_last),
        Wanted::Exactly(id) if id > last => Ok(id),
        _ => Err(TOO_SMALL),
    }
}

fn parse<'a, 'b>(args: &'b Args<'a>) -> Result<Request<'a, 'b>, Failure> {
    const ELEMENTS: Failure = Failure("ERR wrong number of arguments for 'xadd' command");
    const ZERO: Failure = Failure("ERR The ID specified in XADD must be greater than 0-0");
    let (mut make_stream, mut option) = (true, TrimOption::default());
    let mut rest = &args[2..];
    let wanted = loop {
        if option.take(&mut rest)? {
            continue;
        }
        let [word, after @ ..] = rest else { return Err(ELEMENTS) };
        rest = after;
        if args::is(word, "NOMKSTREAM") {
            make_stream = false;
        } else {
            break wanted(word)?;
        }
    };
    let trim = option.finish(Ok(()))?;
    if rest.is_empty() || !rest.len().is_multiple_of(2) {
        return Err(ELEMENTS);
    }
    if matches!(wanted, Wanted::Exactly(StreamId::MIN)) {
        return Err(ZERO);
    }
    Ok(Request { make_stream, trim, wanted, elements: rest })
}

fn wanted(arg: &[u8]) -> Result<Wanted, Failure> {
    Ok(match arg {
        b"*" => Wanted::Now,
        [ms @ .., b'-', b'*'] => match StreamId::parse(ms) {
            Some((ms, None)) => Wanted::Within(ms),
            _ => return Err(INVALID_ID),
        },
        _ => Wanted::Exactly(super::id(arg, 0)?),
    })
}
