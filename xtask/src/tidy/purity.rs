//! Pure crates: the clippy list is linked, nobody opted out of it, and what it cannot name (whole
//! modules, keywords) is not there either.

use super::{File, Findings, PURE, is_test_file, without_tests};
use std::fs;
use std::path::Path;

/// What clippy's list cannot express, with what to do instead.
const BANNED: &[(&str, &str)] = &[
    ("std::fs", "files belong to the crate `log`: give the bytes out as an effect"),
    ("std::net::Tcp", "sockets belong to `server`: give the message out as an effect"),
    ("std::net::Udp", "sockets belong to `server`: give the message out as an effect"),
    ("ToSocketAddrs", "names are looked up by `server`; an address comes in as a value"),
    ("std::thread", "a pure crate is stepped by its world and owns no thread"),
    ("std::process", "only the program decides to end"),
    ("std::env", "configuration comes in as a value"),
    ("std::os", "nothing pure depends on the operating system"),
    ("std::time::Instant", "time comes in as `Now`"),
    ("std::time::SystemTime", "time comes in as `Now` or `Millis`"),
    ("std::sync::mpsc", "effects are values in a buffer, not messages in a channel"),
    ("async fn", "a pure crate is a step machine: input in, effects out"),
    ("async move", "a pure crate is a step machine: input in, effects out"),
    (".await", "a pure crate is a step machine: input in, effects out"),
    ("println!", "say it with an effect or a return value"),
    ("clippy::disallowed_", "the list has no exceptions: move the code to `log` or `server`"),
];

/// Applies the rules of this file.
pub fn check(root: &Path, files: &[File], findings: &mut Findings) {
    for name in PURE {
        let link = format!("crates/{name}/clippy.toml");
        let points_to = fs::read_link(root.join(&link)).unwrap_or_default();
        if points_to != Path::new("../pure.clippy.toml") {
            let wanted = format!("make it a link: ln -sfn ../pure.clippy.toml {link}");
            findings.error(&link, 0, wanted);
        }
    }
    for file in files.iter().filter(|file| is_pure(&file.path) && !is_test_file(&file.path)) {
        banned(file, findings);
    }
}

fn is_pure(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("crates")
        && parts.next().is_some_and(|name| PURE.contains(&name))
        && parts.next() == Some("src")
}

fn banned(file: &File, findings: &mut Findings) {
    for (number, line) in without_tests(&file.text).lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (word, instead) in BANNED {
            if code.contains(word) {
                findings.error(&file.path, number + 1, format!("`{word}`: {instead}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_seen_in_code_and_not_in_comments_or_tests() {
        let cases = [
            ("crates/data/src/a.rs", "use std::fs::File;\n", 1),
            ("crates/data/src/a.rs", "// not std::fs here\n", 0),
            ("crates/data/src/a.rs", "#[cfg(test)]\nmod tests {\n use std::fs;\n}\n", 0),
            ("crates/data/src/a_tests.rs", "use std::fs;\n", 0),
            ("crates/data/tests/a.rs", "use std::fs;\n", 0),
            ("crates/server/src/a.rs", "use std::fs;\n", 0),
            ("crates/node/src/a.rs", "async fn f() {}\n", 1),
        ];
        for (path, text, want) in cases {
            let file = File { path: path.to_owned(), text: text.to_owned() };
            let mut findings = Findings::default();
            if is_pure(path) && !is_test_file(path) {
                banned(&file, &mut findings);
            }
            assert_eq!(findings.errors.len(), want, "{path}: {text}");
        }
    }
}
