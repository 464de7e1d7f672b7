//! A seed is a test case only if it means the same thing every time. This comes first.

use synod_sim::{Faults, Params, run};

#[test]
fn the_same_seed_twice_is_the_same_run() {
    for seed in 1..=4 {
        let faults = if seed == 1 { Faults::Only(u32::MAX) } else { Faults::Swarm };
        let params = Params { seed, seconds: 10, faults, ..Params::default() };
        let (first, second) = (run(&params), run(&params));
        assert_eq!(first.events, second.events, "{}", params.replay());
        assert_eq!(first.hash, second.hash, "{}", params.replay());
    }
}

#[test]
fn another_seed_is_another_run() {
    let hash = |seed| run(&Params { seed, seconds: 3, ..Params::default() }).hash;
    assert_ne!(hash(1), hash(2));
}
