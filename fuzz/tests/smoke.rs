//! The targets on inputs made by plain mutation of the seeds: no coverage, no C++ compiler, no nightly.
//! The same inputs in every run; FUZZ_MS sets how long each target runs, FUZZ_SEED gives other inputs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use synod_fuzz::TARGETS;

const INPUT_BYTES_MAX: usize = 4096;
/// How many inputs each target gets at least, however long they take.
const RUNS_MIN: u64 = 10;

#[test]
fn no_target_breaks() {
    let millis = number("FUZZ_MS").unwrap_or(1000);
    let seed = number("FUZZ_SEED").unwrap_or(1);
    for target in TARGETS {
        let mut mutator = Mutator { state: seed, seeds: (target.seeds)() };
        let deadline = Instant::now() + Duration::from_millis(millis);
        let mut runs = 0u64;
        for input in mutator.seeds.clone() {
            check(target.name, target.run, &input);
        }
        while runs < RUNS_MIN || Instant::now() < deadline {
            let input = mutator.input();
            check(target.name, target.run, &input);
            runs += 1;
        }
        println!("{}: {runs} inputs", target.name);
    }
}

fn check(name: &str, run: fn(&[u8]), input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| run(input))).is_ok() {
        return;
    }
    let path = std::env::temp_dir().join(format!("synod-fuzz-{name}"));
    std::fs::write(&path, input).expect("the failing input can be saved");
    let show = input.escape_ascii();
    panic!("{name} breaks; again: cargo xtask fuzz {name} --input {}\n{show}", path.display());
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

struct Mutator {
    state: u64,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// splitmix64, below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    fn seed(&mut self) -> Vec<u8> {
        let which = self.below(self.seeds.len());
        self.seeds[which].clone()
    }

    fn input(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        for _ in 0..=self.below(6) {
            self.mutate(&mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(16)).min(input.len());
        match self.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.below(256) as u8,
            2 if at < input.len() => {
                let edge = [0, 1, 0x7f, 0x80, 0xff, b'\r', b'\n', b'-', b'9'];
                input[at] = edge[self.below(edge.len())];
            }
            3 => input.truncate(at),
            4 => drop(input.drain(at..end)),
            5 => {
                let copy = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            6 => {
                let other = self.seed();
                let from = self.below(other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => input.insert(at, self.below(256) as u8),
        }
    }
}
