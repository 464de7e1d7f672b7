//! LATENCY: the slowest request of each second in which one took as long as `latency-monitor-threshold` says.
//!
//! One worker of a node keeps them for all. There is no clock for each request: what counts is the time from the turn that
//! took it to the turn that answered it, as in the slow log.
//!
//! Source: Redis, "LATENCY" and latency.c, sparkline.c of 7.0.

use std::collections::{BTreeMap, VecDeque};
use synod_types::{ReplySink, varint};
use synod_wire::resp::RespWriter;

/// The most samples that are kept of each kind (Redis: 160).
const SAMPLES_MAX: usize = 160;
/// How wide a graph is, and how high.
const GRAPH_COLUMNS: usize = 80;
const GRAPH_ROWS: usize = 4;
/// What the uppermost row of a column is drawn with, from little to much.
const GRAPH_FILLS: &[u8] = b"_o#";

/// The names, as Redis has them.
const NAMES: [&str; 2] = ["command", "fast-command"];

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum LatencyEvent {
    /// A command took long.
    Command = 0,
    /// One that is counted among the fast ones did.
    FastCommand = 1,
}

impl LatencyEvent {
    /// The one with this number.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        [Self::Command, Self::FastCommand].into_iter().find(|event| *event as u8 == number)
    }

    fn named(name: &[u8]) -> Option<Self> {
        let at = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
        Self::from_u8(at as u8)
    }

    fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// The samples of one kind: the second, and the longest in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Series {
    samples: VecDeque<(u64, u64)>,
    max_ms: u64,
}

/// All samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyEvents {
    series: BTreeMap<u8, Series>,
}

/// What LATENCY asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LatencyQuery {
    /// The newest sample of each kind.
    Latest,
    /// The samples of this one.
    History(Vec<u8>),
    /// The same drawn, at this time in seconds.
    Graph(Vec<u8>, u64),
    /// What to make of them; the threshold in milliseconds, 0: none.
    Doctor(u64),
}

impl LatencyEvents {
    /// A request took so long.
    pub fn note(&mut self, event: LatencyEvent, at_s: u64, ms: u64) {
        let Series { samples, max_ms } = self.series.entry(event as u8).or_default();
        *max_ms = (*max_ms).max(ms);
        match samples.back_mut() {
            Some((second, longest)) if *second == at_s => *longest = ms.max(*longest),
            _ => {
                samples.push_back((at_s, ms));
                if samples.len() > SAMPLES_MAX {
                    samples.pop_front();
                }
            }
        }
    }

    /// Forgets the samples of these kinds, of all without any; of how many kinds there were some.
    pub fn reset(&mut self, names: &[Vec<u8>]) -> usize {
        let before = self.series.len();
        match names {
            [] => self.series.clear(),
            names => names.iter().filter_map(|name| LatencyEvent::named(name)).for_each(|event| {
                self.series.remove(&(event as u8));
            }),
        }
        before - self.series.len()
    }

    /// As it travels: `count, (event u8, max, count, (second, ms)*)*`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint::put(&mut out, self.series.len() as u64);
        for (event, series) in &self.series {
            out.push(*event);
            varint::put(&mut out, series.max_ms);
            varint::put(&mut out, series.samples.len() as u64);
            for (second, ms) in &series.samples {
                varint::put(&mut out, *second);
                varint::put(&mut out, *ms);
            }
        }
        out
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut all = Self::default();
        for _ in 0..varint::take(&mut bytes)? {
            let (event, rest) = bytes.split_first()?;
            bytes = rest;
            let mut series = Series { max_ms: varint::take(&mut bytes)?, ..Series::default() };
            for _ in 0..varint::take(&mut bytes)? {
                series.samples.push_back((varint::take(&mut bytes)?, varint::take(&mut bytes)?));
            }
            all.series.insert(LatencyEvent::from_u8(*event)? as u8, series);
        }
        bytes.is_empty().then_some(all)
    }

    fn of(&self, name: &[u8]) -> Option<&Series> {
        self.series.get(&(LatencyEvent::named(name)? as u8))
    }

    fn all(&self) -> impl Iterator<Item = (LatencyEvent, &Series)> {
        self.series
            .iter()
            .filter_map(|(number, series)| Some((LatencyEvent::from_u8(*number)?, series)))
    }

    fn answer(&self, query: &LatencyQuery, out: &mut RespWriter<'_>) {
        match query {
            LatencyQuery::Latest => {
                out.array(self.series.len());
                for (event, series) in self.all() {
                    let (second, ms) = series.samples.back().copied().unwrap_or_default();
                    out.array(4);
                    out.bulk(event.name().as_bytes());
                    [second, ms, series.max_ms]
                        .into_iter()
                        .for_each(|n| out.integer(n.cast_signed()));
                }
            }
            LatencyQuery::History(name) => {
                let samples = self.of(name).map(|series| &series.samples);
                out.array(samples.map_or(0, VecDeque::len));
                for (second, ms) in samples.into_iter().flatten() {
                    out.array(2);
                    out.integer(second.cast_signed());
                    out.integer(ms.cast_signed());
                }
            }
            LatencyQuery::Graph(name, now_s) => match (LatencyEvent::named(name), self.of(name)) {
                (Some(event), Some(series)) => out.verbatim(&graph(event, series, *now_s)),
                _ => {
                    let name = String::from_utf8_lossy(name);
                    out.error(&format!("ERR No samples available for event '{name}'"));
                }
            },
            LatencyQuery::Doctor(threshold_ms) => out.verbatim(&self.report(*threshold_ms)),
        }
    }

    fn report(&self, threshold_ms: u64) -> String {
        if threshold_ms == 0 {
            return "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it.\n".to_owned();
        }
        if self.series.is_empty() {
            return "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit.\n".to_owned();
        }
        let mut text =
            "Dave, I have observed latency spikes in this Redis instance.\n\n".to_owned();
        for (nth, (event, series)) in self.all().enumerate() {
            let count = series.samples.len() as u64;
            let sum: u64 = series.samples.iter().map(|(_, ms)| ms).sum();
            let average = sum / count.max(1);
            let off: u64 = series.samples.iter().map(|(_, ms)| ms.abs_diff(average)).sum();
            let first = series.samples.front().map_or(0, |(second, _)| *second);
            let last = series.samples.back().map_or(0, |(second, _)| *second);
            let period = last.saturating_sub(first) as f64 / count.max(1) as f64;
            text.push_str(&format!(
                "{}. {}: {count} latency spikes (average {average}ms, mean deviation {}ms, period {period:.2} sec). Worst all time event {}ms.\n",
                nth + 1,
                event.name(),
                off / count.max(1),
                series.max_ms
            ));
        }
        text.push_str("\nA request's time is that until its answer. SLOWLOG GET names the requests; INFO commandstats tells which commands take long; a write waits for the disks of a quorum: see INFO persistence and the latency of the disk.\n");
        text
    }
}

/// Writes what a worker told.
pub(crate) fn write(bytes: &[u8], query: &LatencyQuery, out: &mut RespWriter<'_>) {
    LatencyEvents::decode(bytes).unwrap_or_default().answer(query, out);
}

/// A column for each sample: how long it took, and below how long ago.
fn graph(event: LatencyEvent, series: &Series, now_s: u64) -> String {
    let times = series.samples.iter().map(|(_, ms)| *ms);
    let (low, high) = (times.clone().min().unwrap_or(0), times.max().unwrap_or(0));
    let mut text = format!(
        "{} - high {high} ms, low {low} ms (all time high {} ms)\n",
        event.name(),
        series.max_ms
    );
    text.push_str(&"-".repeat(GRAPH_COLUMNS));
    text.push('\n');
    let samples: Vec<(u64, u64)> = series.samples.iter().copied().collect();
    for samples in samples.chunks(GRAPH_COLUMNS) {
        draw(samples, (low, high), now_s, &mut text);
    }
    text
}

fn draw(samples: &[(u64, u64)], (low, high): (u64, u64), now_s: u64, text: &mut String) {
    let steps = (GRAPH_ROWS * GRAPH_FILLS.len()) as u64;
    let step = |ms: u64| ((ms - low) * steps / (high - low).max(1)).min(steps - 1) as usize;
    for row in 0..GRAPH_ROWS {
        let below = (GRAPH_ROWS - row - 1) * GRAPH_FILLS.len();
        text.extend(samples.iter().map(|(_, ms)| match step(*ms).checked_sub(below) {
            None => ' ',
            Some(over) => char::from(*GRAPH_FILLS.get(over).unwrap_or(&b'|')),
        }));
        text.push('\n');
    }
    text.push_str(&" ".repeat(samples.len()));
    text.push('\n');
    let labels: Vec<String> =
        samples.iter().map(|(at_s, _)| ago(now_s.saturating_sub(*at_s))).collect();
    for row in 0..labels.iter().map(String::len).max().unwrap_or(0) {
        text.extend(labels.iter().map(|label| label.chars().nth(row).unwrap_or(' ')));
        text.push('\n');
    }
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_wire::resp::Proto;

    fn told(events: &LatencyEvents, query: &LatencyQuery) -> String {
        let mut bytes = Vec::new();
        write(&events.encode(), query, &mut RespWriter::new(&mut bytes, Proto::Resp2));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn the_longest_of_each_second_is_kept_and_told() {
        let mut events = LatencyEvents::default();
        for (at_s, ms) in [(10, 5), (10, 9), (10, 7), (12, 3)] {
            events.note(LatencyEvent::Command, at_s, ms);
        }
        let history = LatencyQuery::History(b"Command".to_vec());
        assert_eq!(told(&events, &history), "*2\r\n*2\r\n:10\r\n:9\r\n*2\r\n:12\r\n:3\r\n");
        assert_eq!(told(&events, &LatencyQuery::History(b"nosuch".to_vec())), "*0\r\n");
        assert_eq!(
            told(&events, &LatencyQuery::Latest),
            "*1\r\n*4\r\n$7\r\ncommand\r\n:12\r\n:3\r\n:9\r\n"
        );
        let graph = told(&events, &LatencyQuery::Graph(b"command".to_vec(), 75));
        let drawn: Vec<&str> = graph.lines().skip(3).collect();
        assert!(graph.contains("command - high 9 ms, low 3 ms (all time high 9 ms)\n"), "{graph}");
        assert_eq!(drawn, ["# ", "| ", "| ", "|_", "  ", "11", "mm", ""], "{graph}");
        assert!(told(&events, &LatencyQuery::Doctor(1)).contains("1. command: 2 latency spikes"));
        assert_eq!(events.reset(&[b"fast-command".to_vec()]), 0);
        assert_eq!(events.reset(&[b"command".to_vec()]), 1);
        assert!(
            told(&events, &LatencyQuery::Graph(b"command".to_vec(), 0))
                .starts_with("-ERR No samples")
        );
    }

    #[test]
    fn samples_are_bounded_and_cut_ones_are_refused() {
        let mut events = LatencyEvents::default();
        (0..1_000).for_each(|at_s| events.note(LatencyEvent::FastCommand, at_s, at_s));
        assert_eq!(events.series[&1].samples.len(), SAMPLES_MAX);
        let bytes = events.encode();
        assert_eq!(LatencyEvents::decode(&bytes), Some(events));
        for cut in 0..bytes.len() {
            assert_eq!(LatencyEvents::decode(&bytes[..cut]), None);
        }
    }
}
