//! One run on a thread of its own, so that a panic of the simulated program is a failure like any other.
//!
//! Release builds abort on a panic and cannot catch it. The panic hook comes before that: it reports and, there, never
//! returns, and the thread is left behind until the process ends.

use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use synod_sim::{Failure, Outcome, Params};

/// The rule that a panic breaks.
const RULE: &str = "panic";

enum Ended {
    Returned(Box<Outcome>),
    Panicked { what: String, event: u64, at_us: u64 },
}

thread_local! {
    static REPORT: RefCell<Option<SyncSender<Ended>>> = const { RefCell::new(None) };
}

/// Runs a seed; a panic comes back as a failure.
pub fn run(params: &Params) -> Outcome {
    match attempt_run(params) {
        Ok(Ended::Returned(outcome)) => *outcome,
        Ok(Ended::Panicked { what, event, at_us }) => before(params, what, event, at_us),
        Err(error) => failed(Outcome::default(), error, 0),
    }
}

/// The world as it was at the event that panicked.
fn before(params: &Params, what: String, event: u64, at_us: u64) -> Outcome {
    let stopped = Params { stop_before: Some(event), ..params.clone() };
    let outcome = match attempt_run(&stopped) {
        Ok(Ended::Returned(outcome)) => *outcome,
        // It panics outside of the world's events, so there is no moment before it.
        Ok(Ended::Panicked { .. }) | Err(_) => Outcome::default(),
    };
    failed(outcome, what, at_us)
}

fn failed(outcome: Outcome, detail: String, at_us: u64) -> Outcome {
    Outcome { failure: Some(Failure { rule: RULE, detail, at_us }), ..outcome }
}

fn attempt_run(params: &Params) -> Result<Ended, String> {
    let params = params.clone();
    attempt(move || synod_sim::run(&params))
}

fn attempt(run: impl FnOnce() -> Outcome + Send + 'static) -> Result<Ended, String> {
    install_hook();
    let (sender, ended) = sync_channel(1);
    let run = move || {
        REPORT.set(Some(sender.clone()));
        let outcome = run();
        REPORT.set(None);
        let _nobody_waits_any_more = sender.send(Ended::Returned(Box::new(outcome)));
    };
    thread::Builder::new()
        .name(String::from("simulation"))
        .spawn(run)
        .map_err(|error| format!("no thread for the simulation: {error}"))?;
    ended.recv().map_err(|_| "the simulation ended without a word".to_owned())
}

fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| match REPORT.take() {
            None => usual(info),
            Some(report) => {
                let (event, at_us) = synod_sim::events_begun();
                let what = describe(info);
                let _nobody_waits_any_more = report.send(Ended::Panicked { what, event, at_us });
                // Where a panic unwinds, this thread may end by itself; where it aborts, it must not get that far.
                if cfg!(panic = "abort") {
                    loop {
                        thread::park();
                    }
                }
            }
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let text = info.payload_as_str().unwrap_or("a value that is no text");
    match info.location() {
        Some(place) => format!("{text} ({}:{})", place.file(), place.line()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_and_says_where() {
        let ended = attempt(|| panic!("there is no such entry"));
        let Ok(Ended::Panicked { what, .. }) = ended else { panic!("it did not panic") };
        assert!(what.starts_with("there is no such entry ("), "{what}");
        assert!(what.contains("guarded.rs:"), "{what}");
    }

    #[test]
    fn what_came_before_a_panic_is_kept() {
        let params = Params { seconds: 3, ..Params::default() };
        let outcome = before(&params, "boom".to_owned(), 5_000, 7);
        assert_eq!(outcome.events, 5_000);
        assert_eq!(outcome.failure, Some(Failure { rule: RULE, detail: "boom".into(), at_us: 7 }));
    }
}
