//! XAUTOCLAIM key group consumer min-idle start [COUNT count] [JUSTID]

use super::{Claimed, interval, no_key_or_group};
use crate::commands::prelude::*;
use crate::value::stream::group::{Group as ConsumerGroup, Pending};
use crate::value::stream::{Stream, StreamId};

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Stream, "xautoclaim", -6, xautoclaim).flags(Flags::FAST).access(Access::DELETE)
        .syntax("key group consumer min-idle-time:string start [COUNT count] [JUSTID]")
        .about("6.2.0", "Takes over entries that have been pending for long, some at a time."),
];

const COUNT_DEFAULT: usize = 100;
/// How many entries are looked at for each one asked for.
const ATTEMPTS: usize = 10;

struct Request {
    idle_min: u64,
    start: StreamId,
    count: usize,
    just_id: bool,
}

/// What a call did.
#[derive(Default)]
struct Sweep {
    claimed: Vec<StreamId>,
    /// Pending, but no longer in the stream.
    deleted: Vec<StreamId>,
    /// Where to go on.
    next: StreamId,
}

fn xautoclaim(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let request = parse(args)?;
    let view = keyspace.view::<Stream>(args[1], ctx.now)?;
    let stream = view.and_then(|view| view.stream());
    if stream.and_then(|stream| stream.groups().get(args[2])).is_none() {
        no_key_or_group(args[1], args[2], out);
        return Ok(());
    }
    let sweep =
        |stream: &Stream, group: &mut ConsumerGroup| sweep(stream, group, args[3], &request, ctx);
    let swept = super::change_group(keyspace, args[1], args[2], ctx, sweep)?.unwrap_or_default();
    out.array(3);
    out.bulk(swept.next.text().as_bytes());
    Claimed { ids: &swept.claimed, just_id: request.just_id }.reply(keyspace, args[1], ctx, out)?;
    out.array(swept.deleted.len());
    swept.deleted.iter().for_each(|id| out.bulk(id.text().as_bytes()));
    Ok(())
}

fn sweep(
    stream: &Stream,
    group: &mut ConsumerGroup,
    name: &[u8],
    request: &Request,
    ctx: &Context,
) -> Sweep {
    let attempts = request.count.saturating_mul(ATTEMPTS);
    // One more than is looked at, to know where to go on.
    let looked = group
        .pending()
        .range(request.start..)
        .map(|(id, pending)| (*id, pending.delivered, pending.times));
    let looked: Vec<_> = looked.take(attempts.saturating_add(1)).collect();
    let mut swept = Sweep::default();
    for (nth, (id, delivered, times)) in looked.into_iter().enumerate() {
        if nth == attempts || swept.claimed.len() + swept.deleted.len() == request.count {
            swept.next = id;
            break;
        }
        if stream.entry(id).is_none() {
            group.acknowledge(id);
            swept.deleted.push(id);
        } else if ctx.now.0.saturating_sub(delivered.0) >= request.idle_min {
            // As in Redis, the consumer is made by the first entry that it gets.
            let (consumer, _) = group.consumer(name, ctx.now);
            group.see(&consumer, ctx.now);
            let times = times + u64::from(!request.just_id);
            group.deliver(id, Pending { consumer, delivered: ctx.now, times });
            swept.claimed.push(id);
        }
    }
    swept
}

fn parse(args: &Args<'_>) -> Result<Request, Failure> {
    const MIN_IDLE: Failure = Failure("ERR Invalid min-idle-time argument for XAUTOCLAIM");
    const COUNT: Failure = Failure("ERR COUNT must be > 0");
    /// As in Redis, which keeps so many ids at once.
    const COUNT_MAX: i64 = i64::MAX / 16;
    let idle_min = crate::number::parse_i64(args[4]).ok_or(MIN_IDLE)?;
    let mut request = Request {
        idle_min: u64::try_from(idle_min).unwrap_or(0),
        start: interval::start(args[5])?,
        count: COUNT_DEFAULT,
        just_id: false,
    };
    let mut rest = &args[6..];
    while let [word, after @ ..] = rest {
        rest = match after {
            [n, after @ ..] if args::is(word, "COUNT") => {
                let n = crate::number::parse_i64(n).filter(|n| (1..=COUNT_MAX).contains(n));
                request.count = n.ok_or(COUNT)? as usize;
                after
            }
            after if args::is(word, "JUSTID") => {
                request.just_id = true;
                after
            }
            _ => return Err(error::SYNTAX),
        };
    }
    Ok(request)
}
