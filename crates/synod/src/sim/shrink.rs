//! The trials by which a failure is shrunk: each is this program again, so that one that panics, hangs or eats the
//! memory costs no more than itself.

use super::options::SimOptions;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use synod_sim::{Failure, Minimised, Outcome, Params, Trial};

/// How often a trial is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What this needs of the summary that a trial prints.
#[derive(Deserialize)]
struct Summary {
    failures: Vec<Broken>,
}

#[derive(Deserialize)]
struct Broken {
    rule: String,
    detail: String,
    at_us: u64,
}

/// Shrinks a failure as far as the budget reaches; `None` without one.
pub fn shrink(options: &SimOptions, params: &Params, outcome: &Outcome) -> Option<Minimised> {
    if options.shrink_runs == 0 || outcome.failure.as_ref()?.rule == super::DETERMINISM {
        return None;
    }
    let rule = outcome.failure.as_ref()?.rule;
    let end = Instant::now() + Duration::from_secs(options.shrink_seconds);
    let mut left = options.shrink_runs;
    synod_sim::minimise(params, outcome, |params| {
        if left == 0 || Instant::now() >= end {
            return Trial::Spent;
        }
        left -= 1;
        match trial(params, end) {
            Ok(Some(broken)) if broken.rule == rule => {
                Trial::Fails(Failure { rule, detail: broken.detail, at_us: broken.at_us })
            }
            Ok(_) => Trial::Passes,
            Err(error) => {
                eprintln!("shrinking ends: {error:#}");
                Trial::Spent
            }
        }
    })
}

/// Runs this program with these parameters; the rule that it breaks.
fn trial(params: &Params, end: Instant) -> Result<Option<Broken>> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut child = Command::new(program)
        .arg("sim")
        .args(params.arguments())
        .args(["--json", "--shrink-runs", "0", "--verify-every", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start this program")?;
    let mut out = child.stdout.take().context("a trial has no output")?;
    let reader = thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    if !wait(&mut child, end)? {
        anyhow::bail!("a trial was still running when the time was used up");
    }
    let text = reader.join().map_err(|_| anyhow::anyhow!("a trial's output is lost"))??;
    let summary: Summary = serde_json::from_str(&text).context("a trial printed no summary")?;
    Ok(summary.failures.into_iter().next())
}

/// Waits for a trial; false when its time was up and it was ended.
fn wait(child: &mut Child, end: Instant) -> Result<bool> {
    while child.try_wait()?.is_none() {
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(true)
}
