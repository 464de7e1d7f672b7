//! What goes wrong in a run: written down, or drawn from a seed.
//!
//! ```text
//!   no:2                  participant 2 votes no
//!   crash:0@5             site 0 crashes before its fifth step: a message sent, or something forced to its disk
//!   restart:0@40          site 0 runs again 40 message delays after the transaction began, if it is down then
//!   cut:0+1@2.5-60        sites 0 and 1 are cut off from the others from 2.5 to 60 message delays after that
//!   cut:0+1@2.5-          the same, for good
//! ```

use super::DELAY_US;
use crate::faults::{Fault, Faults};
use crate::random::Random;
use std::fmt;
use std::str::FromStr;

/// The most strikes of a run.
pub const STRIKES_MAX: usize = 64;
/// The latest moment that a strike may name, in message delays.
const AT_MAX: u64 = 100_000;

/// One thing that goes wrong. Times are microseconds after the transaction began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strike {
    /// A participant votes no.
    No(usize),
    /// A site crashes before a step, counted from 1.
    Crash(usize, u64),
    /// A site that is down runs again.
    Restart(usize, u64),
    /// These sites are cut off from the others.
    Cut {
        /// They hear each other.
        sites: Vec<usize>,
        /// From here on.
        from: u64,
        /// Up to here; `None`: for good.
        until: Option<u64>,
    },
}

impl Strike {
    /// The sites that it names.
    pub(crate) fn sites(&self) -> &[usize] {
        match self {
            Self::No(site) | Self::Crash(site, _) | Self::Restart(site, _) => {
                std::slice::from_ref(site)
            }
            Self::Cut { sites, .. } => sites,
        }
    }

    /// Whether it keeps a message from `a` to `b` at this moment.
    pub(crate) fn cuts(&self, a: usize, b: usize, at: u64) -> bool {
        match self {
            Self::Cut { sites, from, until } => {
                let on = *from <= at && until.is_none_or(|until| at < until);
                on && sites.contains(&a) != sites.contains(&b)
            }
            _ => false,
        }
    }
}

/// Time as message delays, with as many decimals as it needs.
struct Delays(u64);

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / DELAY_US, self.0 % DELAY_US);
        let text = format!("{whole}.{rest:03}");
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl FromStr for Delays {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(rest) || rest.len() > 3 {
            return Err(());
        }
        let whole: u64 = whole.parse().map_err(|_| ())?;
        let rest: u64 = format!("{rest:0<3}").parse().map_err(|_| ())?;
        if whole > AT_MAX { Err(()) } else { Ok(Self(whole * DELAY_US + rest)) }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No(site) => write!(f, "no:{site}"),
            Self::Crash(site, step) => write!(f, "crash:{site}@{step}"),
            Self::Restart(site, at) => write!(f, "restart:{site}@{}", Delays(*at)),
            Self::Cut { sites, from, until } => {
                let names: Vec<String> = sites.iter().map(usize::to_string).collect();
                write!(f, "cut:{}@{}-", names.join("+"), Delays(*from))?;
                until.map_or(Ok(()), |until| Delays(until).fmt(f))
            }
        }
    }
}

impl FromStr for Strike {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| {
            format!("`{text}` is no strike; there are no:2, crash:0@5, restart:0@40, cut:0+1@2.5-60, cut:2@3-")
        })
    }
}

fn parse(text: &str) -> Option<Strike> {
    let (kind, rest) = text.split_once(':')?;
    let site = |text: &str| text.parse::<usize>().ok();
    let delays = |text: &str| text.parse::<Delays>().ok().map(|delays| delays.0);
    if kind == "no" {
        return site(rest).map(Strike::No);
    }
    let (whom, when) = rest.split_once('@')?;
    match kind {
        "crash" => {
            let step = when.parse().ok().filter(|step| *step > 0)?;
            Some(Strike::Crash(site(whom)?, step))
        }
        "restart" => Some(Strike::Restart(site(whom)?, delays(when)?)),
        "cut" => {
            let sites = whom.split('+').map(site).collect::<Option<Vec<_>>>()?;
            let (from, until) = when.split_once('-')?;
            let from = delays(from)?;
            let until = if until.is_empty() { None } else { Some(delays(until)?) };
            let some = until.is_none_or(|until| from < until);
            some.then_some(Strike::Cut { sites, from, until })
        }
        _ => None,
    }
}

/// What a seed may draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Crashes, some with a restart.
    pub crashes: bool,
    /// Cuts, all of which end.
    pub cuts: bool,
}

impl Kinds {
    /// Of the faults of whole clusters those that a transaction alone can meet.
    ///
    /// # Errors
    /// One of them is another.
    pub fn of(faults: &Faults) -> Result<Self, String> {
        if *faults == Faults::Swarm || *faults == Faults::Only(u64::MAX) {
            return Ok(Self { crashes: true, cuts: true });
        }
        let mut kinds = Self { crashes: false, cuts: false };
        for fault in faults.chosen(0) {
            match fault {
                Fault::Kill => kinds.crashes = true,
                Fault::Partition => kinds.cuts = true,
                other => {
                    let name = other.name();
                    return Err(format!(
                        "a transaction alone meets `kill` and `partition`, not `{name}`"
                    ));
                }
            }
        }
        Ok(kinds)
    }

    /// The strikes of this seed.
    #[must_use]
    pub fn draw(self, seed: u64, sites: usize) -> Vec<Strike> {
        let mut random = Random::new(seed ^ 0x434f_4d4d_4954);
        let mut strikes = Vec::new();
        if random.permille(150) {
            strikes.push(Strike::No(random.between(1, sites as u64 - 1) as usize));
        }
        let crashes = if self.crashes { random.between(0, sites as u64 - 1) } else { 0 };
        for _ in 0..crashes {
            let site = random.below(sites as u64) as usize;
            strikes.push(Strike::Crash(site, random.skewed(1, 30)));
            if random.permille(500) {
                strikes.push(Strike::Restart(site, random.between(2, 80) * DELAY_US));
            }
        }
        let cuts = if self.cuts { random.between(0, 2) } else { 0 };
        for _ in 0..cuts {
            let size = random.between(1, sites as u64 - 1);
            let first = random.below(sites as u64);
            let mut side: Vec<usize> =
                (first..first + size).map(|site| (site % sites as u64) as usize).collect();
            side.sort_unstable();
            let from = random.between(0, 20 * DELAY_US);
            let until = Some(from + random.between(DELAY_US, 60 * DELAY_US));
            strikes.push(Strike::Cut { sites: side, from, until });
        }
        strikes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_are_read_as_they_are_written() {
        for text in
            ["no:2", "crash:0@5", "restart:0@40", "cut:0+1@2.5-60", "cut:2@0-0.001", "cut:2@7-"]
        {
            assert_eq!(text.parse::<Strike>().map(|strike| strike.to_string()), Ok(text.into()));
        }
        let drawn = (0..200).flat_map(|seed| Kinds { crashes: true, cuts: true }.draw(seed, 4));
        for strike in drawn {
            assert_eq!(strike.to_string().parse(), Ok(strike));
        }
    }

    #[test]
    fn of_the_faults_two_kinds_are_known() {
        let kinds = |text: &str| Kinds::of(&text.parse().expect("a list of faults"));
        let both = Ok(Kinds { crashes: true, cuts: true });
        for text in ["swarm", "all", "kill,partition"] {
            assert_eq!(kinds(text), both, "{text}");
        }
        assert_eq!(kinds("none"), Ok(Kinds { crashes: false, cuts: false }));
        assert_eq!(kinds("kill"), Ok(Kinds { crashes: true, cuts: false }));
        assert!(kinds("kill,loss").is_err());
    }

    #[test]
    fn what_is_no_strike_is_refused() {
        let bad = [
            "",
            "no",
            "no:x",
            "crash:0",
            "crash:0@0",
            "crash:0@-1",
            "restart:0@.5",
            "restart:0@1.0005",
            "restart:0@100001",
            "cut:0+@1-2",
            "cut:0@2-2",
            "cut:0@2",
            "fire:0@2",
            "cut:0@+1-2",
        ];
        for text in bad {
            assert!(text.parse::<Strike>().is_err(), "{text}");
        }
    }
}
