//! Transactions of a right server are strictly serializable, those of a wrong one are not, and two judges who
//! work in different ways say so.

#![allow(clippy::unwrap_used)] // a test may panic

use fastrand::Rng;
use synod_second_opinion::isolation::{Verdict, cycles, orders, to_jepsen};
use synod_second_opinion::transactions::{Flaw, draw};

#[test]
fn transactions_of_a_right_server() {
    for seed in 0..400 {
        let mut random = Rng::with_seed(seed);
        let history = draw(random.usize(1..60), random.u64(1..5), Flaw::None, &mut random);
        let verdict = cycles(&history);
        // A handful of transactions that never meet says nothing, and that is not wrong.
        let fine = verdict == Verdict::Fine
            || verdict == Verdict::Unknown(vec!["empty-transaction-graph".into()]);
        assert!(fine, "seed {seed}: {verdict:?}\n{}", to_jepsen(&history));
        assert_eq!(orders(&history), Some(true), "seed {seed}\n{}", to_jepsen(&history));
    }
}

#[test]
fn every_flaw_is_found_and_no_other_is_invented() {
    for flaw in Flaw::ALL {
        let (mut wrong, mut missed) = (0, 0);
        for seed in 0..300 {
            let mut random = Rng::with_seed(1_000 + seed);
            let history = draw(random.usize(4..40), random.u64(2..4), flaw, &mut random);
            let shown = || format!("{flaw:?} seed {seed}\n{}", to_jepsen(&history));
            match (orders(&history).unwrap(), cycles(&history)) {
                (true, Verdict::Fine | Verdict::Unknown(_)) => {}
                (false, Verdict::Wrong(..)) => wrong += 1,
                // Cycles are sought among dependencies that reads give away; an order needs no such.
                (false, Verdict::Fine) => missed += 1,
                (false, Verdict::Unknown(why)) => panic!("{why:?}: {}", shown()),
                (true, Verdict::Wrong(kinds, why)) => panic!("{kinds:?} {why}: {}", shown()),
            }
        }
        println!("{flaw:?}: {wrong} of 300 histories are wrong, {missed} more by order only");
        assert!(wrong > 60, "{flaw:?} hardly ever shows: {wrong} of 300");
        assert!(missed * 20 < wrong, "{flaw:?}: adya misses {missed} of {}", wrong + missed);
    }
}
