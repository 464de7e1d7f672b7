//! What goes wrong in a run, drawn before it begins: a numbered list.
//!
//! The list is decided by the seed, the kinds of trouble and the length of the run, and by nothing that happens in
//! the world; each strike has a sequence of chance of its own. So any subset of the numbers is a run of its own in
//! which the strikes that are left keep their moment and their kind, and that is what a failure is shrunk by.

use crate::faults::Fault;
use crate::params::Params;
use crate::random::Random;
use std::fmt;

/// Sets the plan's sequence of chance apart from the world's.
const PLAN_SALT: u64 = 0x504c_414e;
/// The same for the kinds that came later: they leave what the others do as it was.
const LATER_SALT: u64 = 0x504c_4c54;
const LAST_SALT: u64 = 0x504c_4c53;
const SEAL_SALT: u64 = 0x504c_534c;
const SPLIT_SALT: u64 = 0x504c_5350;
const MERGE_SALT: u64 = 0x504c_4d47;

/// One piece of trouble, with its end if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Its place in the plan, from 1.
    pub number: u32,
    /// When it strikes, in simulated microseconds; 0 for what colours the whole run.
    pub at_us: u64,
    /// Of which kind it is.
    pub fault: Fault,
    /// What its victim and its strength are drawn from.
    pub(crate) seed: u64,
}

/// A strike as it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Its number in the plan.
    pub number: u32,
    /// When, in simulated microseconds.
    pub at_us: u64,
    /// Of which kind it was.
    pub fault: Fault,
    /// Whom it struck, and how.
    pub whom: String,
    /// When it ended by itself, in simulated microseconds; `None` for what has no end or no length.
    pub until_us: Option<u64>,
}

impl fmt::Display for Struck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = |us: u64| us as f64 / 1e6;
        write!(f, "#{:<4}{:>11.6} s  {:<13}", self.number, second(self.at_us), self.fault.name())?;
        f.write_str(&self.whom)?;
        match self.until_us {
            Some(until) => write!(f, ", until {:.6} s", second(until)),
            None => Ok(()),
        }
    }
}

/// A number that the plan of these parameters does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchStrike {
    /// What was asked for.
    pub number: u32,
    /// How many there are.
    pub strikes: usize,
}

impl fmt::Display for NoSuchStrike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, strikes } = self;
        match strikes {
            0 => write!(f, "there is no strike {number}: this run has none"),
            n => write!(f, "there is no strike {number}: this run has 1 to {n}"),
        }
    }
}

impl std::error::Error for NoSuchStrike {}

impl Params {
    /// Everything that goes wrong in a run with these parameters, in order; [`Params::only`] leaves this as it is.
    #[must_use]
    pub fn plan(&self) -> Vec<Strike> {
        let chosen = self.faults.chosen(self.seed);
        let (alone, others): (Vec<Fault>, Vec<Fault>) =
            chosen.into_iter().partition(|fault| fault.is_planned_alone());
        let (seals, alone): (Vec<Fault>, Vec<Fault>) =
            alone.into_iter().partition(|fault| *fault == Fault::Seal);
        let (splits, alone): (Vec<Fault>, Vec<Fault>) =
            alone.into_iter().partition(|fault| *fault == Fault::Split);
        let (merges, last): (Vec<Fault>, Vec<Fault>) =
            alone.into_iter().partition(|fault| *fault == Fault::Merge);
        let (later, first): (Vec<Fault>, Vec<Fault>) =
            others.into_iter().partition(|fault| fault.came_later());
        let mut plan = self.draw_strikes(PLAN_SALT, first);
        plan.extend(self.draw_strikes(LATER_SALT, later));
        plan.extend(self.draw_strikes(LAST_SALT, last));
        plan.extend(self.draw_strikes(SEAL_SALT, seals));
        plan.extend(self.draw_strikes(SPLIT_SALT, splits));
        plan.extend(self.draw_strikes(MERGE_SALT, merges));
        plan.sort_by_key(|strike| strike.at_us);
        (1..).zip(plan.iter_mut()).for_each(|(number, strike)| strike.number = number);
        plan
    }

    /// Strikes of these kinds, by their own sequence of chance; without numbers yet.
    fn draw_strikes(&self, salt: u64, kinds: Vec<Fault>) -> Vec<Strike> {
        let mut random = Random::new(self.seed ^ salt);
        let (ambient, sudden): (Vec<Fault>, Vec<Fault>) =
            kinds.into_iter().partition(|fault| fault.is_ambient());
        let mut strikes = Vec::new();
        let mut add = |at_us, fault, seed| strikes.push(Strike { number: 0, at_us, fault, seed });
        for fault in ambient {
            add(0, fault, random.next());
        }
        let period_us = random.between(300_000, 6_000_000);
        let mut at_us = random.between(200_000, 5_000_000);
        while at_us < self.seconds * 1_000_000
            && let Some(fault) = random.pick(&sudden).copied()
        {
            add(at_us, fault, random.next());
            at_us += random.between(1_000, period_us * 2);
        }
        strikes
    }

    /// The strikes of the plan that this run has.
    pub(crate) fn strikes(&self) -> Vec<Strike> {
        let mut plan = self.plan();
        if let Some(only) = &self.only {
            plan.retain(|strike| only.contains(&strike.number));
        }
        plan
    }

    /// Whether the plan has every strike that [`Params::only`] asks for.
    ///
    /// # Errors
    /// Names the first that it does not have.
    pub fn check(&self) -> Result<(), NoSuchStrike> {
        let strikes = self.plan().len();
        let known = 1..=strikes as u64;
        match self.only.iter().flatten().find(|number| !known.contains(&u64::from(**number))) {
            Some(number) => Err(NoSuchStrike { number: *number, strikes }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Faults;

    fn params() -> Params {
        Params { seconds: 30, faults: Faults::Only(u64::MAX), ..Params::default() }
    }

    #[test]
    fn a_shorter_run_begins_with_the_same_strikes() {
        let (short, long) = (Params { seconds: 10, ..params() }.plan(), params().plan());
        assert!(short.len() > 5 && long.len() > short.len());
        assert_eq!(long[..short.len()], short[..]);
    }

    #[test]
    fn numbers_outside_the_plan_are_refused() {
        let strikes = params().plan().len();
        let ask = |number| Params { only: Some(vec![1, number]), ..params() }.check();
        assert_eq!(ask(strikes as u32), Ok(()));
        for number in [0, strikes as u32 + 1, u32::MAX] {
            assert_eq!(ask(number), Err(NoSuchStrike { number, strikes }));
        }
    }
}
