//! Running other programs, and counting what test programs report while their output passes by.

use anyhow::{Context, Result, bail};
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How many checks passed, failed and were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Checks that passed.
    pub passed: u64,
    /// Checks that failed; also 1 when a program failed without saying how many.
    pub failed: u64,
    /// Checks that did not run.
    pub skipped: u64,
}

impl Tally {
    /// One check that passed.
    pub const ONE: Self = Self { passed: 1, failed: 0, skipped: 0 };

    /// Adds another tally.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// An error when anything failed.
    pub fn into_result(self, what: &str) -> Result<()> {
        if self.failed > 0 {
            bail!("{what}: {} passed, {} failed", self.passed, self.failed);
        }
        Ok(())
    }
}

/// Whose summary lines to count.
#[derive(Clone, Copy)]
pub enum Summary {
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; ...`, once per test binary.
    Cargo,
    /// `==== 1 failed, 3 passed, 2 skipped in 0.12s ====`, once.
    Pytest,
}

impl Summary {
    fn count(self, line: &str) -> Option<Tally> {
        let line = match self {
            Self::Cargo => line.strip_prefix("test result: ")?,
            Self::Pytest => {
                let line = line.trim_matches(['=', ' ']);
                line.rsplit_once(" in ").filter(|(_, time)| time.contains('s'))?.0
            }
        };
        let words: Vec<&str> = line.split([' ', ',', ';', '.']).filter(|w| !w.is_empty()).collect();
        let mut tally = Tally::default();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => tally.passed += count,
                "failed" | "error" | "errors" => tally.failed += count,
                "skipped" | "ignored" => tally.skipped += count,
                _ => {}
            }
        }
        (tally != Tally::default()).then_some(tally)
    }
}

/// Runs a program to its end; an error when it does not start or its status is not 0.
pub fn check(mut command: Command) -> Result<()> {
    let shown = show(&command);
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a program to its end and gives what it printed; an error as for [`check`], with its messages.
pub fn output(mut command: Command) -> Result<String> {
    let shown = show(&command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed ({}): {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a test program, letting its output through and counting its summaries.
pub fn tally(mut command: Command, summary: Summary) -> Result<Tally> {
    let shown = show(&command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            println!("{line}");
            tally.add(summary.count(&line).unwrap_or_default());
        }
    }
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        eprintln!("`{shown}` failed ({status})");
        tally.failed = 1;
    }
    Ok(tally)
}

/// Where a program is, searched as the shell does.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The command as one could type it.
pub fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_counted() {
        let cases = [
            (
                Summary::Cargo,
                "test result: ok. 13 passed; 0 failed; 2 ignored; 0 measured",
                (13, 0, 2),
            ),
            (Summary::Cargo, "test result: FAILED. 4 passed; 1 failed; 0 ignored", (4, 1, 0)),
            (Summary::Cargo, "test a_test_of_3 passed ... ok", (0, 0, 0)),
            (
                Summary::Pytest,
                "=== 1 failed, 3 passed, 2 skipped, 1 warning in 0.12s ===",
                (3, 1, 2),
            ),
            (Summary::Pytest, "7 passed in 61.20s (0:01:01)", (7, 0, 0)),
            (Summary::Pytest, "== 2 errors in 0.1s ==", (0, 2, 0)),
            (Summary::Pytest, "3 passed writes", (0, 0, 0)),
        ];
        for (summary, line, (passed, failed, skipped)) in cases {
            let want = Tally { passed, failed, skipped };
            assert_eq!(summary.count(line).unwrap_or_default(), want, "{line}");
        }
    }
}
