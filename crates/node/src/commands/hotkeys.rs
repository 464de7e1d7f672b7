//! HOTKEYS: the keys that cost most, in the whole cluster. Every worker of every node that can be reached is asked.
//!
//! START, STOP, GET and RESET are those of Redis 8.6, where a node tells of itself alone. TOP is Synod's own: what is counted
//! all the time, and the largest keys.
//!
//! Source: Redis, "HOTKEYS START", "HOTKEYS GET", "HOTKEYS STOP" and "HOTKEYS RESET" of 8.6.

use super::subcommand::{self, Subcommand};
use crate::errand::Errand;
use crate::node::Node;
use synod_data::{Flags, number};
use synod_hotkeys::{COUNT_MAX, Measure, SAMPLE_MAX, Wanted};
use synod_redis::{Flow, Join, TopQuery};
use synod_types::{ClientId, ReplySink, SLOT_COUNT, varint};

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);
const OPERATOR: Flags = Flags::ADMIN.and(Flags::NOSCRIPT);
const COUNT_DEFAULT: usize = 10;
/// The longest time that may be asked for, in seconds.
const DURATION_S_MAX: i64 = 366 * 24 * 3600;

const SYNTAX: &str = "ERR syntax error";
const GOES_ON: &str = "ERR hotkey tracking session already in progress";
const STOP_FIRST: &str = "ERR hotkey tracking session in progress, stop tracking first";

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("hotkeys|get", 2, OPERATOR, get)
        .about("8.6.0", "", "What was found since START, in the whole cluster."),
    Subcommand::new("hotkeys|reset", 2, OPERATOR, reset)
        .about("8.6.0", "", "Forgets what was found."),
    Subcommand::new("hotkeys|start", -2, OPERATOR, start)
        .about("8.6.0", "METRICS <count> [CPU] [NET] [COUNT <k>] [DURATION <seconds>] [SAMPLE <ratio>] [SLOTS <count> <slot> [<slot> ...]]", "Begins to count what keys cost, on all nodes that can be reached."),
    Subcommand::new("hotkeys|stop", 2, OPERATOR, stop)
        .about("8.6.0", "", "Ends that; what was found stays."),
    Subcommand::new("hotkeys|top", -2, OPERATOR, top)
        .about("8.6.0", "[COUNT <count>] [BY <OPS|BYTES|CPU|SIZE>]", "Synod's own: the keys that cost most now, per second, or the largest; needs no START."),
    Subcommand::new("hotkeys|help", 2, ANYTIME, help)
        .about("8.6.0", "", "Prints this help."),
];

/// What all workers of the cluster are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// What keys cost now.
    Top,
    /// Begin to watch.
    Start(Wanted),
    /// End that.
    Stop,
    /// Forget what was found.
    Reset,
    /// What was found.
    Get,
}

impl Question {
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Top => out.push(0),
            Self::Start(wanted) => {
                out.push(1);
                wanted.encode(out);
            }
            Self::Stop => out.push(2),
            Self::Reset => out.push(3),
            Self::Get => out.push(4),
        }
    }

    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(match tag {
            0 => Self::Top,
            1 => Self::Start(Wanted::decode(bytes)?),
            2 => Self::Stop,
            3 => Self::Reset,
            4 => Self::Get,
            _ => return None,
        })
    }
}

/// What a worker answers.
#[derive(Debug)]
pub(crate) enum Answer {
    Null,
    Number(i64),
    Error(&'static str),
    /// What it knows, encoded.
    Known(Vec<u8>),
}

impl Answer {
    pub fn write(&self, out: &mut dyn ReplySink) {
        match self {
            Self::Null => out.null(),
            Self::Number(n) => out.integer(*n),
            Self::Error(text) => out.error(text),
            Self::Known(bytes) => out.bulk(bytes),
        }
    }
}

/// What this worker answers.
pub(crate) fn answer(node: &mut Node, question: &Question) -> Answer {
    match question {
        Question::Top => {
            let mut bytes = Vec::new();
            varint::put(&mut bytes, node.counted.heats().sample_ratio().into());
            node.counted.heats().report().encode(&mut bytes);
            return Answer::Known(bytes);
        }
        Question::Get => return node.counted.heats().tracked().map_or(Answer::Null, Answer::Known),
        Question::Start(wanted) => {
            let seed = node.local.random();
            node.counted.heats_mut().start_tracking(wanted.clone(), seed);
        }
        Question::Stop => {
            let stopped = i64::from(node.counted.heats().is_tracking());
            node.counted.heats_mut().stop_tracking();
            return Answer::Number(stopped);
        }
        Question::Reset if node.counted.heats().is_tracking() => return Answer::Error(STOP_FIRST),
        Question::Reset => node.counted.heats_mut().reset_tracking(),
    }
    Answer::Null
}

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "HOTKEYS", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "HOTKEYS", None, TABLE)
}

fn ask(node: &mut Node, client: ClientId, join: Join, question: Question) -> Flow {
    node.ask_cluster(client, join, &Errand::HotKeys(question))
}

fn get(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let parts = node.cluster_workers();
    let nodes = parts.iter().map(|worker| worker.node.0).collect();
    ask(node, client, Join::HotKeys(nodes), Question::Get)
}

fn stop(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    ask(node, client, Join::SomeStopped, Question::Stop)
}

fn reset(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    ask(node, client, Join::AllOk, Question::Reset)
}

fn start(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match wanted(&args[2..]) {
        Err(text) => node.refuse_request(client, text),
        Ok(_) if node.counted.heats().is_tracking() => node.refuse_request(client, GOES_ON),
        Ok(wanted) => {
            let started_ms = node.local.now().wall.0;
            ask(node, client, Join::AllOk, Question::Start(Wanted { started_ms, ..wanted }))
        }
    }
}

fn top(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let (mut count, mut by) = (COUNT_DEFAULT, Some(Measure::Ops));
    for pair in args[2..].chunks(2) {
        let known = match pair {
            [word, value] if word.eq_ignore_ascii_case(b"count") => {
                within(value, 1, COUNT_MAX as i64).map(|n| count = n as usize)
            }
            [word, value] if word.eq_ignore_ascii_case(b"by") => measure(value).map(|m| by = m),
            _ => None,
        };
        if known.is_none() {
            let text = "ERR syntax error: HOTKEYS TOP [COUNT 1..64] [BY OPS|BYTES|CPU|SIZE]";
            return node.refuse_request(client, text);
        }
    }
    let parts = node.cluster_workers();
    let nodes = parts.iter().map(|worker| worker.node.0).collect();
    ask(node, client, Join::HotKeysTop(TopQuery { count, by, nodes }), Question::Top)
}

/// `Some(None)`: by size.
fn measure(word: &[u8]) -> Option<Option<Measure>> {
    if word.eq_ignore_ascii_case(b"size") {
        return Some(None);
    }
    let named = |m: &Measure| word.eq_ignore_ascii_case(m.name().as_bytes());
    Measure::ALL.into_iter().find(named).map(Some)
}

fn within(word: &[u8], min: i64, max: i64) -> Option<i64> {
    number::parse_i64(word).filter(|n| (min..=max).contains(n))
}

/// What START asks for.
///
/// # Errors
/// What is wrong with it, in Redis's words.
fn wanted(args: &[&[u8]]) -> Result<Wanted, &'static str> {
    let mut rest = args;
    let mut metrics = None;
    let mut wanted = Wanted { count: COUNT_DEFAULT, sample: 1, ..Wanted::default() };
    let mut slots: Option<Vec<u16>> = None;
    while let [word, tail @ ..] = rest {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let value = tail.first().copied();
        rest = tail.get(1..).unwrap_or_default();
        if is("metrics") {
            if metrics.is_some() {
                return Err("ERR METRICS parameter already specified");
            }
            let count = value.and_then(|v| within(v, 1, i64::MAX));
            let count = count.ok_or("ERR METRICS count must be a positive number")?;
            rest = take_metrics(count, rest, &mut wanted)?;
            metrics = Some(());
        } else if is("count") {
            let count = value.and_then(|v| within(v, 1, COUNT_MAX as i64));
            wanted.count = count.ok_or("ERR COUNT must be between 1 and 64")? as usize;
        } else if is("duration") {
            let duration = value.and_then(|v| within(v, 0, DURATION_S_MAX));
            let seconds = duration.ok_or("ERR DURATION must be between 0 and 31622400 seconds")?;
            wanted.duration_ms = seconds as u64 * 1000;
        } else if is("sample") {
            let sample = value.and_then(|v| within(v, 1, SAMPLE_MAX.into()));
            wanted.sample =
                sample.ok_or("ERR SAMPLE ratio must be positive and at most 1048576")? as u32;
        } else if is("slots") {
            if slots.is_some() {
                return Err("ERR SLOTS parameter already specified");
            }
            let count = value.and_then(|v| within(v, 1, SLOT_COUNT.into()));
            let count = count.ok_or("ERR SLOTS count must be between 1 and 16384")? as usize;
            let words = rest.get(..count).ok_or("ERR not enough slot numbers provided")?;
            rest = &rest[count..];
            slots = Some(sorted_slots(words)?);
        } else {
            return Err(SYNTAX);
        }
    }
    metrics.ok_or("ERR METRICS parameter is required")?;
    wanted.slots = ranges(&slots.unwrap_or_default());
    Ok(wanted)
}

/// Takes so many metrics; those that are not known are passed over, if one is.
fn take_metrics<'a, 'b>(
    count: i64,
    words: &'a [&'b [u8]],
    wanted: &mut Wanted,
) -> Result<&'a [&'b [u8]], &'static str> {
    const OPTIONS: [&str; 5] = ["count", "duration", "sample", "slots", "metrics"];
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut taken = 0;
    for word in words.iter().take(count) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if OPTIONS.into_iter().any(is) {
            break;
        }
        taken += 1;
        if is("cpu") && std::mem::replace(&mut wanted.cpu, true) {
            return Err("ERR METRICS CPU defined more than once");
        }
        if is("net") && std::mem::replace(&mut wanted.net, true) {
            return Err("ERR METRICS NET defined more than once");
        }
    }
    if taken < count {
        return Err("ERR METRICS count does not match number of metric types provided");
    }
    if !(wanted.cpu || wanted.net) {
        return Err("ERR METRICS no valid metrics passed. Supported: CPU, NET");
    }
    Ok(&words[taken..])
}

fn sorted_slots(words: &[&[u8]]) -> Result<Vec<u16>, &'static str> {
    let slot = |word: &&[u8]| within(word, 0, i64::from(SLOT_COUNT) - 1).map(|n| n as u16);
    let slots = words.iter().map(slot).collect::<Option<Vec<u16>>>();
    let mut slots = slots.ok_or("ERR Invalid or out of range slot")?;
    slots.sort_unstable();
    match slots.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err("ERR duplicate slot number"),
        false => Ok(slots),
    }
}

/// Sorted numbers as ranges.
fn ranges(slots: &[u16]) -> Vec<(u16, u16)> {
    slots
        .chunk_by(|a, b| a + 1 == *b)
        .filter_map(|run| Some((*run.first()?, *run.last()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Wanted, &'static str> {
        let words: Vec<&[u8]> =
            line.split(' ').filter(|w| !w.is_empty()).map(str::as_bytes).collect();
        wanted(&words)
    }

    #[test]
    fn start_is_read_as_redis_reads_it() {
        let wanted = parse("metrics 2 CPU net COUNT 20 DURATION 3 SAMPLE 7 SLOTS 6 10 5 1 0 6 2");
        let slots = vec![(0, 2), (5, 6), (10, 10)];
        let all = Wanted {
            started_ms: 0,
            duration_ms: 3000,
            cpu: true,
            net: true,
            count: 20,
            sample: 7,
            slots,
        };
        assert_eq!(wanted, Ok(all));
        assert!(parse("METRICS 2 GPU CPU").is_ok_and(|w| w.cpu && !w.net && w.count == 10));
        let refused = [
            ("", "METRICS parameter is required"),
            ("METRICS 0", "METRICS count"),
            ("METRICS -1 CPU", "METRICS count"),
            ("METRICS 2 CPU", "METRICS count does not match"),
            ("METRICS 3 CPU NET", "METRICS count"),
            ("METRICS 1 CPU NET", "syntax error"),
            ("METRICS 1 GPU", "METRICS no valid metrics"),
            ("METRICS 2 CPU CPU", "METRICS CPU"),
            ("METRICS 2 NET NET", "METRICS NET"),
            ("METRICS 1 CPU COUNT 0", "COUNT must be between 1 and 64"),
            ("METRICS 1 CPU COUNT 65", "COUNT must be between 1 and 64"),
            ("METRICS 1 CPU COUNT", "COUNT must be between 1 and 64"),
            ("METRICS 1 CPU SAMPLE 0", "SAMPLE ratio must be positive"),
            ("METRICS 1 CPU SLOTS 2 0", "not enough slot numbers"),
            ("METRICS 1 CPU SLOTS 2 0 0", "duplicate slot number"),
            ("METRICS 1 CPU SLOTS 1 0 SLOTS 1 5", "SLOTS parameter already specified"),
            ("METRICS 1 CPU SLOTS 1 -1", "Invalid or out of range slot"),
            ("METRICS 1 CPU SLOTS 1 16384", "Invalid or out of range slot"),
            ("METRICS 1 CPU SLOTS 1 abc", "Invalid or out of range slot"),
            ("METRICS 1 CPU EVER", "syntax error"),
        ];
        for (line, why) in refused {
            assert!(parse(line).is_err_and(|text| text.contains(why)), "{line}: {:?}", parse(line));
        }
    }
}
