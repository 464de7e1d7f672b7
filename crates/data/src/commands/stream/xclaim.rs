//! XCLAIM key group consumer min-idle id... [IDLE ms] [TIME ms] [RETRYCOUNT n] [FORCE] [JUSTID] [LASTID id]

use super::{Claimed, no_key_or_group};
use crate::commands::prelude::*;
use crate::value::stream::group::{Group as ConsumerGroup, Pending};
use crate::value::stream::{Stream, StreamId};
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Stream, "xclaim", -6, xclaim).flags(Flags::FAST)
        .syntax("key group consumer min-idle-time:string id... [IDLE ms:integer] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]")
        .about("5.0.0", "Takes over entries that another consumer has pending."),
];

#[derive(Default)]
struct Request {
    idle_min: u64,
    ids: Vec<StreamId>,
    /// The time of delivery, if one was given; it may be nonsense.
    delivered: Option<i64>,
    times: Option<u64>,
    force: bool,
    just_id: bool,
    last: StreamId,
}

fn xclaim(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let view = keyspace.view::<Stream>(args[1], ctx.now)?;
    let stream = view.and_then(|view| view.stream());
    if stream.and_then(|stream| stream.groups().get(args[2])).is_none() {
        no_key_or_group(args[1], args[2], out);
        return Ok(());
    }
    let Some(request) = parse(args, ctx, out)? else { return Ok(()) };
    let claim =
        |stream: &Stream, group: &mut ConsumerGroup| claim(stream, group, args[3], &request, ctx);
    let claimed = super::change_group(keyspace, args[1], args[2], ctx, claim)?;
    let claimed = claimed.unwrap_or_default();
    Claimed { ids: &claimed, just_id: request.just_id }.reply(keyspace, args[1], ctx, out)
}

fn claim(
    stream: &Stream,
    group: &mut ConsumerGroup,
    name: &[u8],
    request: &Request,
    ctx: &Context,
) -> Vec<StreamId> {
    group.last = group.last.max(request.last);
    let now = ctx.now;
    let given = request.delivered.and_then(|at| u64::try_from(at).ok()).map(Millis);
    let delivered = given.filter(|at| *at <= now).unwrap_or(now);
    let mut claimed = Vec::new();
    for id in &request.ids {
        if stream.entry(*id).is_none() {
            group.acknowledge(*id);
            continue;
        }
        let before = match group.pending().get(id) {
            Some(pending) if now.0.saturating_sub(pending.delivered.0) < request.idle_min => {
                continue;
            }
            Some(pending) => pending.times,
            None if request.force => 1,
            None => continue,
        };
        // As in Redis, the consumer is made by the first entry that it gets.
        let (consumer, _) = group.consumer(name, now);
        group.see(&consumer, now);
        let times = request.times.unwrap_or(before + u64::from(!request.just_id));
        group.deliver(*id, Pending { consumer, delivered, times });
        claimed.push(*id);
    }
    claimed
}

/// The arguments; `None` when an error was answered.
fn parse(
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Result<Option<Request>, Failure> {
    const MIN_IDLE: Failure = Failure("ERR Invalid min-idle-time argument for XCLAIM");
    const IDLE: Failure = Failure("ERR Invalid IDLE option argument for XCLAIM");
    const TIME: Failure = Failure("ERR Invalid TIME option argument for XCLAIM");
    const RETRY: Failure = Failure("ERR Invalid RETRYCOUNT option argument for XCLAIM");
    let number = |arg: &[u8], otherwise| crate::number::parse_i64(arg).ok_or(otherwise);
    let idle_min = number(args[4], MIN_IDLE)?;
    let mut request =
        Request { idle_min: u64::try_from(idle_min).unwrap_or(0), ..Request::default() };
    let mut rest = &args[5..];
    while let [arg, after @ ..] = rest
        && let Ok(id) = super::id(arg, 0)
    {
        request.ids.push(id);
        rest = after;
    }
    while let [word, after @ ..] = rest {
        rest = match after {
            after if args::is(word, "FORCE") => {
                request.force = true;
                after
            }
            after if args::is(word, "JUSTID") => {
                request.just_id = true;
                after
            }
            [n, after @ ..] if args::is(word, "IDLE") => {
                request.delivered = Some((ctx.now.0 as i64).wrapping_sub(number(n, IDLE)?));
                after
            }
            [n, after @ ..] if args::is(word, "TIME") => {
                request.delivered = Some(number(n, TIME)?);
                after
            }
            [n, after @ ..] if args::is(word, "RETRYCOUNT") => {
                request.times = u64::try_from(number(n, RETRY)?).ok();
                after
            }
            [last, after @ ..] if args::is(word, "LASTID") => {
                request.last = super::id(last, 0)?;
                after
            }
            _ => {
                let word = String::from_utf8_lossy(word);
                out.error(&format!("ERR Unrecognized XCLAIM option '{word}'"));
                return Ok(None);
            }
        };
    }
    Ok(Some(request))
}
