//! A ring that is rewired all the time stays one ring.
//!
//! Each of `n` keys holds the number of the next one. A transaction follows three links and exchanges two stops;
//! done as a whole on what is really there it leaves a ring, done in halves or on what is gone it makes loops and
//! dead ends. Source: the Cycle workload of FoundationDB (Zhou et al., "FoundationDB: A Distributed Unbundled
//! Transactional Key Value Store", SIGMOD 2021, section 4).

/// One read of the whole ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lap {
    /// When it was asked for, in microseconds of the run's monotonic clock.
    pub call_us: u64,
    /// Which stop follows each.
    pub next: Vec<usize>,
}

/// A read that shows no ring.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("read at {call_us} us: {next:?} leads back to the first after {steps} of {stops} stops")]
pub struct Broken {
    /// Which read.
    pub call_us: u64,
    /// What it showed.
    pub next: Vec<usize>,
    /// How many stops there are.
    pub stops: usize,
    /// After how many the walk was at the first again, or lost.
    pub steps: usize,
}

/// Checks that each lap goes once through all of `stops`.
///
/// # Errors
/// The first lap that does not.
pub fn check(stops: usize, laps: &[Lap]) -> Result<(), Broken> {
    for Lap { call_us, next } in laps {
        let mut steps = 0;
        let mut at = 0;
        while steps < stops {
            let Some(to) = next.get(at) else { break };
            steps += 1;
            at = *to;
            if at == 0 {
                break;
            }
        }
        if at != 0 || steps != stops || next.len() != stops {
            return Err(Broken { call_us: *call_us, next: next.clone(), stops, steps });
        }
    }
    Ok(())
}

/// The links to be set so that, from `at` on, the second and the third stop change places.
///
/// `None` when `next` leads nowhere or there are fewer than four stops.
#[must_use]
pub fn rewire(next: &[usize], at: usize) -> Option<[(usize, usize); 3]> {
    let follow = |from: usize| next.get(from).copied();
    let (second, third) = (follow(at)?, follow(follow(at)?)?);
    let fourth = follow(third)?;
    let links = [(at, third), (third, second), (second, fourth)];
    (next.len() > 3).then_some(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(next: &[usize]) -> bool {
        check(4, &[Lap { call_us: 1, next: next.to_vec() }]).is_ok()
    }

    #[test]
    fn one_ring_passes_and_nothing_else() {
        assert!(passes(&[1, 2, 3, 0]));
        assert!(passes(&[2, 3, 1, 0]));
        assert!(!passes(&[1, 0, 3, 2]), "two rings");
        assert!(!passes(&[1, 2, 1, 0]), "a loop beside the first");
        assert!(!passes(&[1, 2, 9, 0]), "a link to nowhere");
        assert!(!passes(&[1, 2, 0]), "a stop is missing");
        assert!(!passes(&[0, 1, 2, 3]), "everyone alone");
    }

    #[test]
    fn rewiring_keeps_the_ring_and_half_of_it_does_not() {
        let mut next = vec![1, 2, 3, 0];
        for at in [0, 2, 1, 3, 0] {
            let links = rewire(&next, at).unwrap();
            let mut half = next.clone();
            half[links[0].0] = links[0].1;
            assert!(!passes(&half));
            links.into_iter().for_each(|(from, to)| next[from] = to);
            assert!(passes(&next), "{next:?}");
        }
        assert_eq!(rewire(&[1, 2, 0], 0), None);
    }
}
