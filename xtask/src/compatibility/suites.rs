//! What suites that others wrote said of Synod and of the genuine server, test by test.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// How many names stand behind one cause; the rest is counted.
const NAMES_MAX: usize = 60;
/// How much of an error is shown.
const CAUSE_CHARS_MAX: usize = 160;

/// What a runner wrote.
#[derive(Debug, Deserialize)]
struct Results {
    suite: String,
    server: String,
    genuine_server: String,
    nodes: u32,
    partitions: u32,
    ours: u32,
    genuine: u32,
    of: u32,
    tests: Vec<Test>,
}

#[derive(Debug, Deserialize)]
struct Test {
    file: String,
    name: String,
    genuine: String,
    ours: String,
    #[serde(default)]
    error: String,
}

/// The part of the page.
pub fn section(paths: &[PathBuf]) -> Result<String> {
    let results = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    let mut text = "| suite | nodes, partitions | ours | genuine | of | against | with |\n|---|---|---|---|---|---|---|\n".to_owned();
    for Results { suite, server, genuine_server, nodes, partitions, ours, genuine, of, .. } in
        &results
    {
        writeln!(
            text,
            "| {suite} | {nodes}, {partitions} | {ours} | {genuine} | {of} | {genuine_server} | {server} |"
        )?;
    }
    for result in &results {
        differences(&mut text, result)?;
    }
    Ok(text)
}

fn read(path: &Path) -> Result<Results> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// What passes on the genuine server and not here, by the first error that each test met.
fn differences(text: &mut String, result: &Results) -> Result<()> {
    let mut causes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for test in result.tests.iter().filter(|test| test.genuine == "ok" && test.ours != "ok") {
        let name = format!("{} {}", test.file, test.name);
        causes.entry(cause(&test.error)).or_default().push(plain(&name));
    }
    let all: usize = causes.values().map(Vec::len).sum();
    writeln!(text, "\n### {}: {all} differences\n", result.suite)?;
    let mut causes: Vec<_> = causes.into_iter().collect();
    causes.sort_by_key(|(cause, names)| (usize::MAX - names.len(), cause.clone()));
    for (cause, names) in causes {
        let shown = names.len().min(NAMES_MAX);
        let more = match names.len() - shown {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        writeln!(text, "- {} ({}): {}{more}", cause, names.len(), names[..shown].join("; "))?;
    }
    Ok(())
}

/// One line without what differs from test to test.
fn cause(error: &str) -> String {
    let line = error.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("not run");
    let line = line.split(", with args beginning with").next().unwrap_or(line);
    plain(&line.chars().take(CAUSE_CHARS_MAX).collect::<String>())
}

/// Text that Markdown takes as it is.
fn plain(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("`{}`", text.replace('`', "'").trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_cause() {
        let results = r#"{"suite": "s", "server": "synod 1", "genuine_server": "redis-server 7", "nodes": 1, "partitions": 1,
            "cluster": false, "ours": 1, "genuine": 4, "of": 4, "tests": [
            {"file": "f", "name": "a", "genuine": "ok", "ours": "ok", "error": ""},
            {"file": "f", "name": "b", "genuine": "ok", "ours": "fail", "error": "ERR unknown command 'X', with args beginning with: 1"},
            {"file": "f", "name": "c", "genuine": "ok", "ours": "fail", "error": "\nERR unknown command 'X', with args beginning with: 2"},
            {"file": "f", "name": "d", "genuine": "ok", "ours": "absent", "error": ""},
            {"file": "f", "name": "e", "genuine": "skip", "ours": "fail", "error": "x", "genuine_error": ""}]}"#;
        let result: Results = serde_json::from_str(results).expect("results");
        let mut text = String::new();
        differences(&mut text, &result).expect("a string takes all");
        assert_eq!(
            text,
            "\n### s: 3 differences\n\n- `ERR unknown command 'X'` (2): `f b`; `f c`\n- `not run` (1): `f d`\n"
        );
    }
}
