//! Runs seeds one after the other and names those that fail; for work on the simulator itself.
//!
//! `cargo run --release -p synod-sim --example soak -- FIRST COUNT NODES PARTITIONS SECONDS FAULTS`

use std::time::Instant;
use synod_sim::{Params, run};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: u64| args.get(at).map_or(default, |a| a.parse().unwrap_or(default));
    let (first, count) = (number(0, 1), number(1, 100));
    let faults = args.get(5).map_or(synod_sim::Faults::Swarm, |a| match a.parse() {
        Ok(faults) => faults,
        Err(error) => panic!("{error}"),
    });
    let begun = Instant::now();
    let (mut simulated, mut operations, mut events) = (0, 0, 0);
    let mut failures = 0;
    for seed in first..first + count {
        let params = Params {
            seed,
            nodes: number(2, 5),
            partitions: number(3, 8) as u32,
            seconds: number(4, 60),
            faults,
            record: args.len() > 6,
            ..Params::default()
        };
        let outcome = std::panic::catch_unwind(|| run(&params));
        match outcome {
            Ok(outcome) => {
                simulated += outcome.simulated_us / 1_000_000;
                operations += outcome.operations;
                events += outcome.events;
                if count == 1 {
                    for (at, item) in outcome.trace.iter().flat_map(|t| t.items()) {
                        println!("{at} {item:?}");
                    }
                    println!(
                        "{:?}",
                        synod_sim::Outcome { trace: None, history: Vec::new(), ..outcome.clone() }
                    );
                }
                if let Some(failure) = outcome.failure {
                    failures += 1;
                    println!("seed {seed} {:?}: {failure}", faults.chosen(seed));
                }
            }
            Err(_) => {
                failures += 1;
                println!("seed {seed}: panicked");
            }
        }
    }
    let wall = begun.elapsed().as_secs_f64();
    println!(
        "{count} seeds, {failures} failed, {simulated} s simulated in {wall:.1} s ({:.0}x), {operations} operations, {events} events",
        simulated as f64 / wall
    );
}
