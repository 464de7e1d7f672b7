//! A run as a page for the browser: nodes as lanes, messages as arrows, and a slider for the time.
//!
//! The page holds everything it needs and nothing is fetched: its own policy forbids it. The run is in it as JSON with
//! a version; the rows are told in `page/model.js`.

use crate::{Fate, Item, Outcome, Params, Trace};
use serde_json::{Value, json};

/// The format of the data in the page. The player checks it: a page of one version may hold a trace of another.
pub const VERSION: u64 = 2;

/// The player, in the order in which its parts build on each other.
const SCRIPT: [&str; 4] = [
    include_str!("page/model.js"),
    include_str!("page/draw.js"),
    include_str!("page/arrows.js"),
    include_str!("page/controls.js"),
];

/// The page of a run that kept its events ([`Params::record`]).
#[must_use]
pub fn render(params: &Params, outcome: &Outcome) -> String {
    let title = format!("seed {}", params.seed);
    fill(&title, &data(&title, params, outcome))
}

/// The page with this title and this run.
pub(crate) fn fill(title: &str, data: &str) -> String {
    include_str!("page/page.html")
        .replace("%TITLE%", title)
        .replace("%STYLE%", include_str!("page/style.css"))
        .replace("%SCRIPT%", &SCRIPT.concat())
        .replace("%TRACE%", data)
}

fn data(title: &str, params: &Params, outcome: &Outcome) -> String {
    let mut head = json!({
        "title": title,
        "replay": params.replay(),
        "nodes": params.nodes,
        "clients": params.clients,
        "begin_us": outcome.trace.as_ref().map_or(0, Trace::begin_us),
        "end_us": outcome.simulated_us,
        "strikes": strikes(outcome),
    });
    if let Some(failure) = &outcome.failure {
        head["failure"] = json!({
            "rule": failure.rule, "at_us": failure.at_us, "text": failure.to_string(),
        });
    }
    with_events(head, outcome.trace.as_ref())
}

/// The run as JSON, one event on a line. `head` tells of it as a whole.
pub(crate) fn with_events(mut head: Value, trace: Option<&Trace>) -> String {
    head["format"] = json!("synod-trace");
    head["version"] = json!(VERSION);
    head["dropped"] = json!(trace.map_or(0, Trace::dropped));
    let mut text = head.to_string();
    text.pop(); // the closing brace: the events go before it
    text.push_str(",\"events\":[\n");
    let begin = trace.map_or(0, Trace::begin_us);
    let before = trace.into_iter().flat_map(|t| t.dropped_positions()).map(|item| row(begin, item));
    let kept = trace.into_iter().flat_map(|t| t.items()).map(|(at, item)| row(*at, item));
    for (n, row) in before.chain(kept).enumerate() {
        if n > 0 {
            text.push_str(",\n");
        }
        text.push_str(&row.to_string());
    }
    text.push_str("\n]}");
    // Nothing in it may look like the end of the element that it stands in.
    text.replace('<', "\\u003c")
}

fn strikes(outcome: &Outcome) -> Vec<Value> {
    let row = |s: &crate::Struck| json!([s.number, s.at_us, s.fault.name(), s.whom, s.until_us]);
    outcome.struck.iter().map(row).collect()
}

/// One event; what the places mean stands in `page/model.js`.
fn row(at: u64, item: &Item) -> Value {
    match item {
        Item::Message { from, to, fate, what } => {
            let arrives = match fate {
                Fate::Arrives(at) => json!(at),
                Fate::Lost => json!(-1),
                Fate::Held => json!(-2),
            };
            json!(["m", at, from, to, arrives, what])
        }
        Item::Up(node) => json!(["u", at, node]),
        Item::Down(node, why) => json!(["d", at, node, why]),
        Item::Paused(node, until) => json!(["p", at, node, until]),
        Item::Wire(a, b, up) => json!(["w", at, a, b, u8::from(*up)]),
        Item::Silent(from, to, on) => json!(["b", at, from, to, u8::from(*on)]),
        Item::Leader(node, group, term) => json!(["l", at, node, group, term]),
        Item::Group { node, group, role, term, last, commit, applied } => {
            json!(["g", at, node, group, role.to_string(), term, last, commit, applied])
        }
        Item::Asked { request, client, node, what } => {
            json!(["o", at, request, client, node, what])
        }
        Item::Answered { request, outcome } => json!(["r", at, request, outcome]),
        Item::Healed => json!(["h", at]),
        Item::Note(node, what) => json!(["n", at, node, what]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Faults, run};

    /// The data between the tags of the page.
    fn trace(html: &str) -> Value {
        let (_, rest) = html.split_once("id=\"trace\">").expect("the page has a trace");
        let (text, _) = rest.split_once("</script>").expect("the trace has an end");
        serde_json::from_str(text).expect("the trace is JSON")
    }

    #[test]
    fn a_page_holds_the_run_and_nothing_from_elsewhere() {
        let faults = Faults::Only(u64::MAX);
        let params = Params {
            nodes: 3,
            partitions: 1,
            seconds: 30,
            clients: 2,
            faults,
            record: true,
            ..Params::default()
        };
        let outcome = run(&params);
        let html = render(&params, &outcome);
        let trace = trace(&html);
        assert_eq!(trace["version"], VERSION);
        assert_eq!(trace["strikes"].as_array().map(Vec::len), Some(outcome.struck.len()));
        for kind in ["m", "u", "d", "w", "l", "g", "o", "r", "h"] {
            let events = trace["events"].as_array().expect("a list");
            assert!(events.iter().any(|event| event[0] == kind), "no {kind}");
        }
        for elsewhere in ["http://", "https://", "src=", "@import", "url(", "%TRACE%", "%SCRIPT%"] {
            assert!(!html.contains(elsewhere), "{elsewhere}");
        }
        assert_eq!(html.matches("<script").count(), html.matches("</script>").count());
    }

    #[test]
    fn text_cannot_end_the_data() {
        let mut outcome = Outcome::default();
        let (rule, at_us) = ("replies", 1);
        let detail = "</script><b>\"".to_owned();
        outcome.failure = Some(crate::Failure { rule, detail, at_us });
        let text = data("a title", &Params::default(), &outcome);
        assert!(!text.contains('<'));
        let trace: Value = serde_json::from_str(&text).expect("it is JSON");
        assert!(trace["failure"]["text"].as_str().is_some_and(|t| t.ends_with("</script><b>\"")));
    }

    #[test]
    fn looking_changes_nothing() {
        let params = Params { nodes: 3, partitions: 1, seconds: 4, ..Params::default() };
        assert_eq!(run(&params).hash, run(&Params { record: true, ..params }).hash);
    }
}
