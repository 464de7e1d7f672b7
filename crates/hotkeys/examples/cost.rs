//! What counting costs: `cargo run --release -p synod-hotkeys --example cost`.
//!
//! A skewed load of 100,000 keys, as the hot path sees it: each request asks the sampler, and one that is picked is added to
//! the sketches of its partition.

use std::hint::black_box;
use std::time::Instant;
use synod_hotkeys::{Cost, Heat, SKETCH_KEYS, sample_of};

const REQUESTS: u32 = 100_000;
const ROUNDS: u32 = 50;

fn main() {
    // Cheap and skewed: half of all requests for a hundredth of the keys.
    let names: Vec<String> = (0..100_000).map(|n| format!("user:{n:08}")).collect();
    let key = |n: u32| {
        let drawn = n.wrapping_mul(2_654_435_761) as usize;
        let range = if drawn.is_multiple_of(2) { 1_000 } else { names.len() };
        names[drawn / 2 % range].as_bytes()
    };
    let bare = least(|| |n| _ = black_box(key(n)));
    for every in [0, 1, 16, 64] {
        let counted = least(|| {
            let mut sampler = sample_of(every, 1);
            let mut heat = Heat::new(0);
            move |n| {
                let key = black_box(key(n));
                if sampler.pick() {
                    let cost = Cost { ops: f64::from(every), bytes: 64.0, cpu_us: 1.0 };
                    // A turn has some 50 requests.
                    heat.add(key, cost, u64::from(n / 50));
                }
            }
        });
        let ns = counted - bare;
        println!(
            "one in {every:2}: {ns:6.1} ns a request ({SKETCH_KEYS} counters, three measures)"
        );
    }
}

/// Nanoseconds a request in the quickest of several rounds: what else runs on the machine only ever adds.
#[allow(clippy::disallowed_methods)] // this is no part of the crate: it measures it
fn least<R: FnMut(u32)>(round: impl Fn() -> R) -> f64 {
    let ns_each = |_| {
        let mut request = round();
        let begun = Instant::now();
        (0..REQUESTS).for_each(&mut request);
        begun.elapsed().as_nanos() as f64 / f64::from(REQUESTS)
    };
    (0..ROUNDS).map(ns_each).fold(f64::INFINITY, f64::min)
}
