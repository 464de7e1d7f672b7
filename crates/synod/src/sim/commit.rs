//! `synod sim --commit-protocol`: one transaction after the other by two-phase commit, three-phase commit or our own, through
//! the same trouble.

use super::options::SimOptions;
use super::write_page;
use crate::settings::Usage;
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use synod_sim::commit::{self, CommitProtocol, DELAY_US, Decision, Kinds, Outcome, Run};

/// Runs them, and says what came of it.
///
/// # Errors
/// The options make no sense, a page cannot be written, or a transaction was split: some committed and others aborted.
pub fn run(options: &SimOptions, protocols: &[CommitProtocol]) -> Result<()> {
    if options.trace.is_some() && protocols.len() > 1 {
        bail!(Usage("--trace shows one protocol: 2pc, 3pc, synod or parallel".to_owned()));
    }
    let mut split = Vec::new();
    let mut sums = Vec::new();
    for protocol in protocols {
        let mut sum = Sum::default();
        for at in 0..options.seeds {
            let run = one(options, *protocol, at)?;
            let outcome = commit::run(&run);
            sum.add(&run, &outcome);
            if outcome.is_split() {
                split.push(run.replay());
            }
            if options.seeds == 1 {
                single(options, &run, &outcome)?;
            }
        }
        sums.push((*protocol, sum));
    }
    if options.json {
        let rows = sums.iter().map(|(protocol, sum)| (protocol.to_string(), sum.json()));
        println!("{:#}", Value::Object(rows.collect()));
    } else if options.seeds > 1 {
        print!("{}", table(&sums));
    }
    match split.first() {
        None => Ok(()),
        Some(first) => bail!(
            "{} of the transactions split: some committed and others aborted\nagain: {first}\nto see it: {first} --trace run.html",
            split.len()
        ),
    }
}

/// The run of one seed, or the one that is written down.
fn one(options: &SimOptions, protocol: CommitProtocol, at: u64) -> Result<Run> {
    let base = Run {
        record: options.trace.is_some(),
        ..Run::new(protocol, options.participants as usize)
    };
    let run = match &options.strikes {
        Some(strikes) => Run { seed: options.seed, strikes: strikes.0.clone(), ..base },
        None => {
            let seed = options.first_seed().wrapping_add(at);
            let strikes = Kinds::of(&options.faults).map_err(Usage)?.draw(seed, base.sites());
            Run { seed: Some(seed), strikes, ..base }
        }
    };
    run.check().map_err(|error| Usage(format!("--strikes: {error}")))?;
    Ok(run)
}

/// Tells one run in words, and writes its page.
fn single(options: &SimOptions, run: &Run, outcome: &Outcome) -> Result<()> {
    if !options.json {
        println!("{}", tell(run, outcome)?);
    }
    if let Some(file) = &options.trace {
        write_page(file, &commit::render(run, outcome))?;
    }
    Ok(())
}

fn delays(us: u64) -> String {
    format!("{}.{:03}", us / DELAY_US, us % DELAY_US)
}

fn tell(run: &Run, outcome: &Outcome) -> Result<String> {
    let mut text =
        format!("{}, {} participants; time in message delays\n", run.protocol, run.participants);
    for (at, what) in &outcome.story {
        writeln!(text, "{:>9}  {what}", delays(*at))?;
    }
    writeln!(text, "{}: {}", run.protocol, outcome.verdict())?;
    let answered = match outcome.answer {
        Some((_, spent)) => format!("the client is answered after {}", delays(spent.us)),
        None => "the client is not answered".to_owned(),
    };
    let spent = outcome.spent;
    writeln!(text, "{} messages, {} forced flushes; {answered}", spent.messages, spent.flushes)?;
    write!(text, "again: {}", run.replay())?;
    Ok(text)
}

/// What came of many runs.
#[derive(Default)]
struct Sum {
    ended: BTreeMap<&'static str, u64>,
    blocked: u64,
    messages: u64,
    flushes: u64,
    answered: u64,
    answered_us: u64,
    runs: u64,
    first_blocked: Option<String>,
}

/// How a run can end, as the columns of the table.
const ENDS: [&str; 4] = ["committed", "aborted", "undecided", "split"];

impl Sum {
    fn add(&mut self, run: &Run, outcome: &Outcome) {
        let decisions = outcome.decisions();
        let end = match (outcome.is_split(), decisions.first()) {
            (true, _) => "split",
            (false, None) => "undecided",
            (false, Some(Decision::Commit)) => "committed",
            (false, Some(Decision::Abort)) => "aborted",
        };
        *self.ended.entry(end).or_default() += 1;
        self.runs += 1;
        if !outcome.blocked.is_empty() {
            self.blocked += 1;
            self.first_blocked.get_or_insert_with(|| run.replay());
        }
        self.messages += outcome.spent.messages;
        self.flushes += outcome.spent.flushes;
        if let Some((_, spent)) = outcome.answer {
            self.answered += 1;
            self.answered_us += spent.us;
        }
    }

    fn ended(&self, end: &str) -> u64 {
        self.ended.get(end).copied().unwrap_or_default()
    }

    fn json(&self) -> Value {
        let mut value = json!({
            "runs": self.runs, "blocked": self.blocked, "messages": self.messages, "flushes": self.flushes,
            "answered": self.answered, "answered_delays": self.answered_us as f64 / DELAY_US as f64,
        });
        for end in ENDS {
            value[end] = json!(self.ended(end));
        }
        if let Some(replay) = &self.first_blocked {
            value["first_blocked"] = json!(replay);
        }
        value
    }
}

fn table(sums: &[(CommitProtocol, Sum)]) -> String {
    let mut text = format!("{:<8}", "");
    for name in ENDS.into_iter().chain(["blocked", "messages", "flushes", "answer"]) {
        let _infallible = write!(text, "{name:>11}");
    }
    text.push('\n');
    for (protocol, sum) in sums {
        let _infallible = write!(text, "{:<8}", protocol.as_str());
        let each = |total: u64, of: u64| format!("{:.1}", total as f64 / of.max(1) as f64);
        let delays = sum.answered * DELAY_US;
        let numbers = ENDS.into_iter().map(|end| sum.ended(end)).chain([sum.blocked]);
        let means = [
            each(sum.messages, sum.runs),
            each(sum.flushes, sum.runs),
            each(sum.answered_us, delays),
        ];
        for cell in numbers.map(|number| number.to_string()).chain(means) {
            let _infallible = write!(text, "{cell:>11}");
        }
        text.push('\n');
    }
    text.push_str("blocked: somebody who runs is in doubt at the end. Messages, flushes and the time of the answer, in message delays: the mean.\n");
    for (protocol, sum) in sums {
        if let Some(replay) = &sum.first_blocked {
            let _infallible = writeln!(text, "{protocol} blocked: {replay}");
        }
    }
    text
}
