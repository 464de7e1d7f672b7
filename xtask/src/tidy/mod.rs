//! The rules of the house that no compiler checks. Each finding names the place and what to do instead.
//! Nothing here changes a file.

mod circles;
mod imports;
mod links;
mod purity;
mod source;

use crate::program::output;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates that know no clock, random source, file, socket, thread or async.
const PURE: &[&str] = &[
    "checker",
    "consensus",
    "coordinator",
    "data",
    "acl",
    "locks",
    "hotkeys",
    "txn",
    "machine",
    "node",
    "redis",
    "replica",
    "ring",
    "script",
    "tree",
    "types",
    "wire",
    "worker",
    "zookeeper",
];

/// A text file of the repository.
struct File {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

/// What the rules found.
#[derive(Default)]
struct Findings {
    errors: Vec<String>,
}

impl Findings {
    /// A broken rule. `line` counts from 1; 0 means the whole file.
    fn error(&mut self, path: &str, line: usize, what: impl AsRef<str>) {
        self.errors.push(at(path, line, what.as_ref()));
    }
}

fn at(path: &str, line: usize, what: &str) -> String {
    if line == 0 { format!("{path}: {what}") } else { format!("{path}:{line}: {what}") }
}

/// Runs every rule over the files that git tracks or would track.
pub fn run(workspace: &Workspace) -> Result<()> {
    let files = files(&workspace.root)?;
    let mut findings = Findings::default();
    source::check(&files, &mut findings);
    purity::check(&workspace.root, &files, &mut findings);
    links::check(&workspace.root, &files, &mut findings);
    circles::check(&files, &mut findings);
    imports::check(workspace, &mut findings)?;
    for error in &findings.errors {
        eprintln!("error: {error}");
    }
    if !findings.errors.is_empty() {
        bail!("{} rules of the house are broken", findings.errors.len());
    }
    println!("tidy: {} files", files.len());
    Ok(())
}

fn files(root: &Path) -> Result<Vec<File>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let listed = output(git)?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| is_text(path)).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let full: PathBuf = root.join(path);
        // A link is checked where it points; a file that is gone was deleted and not committed yet.
        if full.is_symlink() || !full.is_file() {
            continue;
        }
        let text = fs::read_to_string(&full).with_context(|| format!("{path} is not UTF-8"))?;
        files.push(File { path: path.to_owned(), text });
    }
    Ok(files)
}

fn is_text(path: &str) -> bool {
    let kinds = [".rs", ".md", ".toml", ".py", ".mjs", ".js", ".sh", ".yml", ".html", ".css"];
    kinds.iter().any(|kind| path.ends_with(kind)) || path == ".ci/run"
}

/// Whether the whole file is test code, which may use the world and may be longer.
fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.contains("/testing/")
}

/// The part of a Rust file before its test module. A test module in a file of its own ends nothing.
fn without_tests(text: &str) -> &str {
    let end = text.match_indices("#[cfg(test)]\n").find(|(at, mark)| {
        let next = text[at + mark.len()..].lines().next().unwrap_or_default();
        let opens = next.starts_with("mod ") && next.ends_with('{');
        opens && (*at == 0 || text[..*at].ends_with('\n'))
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_module_ends_the_code_only_where_it_stands() {
        let inline = "a\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(without_tests(inline), "a\n");
        let elsewhere = "#[cfg(test)]\nmod tests;\nuse b;\n";
        assert_eq!(without_tests(elsewhere), elsewhere);
        let both = format!("{elsewhere}{inline}");
        assert_eq!(without_tests(&both), format!("{elsewhere}a\n"));
    }
}
