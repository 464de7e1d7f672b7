//! `cargo xtask compatibility`: writes docs/compatibility.md of what was run, so that the page cannot promise more than there is.
//!
//! The commands are those that `COMMAND LIST` answers: of Synod as the node's tests have it recorded, of Redis as a genuine
//! server answered. The suites are their runners' `results.json`; what is not given stays on the page as it is.

mod commands;
mod suites;

use crate::marked;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::PathBuf;

const PAGE: &str = "docs/compatibility.md";

/// Of what to write the page.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// A suite's results.json; may be repeated. Without any, what the page says of suites stays.
    #[arg(long, value_name = "FILE")]
    results: Vec<PathBuf>,
    /// Fail if the page would be another one, and write nothing.
    #[arg(long)]
    check: bool,
}

/// Writes the page.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let path = workspace.root.join(PAGE);
    let before = std::fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    let mut page = marked::insert(&before, "commands", &commands::section(&workspace.root)?)?;
    if !options.results.is_empty() {
        page = marked::insert(&page, "suites", &suites::section(&options.results)?)?;
    }
    if options.check {
        anyhow::ensure!(page == before, "{PAGE} is out of date: run `cargo xtask compatibility`");
    } else {
        std::fs::write(&path, page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_of_the_commands_there_are() {
        let workspace = Workspace::find().expect("the repository");
        run(&workspace, &Options { results: Vec::new(), check: true }).expect("the page");
    }
}
