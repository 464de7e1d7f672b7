//! A run as a page for the browser: nodes as lanes, messages as arrows, and a slider for the time.
//!
//! The page holds everything it needs; nothing is fetched.

use crate::{Item, Outcome, Params};
use std::fmt::Write as _;

/// How many messages a page holds; a run has more than a browser likes, and the last ones tell why it failed.
const ITEMS_MAX: usize = 200_000;

/// The page of a run that kept its events ([`Params::record`]).
#[must_use]
pub fn render(params: &Params, outcome: &Outcome) -> String {
    let items = outcome.trace.as_ref().map_or(&[][..], |trace| &trace.items);
    let left_out = items.len().saturating_sub(ITEMS_MAX);
    let mut data = String::new();
    for (at, item) in &items[left_out..] {
        row(&mut data, *at, item);
    }
    let verdict = match &outcome.failure {
        Some(failure) => failure.to_string(),
        None => "all rules were kept".to_owned(),
    };
    let note = match left_out {
        0 => String::new(),
        n => format!(" The first {n} events are left out."),
    };
    include_str!("page.html")
        .replace("%TITLE%", &escape(&format!("seed {}", params.seed)))
        .replace("%REPLAY%", &escape(&params.replay()))
        .replace("%VERDICT%", &escape(&(verdict + &note)))
        .replace("%NODES%", &params.nodes.to_string())
        .replace("%DATA%", &data)
}

/// One event as an element of a JavaScript array.
fn row(out: &mut String, at: u64, item: &Item) {
    let written = match item {
        Item::Message { from, to, arrives_us, what } => {
            writeln!(out, "[{at},'m',{from},{to},{arrives_us},{}],", quoted(what))
        }
        Item::Up(node) => writeln!(out, "[{at},'u',{node}],"),
        Item::Down(node, why) => writeln!(out, "[{at},'d',{node},{}],", quoted(why)),
        Item::Leader(node, group, term) => writeln!(out, "[{at},'l',{node},{group},{term}],"),
        Item::Fault(what) => writeln!(out, "[{at},'f',{}],", quoted(what)),
        Item::Groups(node, groups) => {
            let groups: Vec<_> = groups
                .iter()
                .map(|(group, role, term, commit, last)| {
                    format!("[{group},'{role}',{term},{commit},{last}]")
                })
                .collect();
            writeln!(out, "[{at},'g',{node},[{}]],", groups.join(","))
        }
    };
    written.unwrap_or_default(); // writing to a string does not fail
}

fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '<' => out.push_str("\\x3c"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Faults, run};

    #[test]
    fn a_page_holds_the_run_and_closes_what_it_opens() {
        let params = Params {
            nodes: 3,
            partitions: 1,
            seconds: 5,
            clients: 2,
            faults: Faults::Only(0),
            record: true,
            ..Params::default()
        };
        let outcome = run(&params);
        let html = render(&params, &outcome);
        assert!(html.contains("all rules were kept") && html.contains("'l',"));
        assert_eq!(html.matches("<script").count(), html.matches("</script>").count());
        assert!(!html.contains("%DATA%"));
        assert_eq!(quoted("a'<b\n"), "'a\\'\\x3cb '");
    }

    #[test]
    fn looking_changes_nothing() {
        let params = Params { nodes: 3, partitions: 1, seconds: 4, ..Params::default() };
        assert_eq!(run(&params).hash, run(&Params { record: true, ..params }).hash);
    }
}
