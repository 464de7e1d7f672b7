//! How often each command was called, how long its calls took, and how many of them came to nothing.
//!
//! Counted by the row of the command's name in the table of commands, and by subcommand where there are some. There is no
//! clock here. A call has taken the time from the turn that took it to the turn that answered it; those that were
//! answered in the turn that took them share its length, which is known when it is over.

use std::collections::BTreeMap;
use synod_data::Command;
use synod_types::varint;

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
}

impl Calls {
    fn add(&mut self, other: &Self) {
        self.times += other.times;
        self.took_us += other.took_us;
        self.rejected += other.rejected;
        self.failed += other.failed;
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

    /// The turn took so long, and these were answered in it.
    pub fn close_turn(&mut self, turn_us: u64, answered: &mut Vec<Answered>) {
        let at_once = answered.iter().filter(|answer| answer.us == 0).count() as u64;
        let share = turn_us / at_once.max(1);
        for Answered { called, us, failed } in answered.drain(..) {
            let Some(calls) = self.of(called) else { continue };
            calls.took_us += if us == 0 { share } else { us };
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

    /// Appends the counts.
    pub fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.all().count() as u64);
        for (name, calls) in self.all() {
            varint::put_bytes(out, name.as_bytes());
            let Calls { times, took_us, rejected, failed } = *calls;
            [times, took_us, rejected, failed].into_iter().for_each(|n| varint::put(out, n));
        }
    }

    /// Takes counts off the front. `known` finds the names as the tables have them; what it does not know is refused.
    pub fn decode(bytes: &mut &[u8], known: KnownName) -> Option<Self> {
        let mut counts = Self::default();
        for _ in 0..varint::take(bytes)? {
            let name = varint::take_bytes(bytes)?;
            let mut number = || varint::take(bytes);
            let (times, took_us) = (number()?, number()?);
            let calls = Calls { times, took_us, rejected: number()?, failed: number()? };
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
        counts.close_turn(90, &mut answered);
        assert!(answered.is_empty());
        let mut sum = CallCounts::default();
        sum.merge(&counts);
        let calls = |times, took_us, rejected, failed| Calls { times, took_us, rejected, failed };
        assert_eq!(sum.by_name["get"], calls(2, 60, 0, 2));
        assert_eq!(sum.by_name["set"], calls(1, 500, 1, 0));
        assert_eq!(sum.by_name["client|id"], calls(1, 30, 0, 0));
        counts.reset();
        assert_eq!(counts.all().count(), 0);
        assert_eq!(counts.subcommand("client|id"), id);
    }
}
