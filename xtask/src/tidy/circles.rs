//! No folder of modules imports, by whatever way, a folder that imports it. The layering of the crates is not worth
//! much if everything inside one of them knows everything else.
//!
//! A path in a file is an arrow from the file's folder to the folder that the path leads into; of nested folders the
//! two count that stand side by side. Tests may import what they like.

use super::{File, Findings, is_test_file, without_tests};
use std::collections::{BTreeMap, BTreeSet};

/// A folder below a crate's `src`, as its path's parts.
type Folder = Vec<String>;
/// For each folder those that it imports, each with a file that does.
type Arrows = BTreeMap<Folder, BTreeMap<Folder, String>>;

/// Looks for circles in every crate.
pub fn check(files: &[File], findings: &mut Findings) {
    for (name, files) in by_crate(files) {
        for circle in circles(&arrows(&files)) {
            let names: Vec<String> = circle.iter().map(|folder| folder.join("/")).collect();
            let what = format!(
                "the folders {} import each other in a circle: move what both sides need below both, or into one",
                names.join(", ")
            );
            findings.error(&format!("crates/{name}/src"), 0, what);
        }
    }
}

/// The source files of each crate: their paths below `src`, and their text without tests and comments.
fn by_crate(files: &[File]) -> BTreeMap<&str, Vec<(&str, String)>> {
    let mut crates: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs") && !is_test_file(&file.path))
    {
        let Some((name, path)) =
            file.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"))
        else {
            continue;
        };
        let code: Vec<&str> = without_tests(&file.text)
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect();
        crates.entry(name).or_default().push((path, code.join("\n")));
    }
    crates
}

fn arrows(files: &[(&str, String)]) -> Arrows {
    let mut folders = BTreeSet::new();
    for (path, _) in files {
        let parts = parts(path);
        (1..parts.len()).for_each(|n| _ = folders.insert(parts[..n].to_vec()));
    }
    let mut arrows = Arrows::new();
    for (path, code) in files {
        let file = parts(path);
        let here = &file[..file.len() - 1];
        let module = match path.rsplit('/').next() {
            Some("mod.rs" | "lib.rs" | "main.rs") => here.to_vec(),
            _ => file.clone(),
        };
        for mut target in paths(code, &module) {
            while !target.is_empty() && !folders.contains(&target) {
                target.pop();
            }
            let same = here.iter().zip(&target).take_while(|(a, b)| a == b).count();
            if same < here.len() && same < target.len() {
                let to = target[..=same].to_vec();
                let from = arrows.entry(here[..=same].to_vec()).or_default();
                from.entry(to).or_insert_with(|| (*path).to_owned());
            }
        }
    }
    arrows
}

/// The parts of a file's path, without its ending.
fn parts(path: &str) -> Vec<String> {
    path.trim_end_matches(".rs").split('/').map(str::to_owned).collect()
}

/// Every path in the code that begins with `crate` or `super`, from the crate's root on. Of a path that ends with a
/// list in braces, each name of the list is one.
fn paths(code: &str, module: &[String]) -> Vec<Folder> {
    let mut found = Vec::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|c| is_word(c) || c == ':') {
                continue;
            }
            let (mut base, mut rest) = match start {
                "crate::" => (Vec::new(), &code[at + start.len()..]),
                _ => (module.to_vec(), &code[at..]),
            };
            while let Some(up) = rest.strip_prefix("super::") {
                base.pop();
                rest = up;
            }
            loop {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                if name.is_empty() {
                    break;
                }
                base.push(name.to_owned());
                rest = after.strip_prefix("::").unwrap_or_default();
            }
            match rest.strip_prefix('{').and_then(|list| list.split_once('}')) {
                Some((list, _)) => found.extend(list.split(',').map(|item| {
                    let name = item.trim().split("::").next().unwrap_or_default();
                    [base.as_slice(), &[name.to_owned()]].concat()
                })),
                None => found.push(base),
            }
        }
    }
    found
}

/// Sets of folders each of which leads to every other one of its set.
fn circles(arrows: &Arrows) -> Vec<Vec<Folder>> {
    let reached: BTreeMap<&Folder, BTreeSet<&Folder>> =
        arrows.keys().map(|from| (from, reached_from(arrows, from))).collect();
    let mut circles = BTreeSet::new();
    for (from, targets) in &reached {
        let back = |to: &&&Folder| reached.get(**to).is_some_and(|targets| targets.contains(from));
        let circle: Vec<Folder> = targets.iter().filter(back).map(|to| (*to).clone()).collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reached_from<'a>(arrows: &'a Arrows, from: &Folder) -> BTreeSet<&'a Folder> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(folder) = open.pop() {
        for to in arrows.get(folder).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().map(|(path, code)| (*path, (*code).to_owned())).collect();
        let circles = circles(&arrows(&files));
        circles.iter().flatten().map(|folder| folder.join("/")).collect()
    }

    #[test]
    fn folders_that_import_each_other_are_found_however_the_path_is_spelled() {
        let plain = [("a/x.rs", "use crate::b::B;"), ("b/mod.rs", "use super::a::{self, x::X};")];
        assert_eq!(found(&plain), ["a", "b"]);
        let round = [
            ("a/x.rs", "fn f() { crate::b::g() }"),
            ("b/y.rs", "use crate::{c, d};"),
            ("c/z/deep.rs", "use super::super::super::a::x;"),
            ("d/mod.rs", ""),
        ];
        assert_eq!(found(&round), ["a", "b", "c"]);
        let inside = [("a/p/x.rs", "use crate::a::q::Q;"), ("a/q/y.rs", "use super::super::p::P;")];
        assert_eq!(found(&inside), ["a/p", "a/q"]);
    }

    #[test]
    fn what_stands_above_or_below_is_no_circle() {
        let layers = [
            ("a/x.rs", "use crate::b::B; use crate::top::T;"),
            ("a/mod.rs", "use inner::I; use super::b;"),
            ("a/inner/mod.rs", "use super::x::X; use crate::a::x::Y;"),
            ("b/mod.rs", "use crate::top::T; use mycrate::a::A;"),
            ("top.rs", "use crate::a::x::X;"),
        ];
        assert_eq!(found(&layers), Vec::<String>::new());
    }
}
