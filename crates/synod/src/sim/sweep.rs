//! Seeds one after the other, several at the same time, with a line that says how far it is.

use super::guarded;
use super::options::SimOptions;
use super::total::Total;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use synod_sim::{Failure, Outcome, Params};

/// How often the progress line is written.
const SHOW_EVERY: Duration = Duration::from_millis(500);

struct Done {
    params: Params,
    outcome: Outcome,
    verified: bool,
}

/// Runs seeds until all are done or too many have failed.
pub fn sweep(options: &SimOptions, first: &Params, begun: Instant) -> Total {
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(0);
    let (sender, done) = mpsc::channel();
    let mut total = Total::default();
    thread::scope(|scope| {
        for _ in 0..options.jobs {
            let sender = sender.clone();
            let (next, failed) = (&next, &failed);
            scope.spawn(move || {
                while failed.load(Ordering::Relaxed) < options.failures_max {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= options.seeds {
                        break;
                    }
                    let done = one(options, first, at);
                    failed.fetch_add(u64::from(done.outcome.failure.is_some()), Ordering::Relaxed);
                    if sender.send(done).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut shown = begun;
        for Done { params, outcome, verified } in done {
            total.add(&outcome);
            total.verified += u64::from(verified);
            if outcome.failure.is_some() {
                total.failures.push((params, outcome));
            } else if options.seeds == 1 {
                total.only = Some(outcome);
            }
            if shown.elapsed() >= SHOW_EVERY {
                shown = Instant::now();
                progress(&total, options.seeds, begun);
            }
        }
    });
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    // Several jobs finish in any order.
    total.failures.sort_by_key(|(params, _)| params.seed);
    total
}

/// Runs one seed, and now and then runs it again.
fn one(options: &SimOptions, first: &Params, at: u64) -> Done {
    let params = Params { seed: first.seed.wrapping_add(at), ..first.clone() };
    let mut outcome = guarded::run(&params);
    let every = options.verify_every;
    let verified = outcome.failure.is_none() && every > 0 && (at + 1).is_multiple_of(every);
    if verified {
        let again = guarded::run(&params);
        if (again.hash, again.events) != (outcome.hash, outcome.events) {
            let detail = format!(
                "two runs of one seed differ: {} events with hash {:016x}, then {} with {:016x}",
                outcome.events, outcome.hash, again.events, again.hash
            );
            let at_us = outcome.simulated_us;
            outcome.failure = Some(Failure { rule: super::DETERMINISM, detail, at_us });
        }
    }
    Done { params, outcome, verified }
}

fn progress(total: &Total, seeds: u64, begun: Instant) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    const WIDTH: u64 = 30;
    let full = (total.seeds * WIDTH / seeds) as usize;
    let bar = "#".repeat(full) + &"-".repeat(WIDTH as usize - full);
    let hours = total.simulated_us as f64 / 3.6e9;
    let (secs, failed) = (begun.elapsed().as_secs(), total.failures.len());
    eprint!(
        "\r\x1b[K[{bar}] {}/{seeds} seeds, {failed} failed, {hours:.1} simulated hours, {secs} s",
        total.seeds
    );
    let _a_progress_line_may_be_late = std::io::stderr().flush();
}
