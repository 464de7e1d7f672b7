//! The rig is tried on the genuine redis-server: it passes a server that keeps its word, and it catches
//! one that acknowledges writes which are only in memory.

#![allow(clippy::unwrap_used)] // a test may panic

use std::process::{Command, Output};

fn chaos(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synod-chaos"))
        .args(["--redis", "redis-server", "--seed", "7"])
        .args(arguments)
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_server_that_flushes_before_it_answers_passes() {
    let output = chaos(&["--seconds", "8"]);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("every acknowledged write is there"), "{told}");
}

#[test]
fn a_server_that_keeps_writes_in_memory_is_caught() {
    let output = chaos(&["--seconds", "6", "--durability", "none", "--expect-loss"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("is lost"), "{}", told(&output));

    // Without being told to expect it, the loss is a failure, and the history proves it.
    let file = std::env::temp_dir().join(format!("synod-chaos-test-{}.jsonl", std::process::id()));
    let file = file.to_str().unwrap();
    let output = chaos(&["--seconds", "6", "--durability", "none", "--history", file]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let output = Command::new(env!("CARGO_BIN_EXE_synod-chaos")).args(["--check", file]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("not linearizable"), "{}", told(&output));
    std::fs::remove_file(file).unwrap();
}

/// The kernel keeps what `appendfsync everysec` has not flushed, so a kill loses nothing; a power cut does.
#[test]
fn only_a_power_cut_tells_whether_a_server_flushes() {
    let unflushed = ["--seconds", "6", "--durability", "everysec", "--expect-loss"];
    let killed = chaos(&unflushed);
    assert_eq!(killed.status.code(), Some(1), "{}", told(&killed));
    let cut = chaos(&[&unflushed[..], &["--power-cut"]].concat());
    assert_eq!(cut.status.code(), Some(0), "{}", told(&cut));
    let flushed = chaos(&["--seconds", "8", "--power-cut"]);
    assert_eq!(flushed.status.code(), Some(0), "{}", told(&flushed));
}

#[test]
fn a_loss_that_does_not_come_is_told() {
    let output = chaos(&["--seconds", "6", "--expect-loss"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_synod-chaos"))
        .args(["--synod", "/nosuch/synod", "--seconds", "1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("no program at /nosuch/synod"), "{}", told(&output));
}
