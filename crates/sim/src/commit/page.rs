//! A run as a page for the browser: the trace page of the simulator, with the names of the sites.

use super::{CommitProtocol, Outcome, Run, Strike};
use crate::page;
use serde_json::{Value, json};

/// The page of a run that kept its events ([`Run::record`]).
#[must_use]
pub fn render(run: &Run, outcome: &Outcome) -> String {
    let title = format!("{}, {} participants", run.protocol, run.participants);
    let (end_us, begin_us) = outcome.simulated_us;
    let last = outcome.story.last().map_or(0, |(at, _)| *at);
    let strikes: Vec<Value> = run
        .strikes
        .iter()
        .enumerate()
        .filter_map(|(number, strike)| {
            let number = number + 1;
            match strike {
                Strike::Cut { from, until, .. } => Some(json!([
                    number,
                    begin_us + from,
                    "cut",
                    strike.to_string(),
                    until.map_or(end_us, |at| begin_us + at)
                ])),
                _ => None,
            }
        })
        .collect();
    let names: Vec<String> = (0..run.sites()).map(|site| name(run.protocol, site)).collect();
    let mut head = json!({
        "title": title,
        "replay": run.replay(),
        "nodes": run.sites(),
        "names": names,
        "clients": 1,
        "begin_us": begin_us.saturating_sub(super::world::LEAD_US),
        "end_us": end_us.min(begin_us + last + super::world::TAIL_US),
        "verdict": outcome.verdict(),
        "strikes": strikes,
    });
    if outcome.is_split() {
        head["failure"] = json!({
            "rule": "agreement", "at_us": begin_us + last, "text": outcome.verdict(),
        });
    }
    page::fill(&title, &page::with_events(head, outcome.trace.as_ref()))
}

fn name(protocol: CommitProtocol, site: usize) -> String {
    match (protocol, site) {
        (CommitProtocol::Synod | CommitProtocol::Parallel, _) => format!("site {site}"),
        (_, 0) => "coordinator".to_owned(),
        (_, _) => format!("site {site}"),
    }
}
