//! `synod sim` as a developer meets it: summaries, schedules as files, refusals and exit codes.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

const SMALL: [&str; 10] =
    ["--nodes", "3", "--partitions", "1", "--seconds", "6", "--clients", "2", "--faults", "all"];

fn sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synod")).arg("sim").args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(args: &[&str]) -> Value {
    let output = sim(&[args, &["--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The command is refused as one that makes no sense, and says why.
fn refused(args: &[&str], reason: &str) {
    let output = sim(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
    assert!(stderr(&output).contains(reason), "{args:?}: {}", stderr(&output));
}

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_summary_counts_what_was_simulated() {
    let args = [&SMALL[..], &["--seed", "3", "--seeds", "4", "--jobs", "2", "--verify-every", "2"]];
    let summary = json(&args.concat());
    assert_eq!((&summary["seeds"], &summary["seeds_run_twice"]), (&4.into(), &2.into()));
    assert_eq!(summary["failures"], Value::Array(Vec::new()));
    assert!(summary["simulated_hours"].as_f64() > Some(4.0 * 6.0 / 3600.0), "{summary}");
    for speed in ["simulated_seconds_per_second_and_core", "operations_per_second_and_core"] {
        assert!(summary[speed].as_f64() > Some(0.0), "{speed}: {summary}");
    }
    assert_eq!(summary["faults"].as_object().unwrap()["drift"], 4);
    // The order in which two jobs finish shows nowhere.
    assert_eq!(summary["hash"], json(&args.concat())["hash"]);
}

#[test]
fn a_schedule_that_was_saved_is_the_same_run() {
    let (_folder, path) = file("run.toml", "");
    let path = path.to_str().unwrap();
    let only = [&SMALL[..], &["--seed", "5", "--only", "2,6"]].concat();
    let saved = json(&[&only[..], &["--save-schedule", path]].concat());
    let again = json(&["--schedule", path]);
    assert_eq!(saved["hash"], again["hash"]);
    assert_ne!(saved["hash"], json(&[&SMALL[..], &["--seed", "5"]].concat())["hash"]);
}

#[test]
fn a_schedule_that_makes_no_sense_is_refused_with_the_place() {
    let (_folder, path) = file("run.toml", "");
    let path = path.to_str().unwrap();
    json(&[&SMALL[..], &["--seed", "5", "--save-schedule", path]].concat());
    let good = std::fs::read_to_string(path).unwrap();
    let line = |what: &str| good.lines().position(|line| line == what).unwrap() + 1;
    let kind = line("fault = \"loss\"");
    let cases = [
        (
            "version = 1",
            "version = 2",
            "line 2: version 2 of the format; this program reads 1".to_owned(),
        ),
        ("version = 1", "", "missing field `version`".to_owned()),
        ("seed = 5", "seed = ", format!("line {}: ", line("seed = 5"))),
        ("seed = 5", "seed = 6", "the file comes from another version".to_owned()),
        ("seed = 5", "seed = 5\nsead = 6", "unknown field `sead`".to_owned()),
        ("nodes = 3", "nodes = 0", format!("line {}: nodes is 0; it is 1 to 9", line("nodes = 3"))),
        ("fault = \"loss\"", "fault = \"los\"", format!("line {kind}: there is no fault `los`")),
        (
            "fault = \"loss\"",
            "fault = \"power\"",
            format!("line {kind}: strike 1 of this seed is `loss`"),
        ),
        (
            "number = 2",
            "number = 999",
            format!("line {}: there is no strike 999", line("number = 2")),
        ),
        ("number = 2", "number = 0", "there is no strike 0".to_owned()),
        (
            "engine = \"raft\"",
            "engine = \"vsr\"",
            "`vsr` is no engine; there are raft, paxos, zab".to_owned(),
        ),
    ];
    for (part, instead, reason) in cases {
        assert_eq!(good.lines().filter(|line| *line == part).count(), 1, "{part}");
        std::fs::write(path, good.replacen(part, instead, 1)).unwrap();
        refused(&["--schedule", path], &reason);
    }
    std::fs::write(path, [0xff, 0xfe]).unwrap();
    assert_eq!(sim(&["--schedule", path]).status.code(), Some(1));
    std::fs::write(path, "x".repeat(5 << 20)).unwrap();
    refused(&["--schedule", path], "is larger than");
    assert!(stderr(&sim(&["--schedule", "/nowhere.toml"])).contains("cannot read /nowhere.toml"));
}

#[test]
fn what_does_not_exist_is_refused() {
    refused(&["--only", "3,x"], "`x` is not the number of a strike");
    refused(&["--faults", "none", "--only", "1"], "there is no strike 1: this run has none");
    refused(&["--seconds", "2", "--only", "4000"], "there is no strike 4000: this run has");
    refused(&["--engine", "vsr"], "[possible values: raft, paxos, zab]");
    refused(&["--faults", "loss,gremlin"], "there is no fault `gremlin`");
    refused(&["--only", "1", "--seeds", "2"], "cannot be used with");
    refused(&["--trace", "x.html", "--seeds", "2"], "cannot be used with");
    refused(&["--schedule", "x.toml", "--nodes", "3"], "cannot be used with");
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn one_transaction_is_told_in_words_and_shown_on_a_page() {
    let (_folder, page) = file("run.html", "");
    let page = page.to_str().unwrap();
    let strikes = "cut:2@2.5-";
    let split = sim(&["--commit-protocol", "3pc", "--strikes", strikes, "--trace", page]);
    assert_eq!(split.status.code(), Some(1));
    let told = stdout(&split);
    assert!(told.contains("3pc: split: committed at [0, 1], aborted at [2]"), "{told}");
    let again = "again: synod sim --commit-protocol 3pc --participants 2 --strikes cut:2@2.5-";
    assert!(told.contains(again), "{told}");
    let html = std::fs::read_to_string(page).unwrap();
    for part in ["\"names\":[\"coordinator\",\"site 1\",\"site 2\"]", "pre-committed", "split: "] {
        assert!(html.contains(part), "{part}");
    }
    let blocked = sim(&["--commit-protocol", "2pc", "--strikes", "crash:0@3"]);
    assert!(blocked.status.success());
    assert!(stdout(&blocked).contains("2pc: undecided; blocked in doubt at [1, 2]"));
}

#[test]
fn commit_protocols_are_compared_over_seeds() {
    let of = |args: &[&str]| json(&[&["--commit-protocol", "all", "--seeds", "60"], args].concat());
    let sums = of(&["--faults", "kill", "--participants", "3"]);
    assert!(sums["2pc"]["blocked"].as_u64() > Some(0), "{sums}");
    for (protocol, end) in
        [("2pc", "split"), ("3pc", "split"), ("synod", "split"), ("parallel", "split")]
    {
        assert_eq!(sums[protocol][end], 0, "{sums}");
        assert_eq!(sums[protocol]["runs"], 60);
    }
    assert_eq!(sums, of(&["--faults", "kill", "--participants", "3"]), "the same every time");
    assert_eq!(of(&["--faults", "none"])["synod"]["blocked"], 0);
}

#[test]
fn commit_protocols_refuse_what_they_do_not_know() {
    let of = |args: &[&str], reason: &str| {
        refused(&[&["--commit-protocol", "3pc"], args].concat(), reason);
    };
    refused(
        &["--commit-protocol", "4pc"],
        "no commit protocol `4pc`; there are: 2pc, 3pc, synod, parallel",
    );
    refused(&["--strikes", "no:1"], "--commit-protocol");
    of(&["--strikes", "fire:1"], "`fire:1` is no strike");
    of(&["--strikes", "crash:3@1"], "there is no site 3; the last is 2");
    of(&["--strikes", "no:0"], "site 0 coordinates and has no vote");
    of(&["--participants", "1"], "1 is not in 2..=8");
    of(&["--faults", "loss"], "meets `kill` and `partition`, not `loss`");
    of(&["--nodes", "3"], "cannot be used with");
    of(&["--strikes", "none", "--seeds", "2"], "cannot be used with");
    refused(&["--commit-protocol", "all", "--trace", "x.html"], "--trace shows one protocol");
}
