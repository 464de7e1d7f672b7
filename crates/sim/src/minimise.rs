//! A failure made small: fewer strikes, fewer clients and keys, less time, and the same rule broken.
//!
//! Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (IEEE TSE 28, 2002), with the
//! complements only: pieces of the list of strikes are left out, halves first and single ones last. What remains is
//! 1-minimal: without any one of its strikes the run does not fail in this way any more.

use crate::params::{Failure, Outcome, Params};

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// A rule was broken.
    Fails(Failure),
    /// All rules were kept.
    Passes,
    /// There was no time for it.
    Spent,
}

/// What a failure was shrunk to.
#[derive(Clone, Debug)]
pub struct Minimised {
    /// The smallest run found that breaks the same rule.
    pub params: Params,
    /// How many trials it took.
    pub trials: u64,
    /// Whether it is 1-minimal; otherwise the budget was used up before.
    pub complete: bool,
}

struct Minimiser<T> {
    best: Params,
    rule: &'static str,
    at_us: u64,
    trials: u64,
    trial: T,
}

/// The budget is used up.
struct Spent;

/// Shrinks a run that broke a rule. `trial` runs the parameters that it is given.
pub fn minimise(
    params: &Params,
    outcome: &Outcome,
    trial: impl FnMut(&Params) -> Trial,
) -> Option<Minimised> {
    let failure = outcome.failure.as_ref()?;
    let (best, at_us) = (params.clone(), failure.at_us);
    let mut small = Minimiser { best, rule: failure.rule, at_us, trials: 0, trial };
    let complete = small.shrink(outcome).is_ok();
    Some(Minimised { params: small.best, trials: small.trials, complete })
}

impl<T: FnMut(&Params) -> Trial> Minimiser<T> {
    /// Takes these parameters if they break the same rule; whether they do.
    fn attempt(&mut self, params: Params) -> Result<bool, Spent> {
        self.trials += 1;
        match (self.trial)(&params) {
            Trial::Fails(failure) if failure.rule == self.rule => {
                (self.best, self.at_us) = (params, failure.at_us);
                Ok(true)
            }
            Trial::Fails(_) | Trial::Passes => Ok(false),
            Trial::Spent => Err(Spent),
        }
    }

    fn shrink(&mut self, outcome: &Outcome) -> Result<(), Spent> {
        // What came after the failure, or found no victim, has no part in it.
        let struck = outcome.struck.iter().map(|struck| struck.number).collect();
        if !self.attempt(Params { only: Some(struck), ..self.best.clone() })? {
            let all = self.best.strikes().iter().map(|strike| strike.number).collect();
            self.best.only = Some(all);
        }
        loop {
            let before = self.size();
            self.shorten()?;
            self.leave_out_strikes()?;
            self.fewer_clients()?;
            self.fewer_keys()?;
            if self.size() == before {
                return Ok(());
            }
        }
    }

    fn size(&self) -> (u64, usize, usize, Option<u64>) {
        let Params { seconds, only, clients, keys, .. } = &self.best;
        (*seconds, only.as_ref().map_or(0, Vec::len), *clients, *keys)
    }

    /// Trouble up to the failure is enough; where the failure shows only at the end, half the time may be.
    fn shorten(&mut self) -> Result<(), Spent> {
        let enough = self.at_us.div_ceil(1_000_000).max(1);
        if enough < self.best.seconds {
            self.attempt(self.lasting(enough))?;
        }
        while self.best.seconds > 1 && self.attempt(self.lasting(self.best.seconds / 2))? {}
        Ok(())
    }

    /// A run of this length, without the strikes that it has not.
    fn lasting(&self, seconds: u64) -> Params {
        let mut params = Params { seconds, ..self.best.clone() };
        let strikes = params.plan().len();
        if let Some(only) = &mut params.only {
            only.retain(|number| *number as usize <= strikes);
        }
        params
    }

    fn leave_out_strikes(&mut self) -> Result<(), Spent> {
        let mut piece = self.best.only.as_ref().map_or(0, Vec::len);
        while piece > 0 {
            let mut at = 0;
            let mut dropped = false;
            while let Some(only) = &self.best.only
                && at < only.len()
            {
                let end = (at + piece).min(only.len());
                let rest = [&only[..at], &only[end..]].concat();
                if self.attempt(Params { only: Some(rest), ..self.best.clone() })? {
                    dropped = true;
                } else {
                    at = end;
                }
            }
            // Single ones are tried until none can go: that is what 1-minimal means.
            piece = if dropped && piece == 1 { 1 } else { piece / 2 };
        }
        Ok(())
    }

    fn fewer_clients(&mut self) -> Result<(), Spent> {
        let mut clients = 1;
        while clients < self.best.clients
            && !self.attempt(Params { clients, ..self.best.clone() })?
        {
            clients *= 2;
        }
        Ok(())
    }

    fn fewer_keys(&mut self) -> Result<(), Spent> {
        for keys in [1, 2, 4] {
            if self.best.keys.is_some_and(|now| now <= keys)
                || self.attempt(Params { keys: Some(keys), ..self.best.clone() })?
            {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Faults;

    const RULE: &str = "durability";

    fn failure(at_us: u64) -> Failure {
        Failure { rule: RULE, detail: String::new(), at_us }
    }

    fn params() -> Params {
        let faults = Faults::Only(u64::MAX);
        Params { seconds: 60, clients: 8, faults, ..Params::default() }
    }

    /// Fails when these strikes happen and there are three clients at least.
    fn needs(numbers: &[u32]) -> impl FnMut(&Params) -> Trial {
        move |params| {
            let has = |n| params.strikes().iter().any(|strike| strike.number == n);
            let fails = numbers.iter().all(|n| has(*n)) && params.clients >= 3;
            if fails { Trial::Fails(failure(60_000_000)) } else { Trial::Passes }
        }
    }

    #[test]
    fn what_is_not_needed_goes() {
        let outcome = Outcome { failure: Some(failure(60_000_000)), ..Outcome::default() };
        for wanted in [&[][..], &[2], &[1, 7], &[3, 8, 9, 12]] {
            let small = minimise(&params(), &outcome, needs(wanted)).expect("it failed");
            assert_eq!(small.params.only.as_deref(), Some(wanted));
            assert_eq!((small.params.clients, small.params.keys), (4, Some(1)));
            assert!(small.complete && small.trials < 200, "{}", small.trials);
            let last = params().plan()[wanted.last().map_or(0, |n| *n as usize - 1)].at_us;
            assert!(small.params.seconds / 2 * 1_000_000 <= last, "{:?}", small.params);
        }
    }

    #[test]
    fn another_rule_is_another_failure() {
        let outcome = Outcome { failure: Some(failure(1)), ..Outcome::default() };
        let other = |_: &Params| Trial::Fails(Failure { rule: "replies", ..failure(1) });
        let small = minimise(&params(), &outcome, other).expect("it failed");
        assert_eq!(small.params.only.map(|only| only.len()), Some(params().plan().len()));
        assert_eq!((small.params.seconds, small.params.clients), (60, 8));
    }

    #[test]
    fn a_budget_that_is_used_up_is_said() {
        let outcome = Outcome { failure: Some(failure(60_000_000)), ..Outcome::default() };
        let (mut left, mut fails) = (9, needs(&[5]));
        let limited = |params: &Params| match left {
            0 => Trial::Spent,
            _ => {
                left -= 1;
                fails(params)
            }
        };
        let small = minimise(&params(), &outcome, limited).expect("it failed");
        assert!(!small.complete);
        assert!(small.params.only.is_some_and(|only| only.contains(&5)));
    }

    #[test]
    fn a_run_that_failed_at_nothing_is_not_shrunk() {
        assert!(minimise(&params(), &Outcome::default(), |_| Trial::Passes).is_none());
    }
}
