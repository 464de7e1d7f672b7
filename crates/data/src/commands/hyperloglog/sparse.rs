//! The sparse form of a sketch: runs of equal registers.
//!
//! ```text
//! 00xxxxxx            x + 1 registers are 0
//! 01xxxxxx yyyyyyyy   x, y + 1 registers are 0
//! 1vvvvvxx            x + 1 registers are v + 1
//! ```
//!
//! Changes take the steps that Redis takes, so that the bytes come out the same.

use super::sketch::REGISTERS;

/// The highest value that a run can have; a higher one needs the dense form.
const VALUE_MAX: u8 = 32;
const VALUE_RUN_MAX: usize = 4;
const SHORT_ZEROS_MAX: usize = 64;
/// How many runs are looked at for neighbours to join after a change.
const JOIN_SCAN: usize = 5;

/// One run.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Run {
    value: u8,
    len: usize,
    bytes: usize,
}

fn run_at(bytes: &[u8]) -> Option<Run> {
    let first = *bytes.first()?;
    Some(match first >> 6 {
        0 => Run { value: 0, len: usize::from(first & 63) + 1, bytes: 1 },
        1 => {
            let len = usize::from(first & 63) << 8 | usize::from(*bytes.get(1)?);
            Run { value: 0, len: len + 1, bytes: 2 }
        }
        _ => Run { value: (first >> 2 & 31) + 1, len: usize::from(first & 3) + 1, bytes: 1 },
    })
}

fn put_zeros(out: &mut Vec<u8>, len: usize) {
    match len {
        0 => {}
        1..=SHORT_ZEROS_MAX => out.push(len as u8 - 1),
        _ => out.extend_from_slice(&[0x40 | ((len - 1) >> 8) as u8, (len - 1) as u8]),
    }
}

fn put_value(out: &mut Vec<u8>, value: u8, len: usize) {
    if len > 0 {
        out.push(0x80 | (value - 1) << 2 | (len as u8 - 1));
    }
}

/// All registers at 0.
pub(super) fn zeros() -> Vec<u8> {
    let mut runs = Vec::new();
    put_zeros(&mut runs, REGISTERS);
    runs
}

/// Hands each run's value and length to `f`; `None` when the runs do not make up all registers.
pub(super) fn each(runs: &[u8], mut f: impl FnMut(u8, usize)) -> Option<()> {
    let (mut at, mut covered) = (0, 0);
    while at < runs.len() {
        let run = run_at(&runs[at..])?;
        covered += run.len;
        if covered > REGISTERS {
            return None;
        }
        f(run.value, run.len);
        at += run.bytes;
    }
    (covered == REGISTERS).then_some(())
}

/// What came of raising a register.
pub(super) enum Raised {
    No,
    Yes,
    /// The sparse form cannot hold it, or would become too large.
    TooLarge,
}

/// Raises a register; the runs begin at `start` of `bytes`, which may have `bytes_max`. `None` when they are corrupt.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    start: usize,
    bytes_max: usize,
    index: usize,
    value: u8,
) -> Option<Raised> {
    if value > VALUE_MAX {
        return Some(Raised::TooLarge);
    }
    let (mut at, mut before, mut first) = (start, start, 0);
    let run = loop {
        let run = run_at(bytes.get(at..)?)?;
        if index < first + run.len {
            break run;
        }
        (before, at, first) = (at, at + run.bytes, first + run.len);
    };
    if run.value >= value {
        return Some(Raised::No);
    }
    let (left, right) = (index - first, first + run.len - 1 - index);
    let mut with = Vec::with_capacity(5);
    let put = |out: &mut Vec<u8>, len| match run.value {
        0 => put_zeros(out, len),
        value => put_value(out, value, len),
    };
    put(&mut with, left);
    put_value(&mut with, value, 1);
    put(&mut with, right);
    if with.len() > run.bytes && bytes.len() + with.len() - run.bytes > bytes_max {
        return Some(Raised::TooLarge);
    }
    bytes.splice(at..at + run.bytes, with);
    join(bytes, before);
    Some(Raised::Yes)
}

/// Joins neighbours of one value, as far as a run reaches.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOIN_SCAN {
        let Some(run) = bytes.get(at..).and_then(run_at) else { return };
        let next = bytes.get(at + run.bytes..).and_then(run_at);
        if run.value > 0
            && let Some(next) = next
            && next.value == run.value
            && run.len + next.len <= VALUE_RUN_MAX
        {
            let mut joined = Vec::with_capacity(1);
            put_value(&mut joined, run.value, run.len + next.len);
            bytes.splice(at..at + 2, joined);
            continue;
        }
        at += run.bytes;
    }
}
