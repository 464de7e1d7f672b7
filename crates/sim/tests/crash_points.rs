//! Every crash point is reached by a few seeds, or a name in the list is only a name. `cargo xtask plants` runs this,
//! since its build is the fast one.
#![cfg(synod_plants)]

use std::collections::BTreeMap;
use synod_sim::{CrashPoint, Params, run};

/// Machines mostly die at crash points here; what fills logs and snapshots, and makes nodes fetch some, is there too.
const FAULTS: &str = "crash-point,snapshot,isolate,pause";
const SEEDS: std::ops::Range<u64> = 1..61;

#[test]
fn machines_die_at_every_crash_point() {
    let mut reached: BTreeMap<CrashPoint, u64> = BTreeMap::new();
    for seed in SEEDS {
        let params = Params {
            seed,
            nodes: 3,
            partitions: 2,
            seconds: 40,
            clients: 4,
            faults: FAULTS.parse().expect("the names stand in this file"),
            ..Params::default()
        };
        let outcome = run(&params);
        assert!(outcome.failure.is_none(), "{:?}\nagain: {}", outcome.failure, params.replay());
        for (point, times) in outcome.crash_points {
            *reached.entry(point).or_default() += times;
        }
    }
    for (point, times) in &reached {
        println!("{times:>6}  {point}");
    }
    let all = CrashPoint::all();
    let missed: Vec<_> = all.iter().filter(|point| !reached.contains_key(point)).collect();
    let names: Vec<_> = missed.iter().map(ToString::to_string).collect();
    assert!(missed.is_empty(), "never reached: {}", names.join(", "));
}
