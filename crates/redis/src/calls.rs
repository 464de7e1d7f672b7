//! How often each command was called, how long its calls took, and how many of them came to nothing.
//!
//! Counted by the row of the command's name in the table of commands, and by subcommand where there are some. There is no
//! clock here. A call has taken the time from the turn that took it to the turn that answered it; those that were
//! answered in the turn that took them share its length, which is known when it is over.

use crate::latency::Histogram;
use std::collections::BTreeMap;
use synod_data::Command;
use synod_types::{ReplySink, varint};
use synod_wire::resp::RespWriter;

/// Finds the name of a command, or `command|subcommand`, as the tables have it.
pub type KnownName = fn(&[u8]) -> Option<&'static str>;

/// The calls of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many were executed.
    pub times: u64,
    /// How long they took, in microseconds.
    pub took_us: u64,
    /// How many were refused before they were executed; those are not among the others.
    pub rejected: u64,
    /// How many were answered an error.
    pub failed: u64,
    /// How long each took.
    pub durations: Histogram,
}

impl Calls {
    fn add(&mut self, other: &Self) {
        self.times += other.times;
        self.took_us += other.took_us;
        self.rejected += other.rejected;
        self.failed += other.failed;
        self.durations.merge(&other.durations);
    }
}

/// A command or subcommand in the counts of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called(u16);

impl Called {
    /// None that is counted.
    pub const NONE: Self = Self(u16::MAX);

    /// A command without subcommands.
    #[inline]
    #[must_use]
    pub fn command(command: &Command) -> Self {
        Self(command.row)
    }

    /// Whether it is a command that is counted among the fast ones; a subcommand is not.
    #[must_use]
    pub fn is_fast(self) -> bool {
        let command = synod_data::commands().nth(usize::from(self.0));
        command.is_some_and(|command| command.flags.has(synod_data::Flags::FAST))
    }
}

/// An answer of this turn.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// To what.
    pub called: Called,
    /// How long it took, in microseconds; 0 for one that was answered in the turn that took it.
    pub us: u64,
    /// Whether it is an error.
    pub failed: bool,
}

/// Counts of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Those of the table of commands, by [`Command::row`], and behind them those of `subcommands`.
    counted: Vec<Calls>,
    subcommands: Vec<&'static str>,
    /// What others told, by name, or `command|subcommand`.
    pub by_name: BTreeMap<&'static str, Calls>,
}

impl CallCounts {
    /// Counts a call.
    #[inline]
    pub fn count(&mut self, called: Called) {
        self.of(called).into_iter().for_each(|calls| calls.times += 1);
    }

    /// Counts a call that was refused before it was executed.
    pub fn count_rejected(&mut self, called: Called) {
        self.of(called).into_iter().for_each(|calls| calls.rejected += 1);
    }

    /// The place of a subcommand.
    pub fn subcommand(&mut self, name: &'static str) -> Called {
        let rows = synod_data::commands().len();
        let at = self.subcommands.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.subcommands.push(name);
            self.subcommands.len() - 1
        });
        u16::try_from(rows + at).map_or(Called::NONE, Called)
    }

    /// The turn took so long, and these were answered in it. `tracked`: it is counted how long each took.
    pub fn close_turn(&mut self, turn_us: u64, tracked: bool, answered: &mut Vec<Answered>) {
        let at_once = answered.iter().filter(|answer| answer.us == 0).count() as u64;
        let share = turn_us / at_once.max(1);
        for Answered { called, us, failed } in answered.drain(..) {
            let Some(calls) = self.of(called) else { continue };
            let us = if us == 0 { share } else { us };
            calls.took_us += us;
            if tracked {
                calls.durations.record(us, 1);
            }
            calls.failed += u64::from(failed);
        }
    }

    #[inline]
    fn of(&mut self, called: Called) -> Option<&mut Calls> {
        let at = usize::from(called.0);
        if at >= self.counted.len() {
            let known = synod_data::commands().len() + self.subcommands.len();
            self.counted.resize(known, Calls::default());
        }
        self.counted.get_mut(at)
    }

    /// Counts from zero again.
    pub fn reset(&mut self) {
        self.counted.fill(Calls::default());
        self.by_name.clear();
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        other.all().for_each(|(name, calls)| self.by_name.entry(name).or_default().add(calls));
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &Calls)> {
        let names = synod_data::commands().map(|command| command.name);
        let counted = names.chain(self.subcommands.iter().copied()).zip(&self.counted);
        let told = self.by_name.iter().map(|(name, calls)| (*name, calls));
        counted.filter(|(_, calls)| **calls != Calls::default()).chain(told)
    }

    /// Writes how long the calls of these commands took, of all without any; a command stands for its subcommands.
    pub(crate) fn write_durations(&self, names: &[Vec<u8>], out: &mut RespWriter<'_>) {
        let is_asked = |known: &str| {
            let command = known.split('|').next().unwrap_or(known);
            names.is_empty()
                || names.iter().any(|n| n == known.as_bytes() || n == command.as_bytes())
        };
        let told = self.by_name.iter().filter(|(_, calls)| calls.durations.count > 0);
        let told: Vec<_> = told.filter(|(name, _)| is_asked(name)).collect();
        out.map(told.len());
        for (name, calls) in told {
            out.bulk(name.as_bytes());
            out.map(2);
            out.bulk(b"calls");
            out.integer(calls.durations.count.cast_signed());
            out.bulk(b"histogram_usec");
            let buckets: Vec<(u64, u64)> = calls.durations.cumulative().collect();
            out.map(buckets.len());
            for (us, count) in buckets {
                out.integer(us.cast_signed());
                out.integer(count.cast_signed());
            }
        }
    }

    /// Appends the counts.
    pub fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.all().count() as u64);
        for (name, calls) in self.all() {
            varint::put_bytes(out, name.as_bytes());
            let Calls { times, took_us, rejected, failed, durations } = *calls;
            [times, took_us, rejected, failed].into_iter().for_each(|n| varint::put(out, n));
            durations.encode(out);
        }
    }

    /// Takes counts off the front. `known` finds the names as the tables have them; what it does not know is refused.
    pub fn decode(bytes: &mut &[u8], known: KnownName) -> Option<Self> {
        let mut counts = Self::default();
        for _ in 0..varint::take(bytes)? {
            let name = varint::take_bytes(bytes)?;
            let mut number = || varint::take(bytes);
            let (times, took_us) = (number()?, number()?);
            let (rejected, failed) = (number()?, number()?);
            let durations = Histogram::decode(bytes)?;
            let calls = Calls { times, took_us, rejected, failed, durations };
            counts.by_name.insert(known(name)?, calls);
        }
        Some(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_in_its_turn_shares_the_turn() {
        let command = |name: &[u8]| Called::command(synod_data::lookup(name).expect("a command"));
        let (get, set) = (command(b"get"), command(b"set"));
        let mut counts = CallCounts::default();
        let id = counts.subcommand("client|id");
        assert_eq!(counts.subcommand("client|id"), id);
        [get, get, set, id].into_iter().for_each(|called| counts.count(called));
        counts.count_rejected(set);
        let answer = |called, us| Answered { called, us, failed: called == get };
        let mut answered = vec![answer(get, 0), answer(get, 0), answer(set, 500), answer(id, 0)];
        counts.close_turn(90, true, &mut answered);
        assert!(answered.is_empty());
        let mut sum = CallCounts::default();
        sum.merge(&counts);
        let told = |name| {
            let Calls { times, took_us, rejected, failed, durations } = sum.by_name[name];
            (times, took_us, rejected, failed, durations.percentile(1000))
        };
        assert_eq!(told("get"), (2, 60, 0, 2, 32));
        assert_eq!(told("set"), (1, 500, 1, 0, 512));
        assert_eq!(told("client|id"), (1, 30, 0, 0, 32));
        assert!(get.is_fast() && !id.is_fast() && !Called::NONE.is_fast());
        counts.reset();
        assert_eq!(counts.all().count(), 0);
        assert_eq!(counts.subcommand("client|id"), id);
    }
}
