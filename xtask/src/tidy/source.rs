//! What every source file has: a purpose, a size one can read, no unfinished work, no stray blanks.

use super::{File, Findings, is_test_file, without_tests};

/// Lines of a file that has to be split, tests not counted.
const LINES_MAX: usize = 500;

/// Marks of unfinished work. Put together here so that this file does not find itself.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimplemented", "!("),
];

/// Applies the rules of this file to all files.
pub fn check(files: &[File], findings: &mut Findings) {
    for file in files {
        blanks(file, findings);
        unfinished(file, findings);
        if file.path.ends_with(".rs") {
            purpose(file, findings);
            length(file, findings);
        }
    }
}

fn purpose(file: &File, findings: &mut Findings) {
    if !file.text.starts_with("//!") {
        let wanted = "start the file with `//!` and a sentence on why it exists";
        findings.error(&file.path, 1, wanted);
    }
}

fn length(file: &File, findings: &mut Findings) {
    let code = if is_test_file(&file.path) { &file.text } else { without_tests(&file.text) };
    let lines = code.lines().count();
    if lines > LINES_MAX {
        let wanted = format!("{lines} lines without tests, {LINES_MAX} at most: split it by nouns");
        findings.error(&file.path, 0, wanted);
    }
}

fn unfinished(file: &File, findings: &mut Findings) {
    for (number, line) in file.text.lines().enumerate() {
        if let Some(mark) = UNFINISHED.iter().find(|mark| line.contains(**mark)) {
            let wanted = format!("`{mark}`: finish it, or open an issue and take the mark out");
            findings.error(&file.path, number + 1, wanted);
        }
    }
}

fn blanks(file: &File, findings: &mut Findings) {
    for (number, line) in file.text.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            findings.error(&file.path, number + 1, "blanks at the end of the line: take them out");
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.error(&file.path, 0, "end the last line with a newline");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(path: &str, text: String) -> Vec<String> {
        let mut findings = Findings::default();
        check(&[File { path: path.to_owned(), text }], &mut findings);
        findings.errors
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        let good = "//! Why.\n\nfn f() {}\n";
        assert!(errors("a.rs", good.to_owned()).is_empty());
        let bad = [
            "fn f() {}\n".to_owned(),
            format!("{good}// {}: later\n", UNFINISHED[0]),
            format!("{good}fn g() {{ {}) }}\n", UNFINISHED[2]),
            good.replace("{}", "{} "),
            good.trim_end().to_owned(),
            good.to_owned() + &"//\n".repeat(LINES_MAX),
        ];
        for text in bad {
            assert_eq!(errors("a.rs", text.clone()).len(), 1, "{text:.60}");
        }
        assert!(errors("a.md", "no purpose line\n".to_owned()).is_empty());
    }

    #[test]
    fn a_test_module_does_not_count() {
        let tests =
            format!("//! Why.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "//\n".repeat(LINES_MAX));
        assert!(errors("a.rs", tests).is_empty());
    }
}
