//! Every planted bug is found, or the simulator is not worth its name. `cargo xtask plants` builds and runs this; other
//! builds have no plants, and nothing here.
//!
//! The seed of the catalogue is tried first. When a change of the simulator made it miss, seeds 1 to 1,000 are
//! searched, and the new one is printed to be written down. `PLANTS=a,b` looks for these only; `SEARCH=1` searches
//! whatever the catalogue says, `SEEDS=50` gives up after so many.
#![cfg(synod_plants)]

use std::env;
use std::time::Instant;
use synod_sim::plants::{Plant, SEEDS_MAX, all, find};

fn chosen() -> Vec<&'static Plant> {
    match env::var("PLANTS") {
        Ok(names) => names
            .split(',')
            .map(|name| find(name).unwrap_or_else(|unknown| panic!("{unknown}")))
            .collect(),
        Err(_) => all().collect(),
    }
}

#[test]
fn every_plant_is_found() {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let seeds_max = env::var("SEEDS").map_or(SEEDS_MAX, |n| n.parse().expect("a number"));
    let search_all = env::var_os("SEARCH").is_some();
    std::panic::set_hook(Box::new(|_| ()));
    let mut missed = Vec::new();
    println!("{:<26} {:>5} {:>7}  found by", "plant", "seed", "s");
    for plant in chosen() {
        let begun = Instant::now();
        let known = if search_all { None } else { plant.try_seed(plant.seed) };
        let anew = known.is_none();
        let found = known.or_else(|| plant.search(seeds_max, jobs));
        let secs = begun.elapsed().as_secs_f64();
        match found {
            Some(found) => {
                let news = if anew && found.seed != plant.seed { "  (a new seed)" } else { "" };
                println!(
                    "{:<26} {:>5} {secs:>7.1}  {}{news}",
                    plant.name, found.seed, found.oracle
                );
                if search_all {
                    println!("    {}", found.detail.chars().take(200).collect::<String>());
                }
            }
            None => {
                println!("{:<26} {:>5} {secs:>7.1}  NOT FOUND", plant.name, "-");
                missed.push(plant.name);
            }
        }
    }
    let _the_default_hook = std::panic::take_hook();
    assert!(missed.is_empty(), "not found within {seeds_max} seeds: {}", missed.join(", "));
}
