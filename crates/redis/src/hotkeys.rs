//! The replies of HOTKEYS, joined from what all workers of the cluster know.

use synod_hotkeys::{Measure, Report, Summary, Tracked};
use synod_types::{ReplySink, SLOT_COUNT, varint};
use synod_wire::resp::{RespWriter, Value};

/// What HOTKEYS TOP asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopQuery {
    /// How many keys.
    pub count: usize,
    /// By what; `None`: by size.
    pub by: Option<Measure>,
    /// The node of each part.
    pub nodes: Vec<u64>,
}

/// The nodes whose part is missing, each once.
fn silent(values: &[Value], nodes: &[u64], is_silent: impl Fn(&Value) -> bool) -> Vec<u64> {
    let mut silent: Vec<u64> =
        nodes.iter().zip(values).filter(|(_, v)| is_silent(v)).map(|(node, _)| *node).collect();
    silent.dedup();
    silent
}

/// What takes the place of the part of a node that does not answer.
#[must_use]
pub fn no_answer() -> &'static [u8] {
    b"+UNREACHABLE\r\n"
}

fn is_unreachable(value: &Value) -> bool {
    matches!(value, Value::Simple(_))
}

/// HOTKEYS TOP.
pub(crate) fn write_top(values: &[Value], query: &TopQuery, out: &mut RespWriter<'_>) {
    let mut whole = Report::default();
    let mut ratio = 0;
    for value in values {
        if let Value::Bulk(bytes) = value {
            let mut bytes = bytes.as_ref();
            ratio = varint::take(&mut bytes).unwrap_or(0).max(ratio);
            whole.merge(Report::decode(bytes).unwrap_or_default());
        }
    }
    let silent = silent(values, &query.nodes, is_unreachable);
    out.map(3);
    out.bulk(b"sample-ratio");
    out.integer(ratio.cast_signed());
    out.bulk(b"unreachable-nodes");
    write_numbers(&silent, out);
    out.bulk(b"keys");
    let Some(measure) = query.by else {
        let largest = &whole.largest[..whole.largest.len().min(query.count)];
        out.array(largest.len());
        for (group, one) in largest {
            out.map(3);
            write_key(&one.key.shown(), *group, out);
            out.bulk(b"bytes");
            out.integer(one.bytes.cast_signed());
        }
        return;
    };
    let hot = whole.by(measure, query.count);
    out.array(hot.len());
    for one in hot {
        out.map(6);
        write_key(&one.key.shown(), one.group, out);
        let names = ["ops-per-sec", "net-bytes-per-sec", "cpu-us-per-sec"];
        for (name, rate) in names.into_iter().zip(one.rates) {
            out.bulk(name.as_bytes());
            out.integer(rounded(rate));
        }
        out.bulk(b"error-per-sec");
        out.integer(rounded(one.errors[measure as usize]));
    }
}

fn write_key(shown: &[u8], group: u32, out: &mut RespWriter<'_>) {
    out.bulk(b"key");
    out.bulk(shown);
    out.bulk(b"partition");
    out.integer(group.into());
}

fn write_numbers(numbers: &[u64], out: &mut RespWriter<'_>) {
    out.array(numbers.len());
    numbers.iter().for_each(|n| out.integer(n.cast_signed()));
}

/// HOTKEYS GET: null when nothing was watched.
pub(crate) fn write_tracked(values: &[Value], nodes: &[u64], out: &mut RespWriter<'_>) {
    let mut whole: Option<Tracked> = None;
    for value in values {
        if let Value::Bulk(bytes) = value
            && let Some(part) = Tracked::decode(bytes)
        {
            match &mut whole {
                Some(whole) => whole.merge(part),
                None => whole = Some(part),
            }
        }
    }
    let Some(whole) = whole else { return out.null() };
    let silent = silent(values, nodes, is_unreachable);
    let (all, watched) = (&whole.wanted.slots, !whole.wanted.slots.is_empty());
    let sampled = watched && whole.wanted.sample > 1;
    let (cpu, net) = (whole.wanted.cpu, whole.wanted.net);
    let fields = 7
        + 3 * usize::from(cpu)
        + 2 * usize::from(net)
        + 2 * usize::from(watched)
        + 2 * usize::from(sampled)
        + usize::from(!silent.is_empty());
    let every = f64::from(whole.wanted.sample);
    let totals = whole.totals;
    out.array(1);
    out.map(fields);
    let mut number = |name: &str, n: i64| {
        out.bulk(name.as_bytes());
        out.integer(n);
    };
    number("tracking-active", i64::from(whole.active));
    number("sample-ratio", whole.wanted.sample.into());
    out.bulk(b"selected-slots");
    match all.as_slice() {
        [] => write_ranges(&[(0, SLOT_COUNT - 1)], out),
        ranges => write_ranges(ranges, out),
    }
    let mut number = |name: &str, n: i64| {
        out.bulk(name.as_bytes());
        out.integer(n);
    };
    if sampled {
        number("sampled-commands-selected-slots-us", rounded(totals.watched_cpu_us / every));
    }
    if watched {
        number("all-commands-selected-slots-us", rounded(totals.watched_cpu_us));
    }
    number("all-commands-all-slots-us", rounded(totals.cpu_us));
    if sampled {
        let bytes = rounded(totals.watched_bytes / every);
        number("net-bytes-sampled-commands-selected-slots", bytes);
    }
    if watched {
        number("net-bytes-all-commands-selected-slots", rounded(totals.watched_bytes));
    }
    number("net-bytes-all-commands-all-slots", rounded(totals.bytes));
    number("collection-start-time-unix-ms", whole.wanted.started_ms.cast_signed());
    number("collection-duration-ms", whole.took_ms.cast_signed());
    if cpu {
        number("total-cpu-time-user-ms", whole.process[0].cast_signed());
        number("total-cpu-time-sys-ms", whole.process[1].cast_signed());
    }
    if net {
        number("total-net-bytes", rounded(totals.bytes));
    }
    if cpu {
        write_summary("by-cpu-time-us", &whole.cpu, whole.wanted.count, out);
    }
    if net {
        write_summary("by-net-bytes", &whole.net, whole.wanted.count, out);
    }
    if !silent.is_empty() {
        out.bulk(b"unreachable-nodes");
        write_numbers(&silent, out);
    }
}

fn write_ranges(ranges: &[(u16, u16)], out: &mut RespWriter<'_>) {
    out.array(ranges.len());
    for (first, last) in ranges {
        let ends = [*first, *last];
        let ends = if first == last { &ends[..1] } else { &ends[..] };
        out.array(ends.len());
        ends.iter().for_each(|slot| out.integer((*slot).into()));
    }
}

fn write_summary(name: &str, summary: &Summary, count: usize, out: &mut RespWriter<'_>) {
    let top = summary.top(count);
    out.bulk(name.as_bytes());
    out.array(2 * top.len());
    for counted in top {
        out.bulk(&counted.key.shown());
        out.integer(rounded(counted.count));
    }
}

fn rounded(x: f64) -> i64 {
    x.round() as i64
}
