//! Links between the documents: a page that names another file names one that is there.

use super::{File, Findings};
use std::path::Path;

/// Checks every relative link of every Markdown file.
pub fn check(root: &Path, files: &[File], findings: &mut Findings) {
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        for (number, line) in file.text.lines().enumerate() {
            for target in targets(line) {
                if !root.join(folder).join(target).exists() {
                    findings.error(&file.path, number + 1, format!("`{target}` is not there"));
                }
            }
        }
    }
}

/// The relative targets of the links in a line, without their fragments.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', ' ']).next()?.split('#').next()?;
        (!target.is_empty() && !target.contains(':')).then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_targets_are_taken() {
        let line = "[a](docs/a.md#x), [b](https://b.example), [c](#here) and [d](d.md).";
        assert_eq!(targets(line).collect::<Vec<_>>(), ["docs/a.md", "d.md"]);
    }
}
