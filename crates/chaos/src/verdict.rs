//! After the trouble: reads everything and asks the checkers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use synod_checker::{Kind, Operation, Outcome, Output, bank, durable, linear, monotonic};

use crate::session::{Session, Trouble};
use crate::workload::{Plan, Record, accounts, ask, look, statement};

/// The client number of the one that reads everything at the end.
const READER: u64 = u64::MAX;
/// A healed cluster that does not answer one read within this time has not healed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Some seconds of search on one key.
const STEPS_MAX: u64 = linear::STEPS_MAX / 4;
/// How many findings of one checker are told.
const TOLD_MAX: usize = 3;

/// What the checkers say.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Acknowledged writes that are gone, as far as they were told apart.
    pub lost: usize,
    /// Everything that should not be, for people; empty when all is well.
    pub findings: Vec<String>,
    /// The keys that the findings speak of.
    pub keys: Vec<String>,
    /// How many keys were judged.
    pub keys_judged: usize,
    /// How many steps the search for an order took.
    pub steps: u64,
}

/// Reads every key that was written, adds the reads to the history, and returns what each holds.
pub fn read_all(plan: &Plan, session: &mut Session, record: &mut Record) -> Result<Finals> {
    let kinds: BTreeMap<String, Kind> =
        record.history.iter().map(|op| (op.key.clone(), op.input.kind())).collect();
    let mut finals = Finals::new();
    for (key, kind) in kinds {
        let input = look(kind);
        let (call_us, output) = insist(plan, session, |session| ask(session, &key, &input))?;
        let outcome = Outcome::Returned { return_us: plan.now_us(), output: output.clone() };
        let op = Operation { client: READER, key: key.clone(), input, call_us, outcome };
        record.history.push(op);
        finals.insert(key, output);
    }
    let (_, last) = insist(plan, session, |session| statement(session, plan.now_us()))?;
    record.statements.push(last);
    Ok(finals)
}

/// What each key holds.
pub type Finals = BTreeMap<String, Output>;

/// Asks until there is an answer; when the answered request was called, and the answer.
fn insist<T>(
    plan: &Plan,
    session: &mut Session,
    mut ask: impl FnMut(&mut Session) -> Result<T, Trouble>,
) -> Result<(u64, T)> {
    let started = Instant::now();
    loop {
        let call_us = plan.now_us();
        match ask(session) {
            Ok(answer) => return Ok((call_us, answer)),
            Err(Trouble::Strange(text)) => bail!("a final read was answered by {text}"),
            Err(trouble) if started.elapsed() > PATIENCE => {
                bail!("a final read had no answer for {PATIENCE:?} ({trouble:?})")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Asks every checker.
pub fn judge(record: &Record, finals: &Finals) -> Verdict {
    let mut verdict = Verdict::default();
    let mut durable = durable::check(&record.history, finals);
    let is_loss = |finding: &durable::Finding| matches!(finding, durable::Finding::Lost { .. });
    durable.sort_by_key(|finding| !is_loss(finding));
    verdict.lost = durable.iter().filter(|finding| is_loss(finding)).count();
    verdict.tell("durability", durable.iter().map(ToString::to_string).collect());
    if let Err(shrunk) = monotonic::check(&record.history) {
        verdict.keys.push(shrunk.key.clone());
        verdict.tell("monotonic counters", vec![shrunk.to_string()]);
    }
    if let Err(wrong) = bank::check(&accounts(), 0, &record.statements) {
        verdict.tell("bank", vec![wrong.to_string()]);
    }
    let strange = record.strange.iter().map(|(text, times)| format!("{times} times: {text}"));
    verdict.tell("unexpected answers", strange.collect());
    let report = linear::check(&record.history, STEPS_MAX);
    verdict.keys_judged = report.keys;
    verdict.steps = report.steps;
    verdict.keys.extend(report.failures.iter().map(|failure| failure.key().to_owned()));
    verdict.tell("linearizability", report.failures.iter().map(ToString::to_string).collect());
    verdict
}

impl Verdict {
    /// Whether nothing was found.
    pub fn passed(&self) -> bool {
        self.findings.is_empty()
    }

    fn tell(&mut self, checker: &str, findings: Vec<String>) {
        let count = findings.len();
        let told = findings.into_iter().take(TOLD_MAX);
        self.findings.extend(told.map(|finding| format!("{checker}: {finding}")));
        if count > TOLD_MAX {
            self.findings.push(format!("{checker}: and {} more", count - TOLD_MAX));
        }
    }
}
