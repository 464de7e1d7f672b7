//! Scenarios as text: what is done, then `----`, then all that came of it.
//!
//! Each file under tests/scenarios is a story of one group; interpreter.rs says which commands there are. `UPDATE=1 cargo
//! test -p synod-consensus --test scenarios` writes down what the engine does now; read the diff.

mod interpreter;
mod show;

use interpreter::Stage;
use std::path::Path;

/// Runs a story and gives it back with the outcomes of this run.
fn retell(story: &str) -> String {
    let mut stage = Stage::default();
    let mut told = String::new();
    let mut lines = story.lines();
    while let Some(line) = lines.next() {
        if line == "----" {
            told.push_str("----\n");
            for outcome in stage.outcome.drain(..) {
                told.push_str(&outcome);
                told.push('\n');
            }
            // The outcome told before ends with an empty line, or with the story.
            for old in lines.by_ref() {
                if old.is_empty() {
                    told.push('\n');
                    break;
                }
            }
            continue;
        }
        told.push_str(line);
        told.push('\n');
        if !line.is_empty() && !line.starts_with('#') {
            stage.run(line);
        }
    }
    told
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "a test reads its scenarios and is told to rewrite them"
)]
fn stories_end_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut stories: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|file| file.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    stories.sort();
    assert!(stories.len() > 10, "the stories are gone");
    for path in stories {
        let story = std::fs::read_to_string(&path).expect("a story is text");
        println!("{}", path.display());
        let told = retell(&story);
        if std::env::var("UPDATE").is_ok() {
            std::fs::write(&path, told).expect("it can be written");
        } else {
            assert_eq!(told, story, "{} ends differently", path.display());
        }
    }
}
