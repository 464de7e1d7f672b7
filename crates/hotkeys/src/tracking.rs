//! A time of watching which keys cost most, begun and ended by hand: what HOTKEYS START, STOP and GET of Redis 8.6 are about.
//! Unlike [`crate::Heat`] it covers all partitions of a worker together, and nothing fades.

use crate::heat::Cost;
use crate::sampler::{Sampler, sample_of};
use crate::sketch::Sketch;
use crate::summary::{Summary, take_f64};
use synod_types::{SLOT_COUNT, varint};

/// How many keys may be asked for.
pub const COUNT_MAX: usize = 64;
/// How many counters there are for each key that is asked for.
const COUNTERS_PER_KEY: usize = 8;

/// What is to be watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Unix time in milliseconds at which it was asked for.
    pub started_ms: u64,
    /// After how many milliseconds it ends by itself; 0: never.
    pub duration_ms: u64,
    /// Whether processor time is counted.
    pub cpu: bool,
    /// Whether bytes of requests and replies are.
    pub net: bool,
    /// How many keys are told, from 1 to [`COUNT_MAX`].
    pub count: usize,
    /// One in so many requests is counted, at least 1.
    pub sample: u32,
    /// First and last slot of the ranges that are watched, in order; empty: all.
    pub slots: Vec<(u16, u16)>,
}

impl Wanted {
    /// Whether keys of this slot are watched.
    #[must_use]
    pub fn covers(&self, slot: u16) -> bool {
        self.slots.is_empty()
            || self.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let numbers = [self.started_ms, self.duration_ms, self.count as u64, self.sample.into()];
        numbers.into_iter().for_each(|n| varint::put(out, n));
        out.extend_from_slice(&[u8::from(self.cpu), u8::from(self.net)]);
        varint::put(out, self.slots.len() as u64);
        for (first, last) in &self.slots {
            varint::put(out, (*first).into());
            varint::put(out, (*last).into());
        }
    }

    /// Takes one off the front; `None` when there is no whole one within its bounds.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (started_ms, duration_ms) = (varint::take(bytes)?, varint::take(bytes)?);
        let count = usize::try_from(varint::take(bytes)?).ok();
        let count = count.filter(|n| (1..=COUNT_MAX).contains(n))?;
        let sample = u32::try_from(varint::take(bytes)?).ok().filter(|n| *n > 0)?;
        let ([cpu, net], rest) = bytes.split_first_chunk::<2>()?;
        *bytes = rest;
        let ranges = varint::take(bytes)?;
        if ranges > SLOT_COUNT.into() {
            return None;
        }
        let mut slot = || u16::try_from(varint::take(bytes)?).ok();
        let slots = (0..ranges).map(|_| Some((slot()?, slot()?))).collect::<Option<_>>()?;
        Some(Self { started_ms, duration_ms, cpu: *cpu == 1, net: *net == 1, count, sample, slots })
    }
}

/// Sums over all requests of the time, estimated from those that were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Microseconds of all requests.
    pub cpu_us: f64,
    /// Bytes of all requests.
    pub bytes: f64,
    /// Microseconds of those of watched slots.
    pub watched_cpu_us: f64,
    /// Bytes of those of watched slots.
    pub watched_bytes: f64,
}

/// Milliseconds that the process spent in user code and in the kernel.
pub type ProcessTimes = [u64; 2];

/// What one worker has seen.
#[derive(Debug)]
pub struct Tracking {
    wanted: Wanted,
    sampler: Sampler,
    cpu: Sketch,
    net: Sketch,
    totals: Totals,
    began: ProcessTimes,
    /// When it ended, in Unix milliseconds, and the process's times then.
    ended: Option<(u64, ProcessTimes)>,
}

impl Tracking {
    /// Begins to watch.
    #[must_use]
    pub fn new(wanted: Wanted, seed: u64, began: ProcessTimes) -> Self {
        let sketch = || Sketch::new(wanted.count * COUNTERS_PER_KEY, None, 0);
        let (cpu, net) = (sketch(), sketch());
        let sampler = sample_of(wanted.sample, seed);
        Self { wanted, sampler, cpu, net, totals: Totals::default(), began, ended: None }
    }

    /// What was asked for.
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Whether it goes on at this time.
    #[must_use]
    pub fn is_active(&self, now_ms: u64) -> bool {
        let Wanted { started_ms, duration_ms, .. } = self.wanted;
        self.ended.is_none()
            && (duration_ms == 0 || now_ms < started_ms.saturating_add(duration_ms))
    }

    /// Whether the next request is counted.
    #[inline]
    pub fn pick(&mut self) -> bool {
        self.sampler.pick()
    }

    /// A request that was picked cost its keys so much each; `slot_of` tells the slots of keys.
    pub fn add<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        each: Cost,
        slot_of: impl Fn(&[u8]) -> u16,
    ) {
        let every = f64::from(self.wanted.sample);
        let (cpu_us, bytes) = (each.cpu_us * every, each.bytes * every);
        for key in keys {
            self.totals.cpu_us += cpu_us;
            self.totals.bytes += bytes;
            if !self.wanted.covers(slot_of(key)) {
                continue;
            }
            self.totals.watched_cpu_us += cpu_us;
            self.totals.watched_bytes += bytes;
            if self.wanted.cpu {
                self.cpu.add(key, cpu_us, 0);
            }
            if self.wanted.net {
                self.net.add(key, bytes, 0);
            }
        }
    }

    /// Ends it, if it goes on.
    pub fn stop(&mut self, now_ms: u64, process: ProcessTimes) {
        if self.ended.is_none() {
            let Wanted { started_ms, duration_ms, .. } = self.wanted;
            let end =
                if duration_ms == 0 { u64::MAX } else { started_ms.saturating_add(duration_ms) };
            self.ended = Some((now_ms.min(end), process));
        }
    }

    /// What it has found by now.
    #[must_use]
    pub fn tracked(&self, now_ms: u64, process: ProcessTimes) -> Tracked {
        let (until_ms, process) = self.ended.unwrap_or((now_ms, process));
        let of_process = [0, 1].map(|at| process[at].saturating_sub(self.began[at]));
        Tracked {
            wanted: self.wanted.clone(),
            active: self.is_active(now_ms),
            took_ms: until_ms.saturating_sub(self.wanted.started_ms),
            process: of_process,
            totals: self.totals,
            cpu: self.cpu.summary(0),
            net: self.net.summary(0),
        }
    }
}

/// What was found, by one worker or all.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracked {
    /// What was asked for.
    pub wanted: Wanted,
    /// Whether it goes on.
    pub active: bool,
    /// How long it has gone on, in milliseconds.
    pub took_ms: u64,
    /// What the processes have spent in the meantime.
    pub process: ProcessTimes,
    /// Sums.
    pub totals: Totals,
    /// Microseconds of keys.
    pub cpu: Summary,
    /// Bytes of keys.
    pub net: Summary,
}

impl Tracked {
    /// Adds what another worker has found. What was asked for later counts alone.
    pub fn merge(&mut self, other: Self) {
        if other.wanted.started_ms != self.wanted.started_ms {
            if other.wanted.started_ms > self.wanted.started_ms {
                *self = other;
            }
            return;
        }
        let capacity = self.wanted.count * COUNTERS_PER_KEY;
        self.active |= other.active;
        self.took_ms = self.took_ms.max(other.took_ms);
        (0..2).for_each(|at| self.process[at] += other.process[at]);
        self.totals.cpu_us += other.totals.cpu_us;
        self.totals.bytes += other.totals.bytes;
        self.totals.watched_cpu_us += other.totals.watched_cpu_us;
        self.totals.watched_bytes += other.totals.watched_bytes;
        self.cpu.merge(other.cpu, capacity);
        self.net.merge(other.net, capacity);
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.wanted.encode(out);
        out.push(u8::from(self.active));
        [self.took_ms, self.process[0], self.process[1]]
            .into_iter()
            .for_each(|n| varint::put(out, n));
        let Totals { cpu_us, bytes, watched_cpu_us, watched_bytes } = self.totals;
        for x in [cpu_us, bytes, watched_cpu_us, watched_bytes] {
            out.extend_from_slice(&x.to_le_bytes());
        }
        self.cpu.encode(out);
        self.net.encode(out);
    }

    /// Reads one; `None` when it is not whole.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let wanted = Wanted::decode(bytes)?;
        let (active, rest) = bytes.split_first()?;
        *bytes = rest;
        let (took_ms, process) =
            (varint::take(bytes)?, [varint::take(bytes)?, varint::take(bytes)?]);
        let totals = Totals {
            cpu_us: take_f64(bytes)?,
            bytes: take_f64(bytes)?,
            watched_cpu_us: take_f64(bytes)?,
            watched_bytes: take_f64(bytes)?,
        };
        let (cpu, net) = (Summary::decode(bytes)?, Summary::decode(bytes)?);
        let active = *active == 1;
        bytes.is_empty().then_some(Self { wanted, active, took_ms, process, totals, cpu, net })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            started_ms: 1_000,
            duration_ms: 500,
            cpu: true,
            net: true,
            count: 2,
            sample: 1,
            slots: vec![(0, 5), (9, 9)],
        }
    }

    fn slot(key: &[u8]) -> u16 {
        u16::from(key[0] - b'0')
    }

    #[test]
    fn what_is_watched_is_counted_until_the_time_is_over() {
        let mut tracking = Tracking::new(wanted(), 1, [10, 20]);
        let cost = |n: u32| Cost { ops: 1.0, bytes: f64::from(n), cpu_us: 2.0 };
        assert!(tracking.pick());
        tracking.add([&b"1"[..], b"7"].into_iter(), cost(10), slot);
        tracking.add([&b"9"[..]].into_iter(), cost(50), slot);
        assert!(tracking.is_active(1_499) && !tracking.is_active(1_500));
        let told = tracking.tracked(1_200, [15, 21]);
        assert_eq!((told.active, told.took_ms, told.process), (true, 200, [5, 1]));
        assert_eq!((told.totals.bytes, told.totals.watched_bytes), (70.0, 60.0));
        let keys: Vec<_> = told.net.counted().iter().map(|c| (c.key.text(9), c.count)).collect();
        assert_eq!(keys, [("9".to_owned(), 50.0), ("1".to_owned(), 10.0)]);
        tracking.stop(9_999, [30, 40]);
        tracking.stop(10_000, [31, 41]);
        let told = tracking.tracked(20_000, [99, 99]);
        assert_eq!((told.active, told.took_ms, told.process), (false, 500, [20, 20]));
    }

    #[test]
    fn what_workers_found_is_added_and_an_earlier_time_is_left_out() {
        let mut tracking = Tracking::new(wanted(), 1, [0; 2]);
        tracking.add([&b"1"[..]].into_iter(), Cost { ops: 1.0, bytes: 5.0, cpu_us: 1.0 }, slot);
        let one = tracking.tracked(1_100, [7, 7]);
        let mut whole = one.clone();
        whole.merge(one.clone());
        assert_eq!((whole.totals.bytes, whole.net.counted()[0].count), (10.0, 10.0));
        let mut earlier = one.clone();
        earlier.wanted.started_ms = 1;
        whole.merge(earlier.clone());
        assert_eq!(whole.totals.bytes, 10.0);
        earlier.merge(whole.clone());
        assert_eq!(earlier, whole);
        let mut bytes = Vec::new();
        whole.encode(&mut bytes);
        assert_eq!(Tracked::decode(&bytes), Some(whole));
        for cut in 0..bytes.len() {
            assert_eq!(Tracked::decode(&bytes[..cut]), None);
        }
    }
}
