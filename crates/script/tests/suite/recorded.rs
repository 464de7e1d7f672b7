//! Replies recorded from redis-server 7.0.15: `cases/redis.txt`, a script behind `>` and its reply in the line after it.
//!
//! `\N` in a script stands for the end of a line. Where Synod differs on purpose the recorded reply was replaced, with
//! a line that says why in front.

use crate::world::{World, text};
use synod_wire::resp::Proto;

const RECORDED: &str = include_str!("../cases/redis.txt");

#[test]
fn scripts_answer_what_they_answer_in_redis() {
    let mut world = World::new();
    let mut failures = Vec::new();
    let mut lines = RECORDED.lines();
    let mut count = 0;
    while let Some(line) = lines.next() {
        if line == "RESP3" {
            world.proto = Proto::Resp3;
        }
        let Some(script) = line.strip_prefix("> ") else { continue };
        let want = lines.next().unwrap_or_default();
        let body = script.replace("\\N", "\n");
        let words: [&[u8]; 6] = [b"EVAL", body.as_bytes(), b"1", b"key", b"arg1", b"arg2"];
        let got = text(&world.run(&words));
        count += 1;
        if got != want {
            failures.push(format!("> {script}\n   got {got}\n  want {want}"));
        }
    }
    assert!(count > 250, "{count} scripts");
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}
