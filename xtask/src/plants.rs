//! `cargo xtask plants`: the simulator must find every bug that is planted on purpose.
//!
//! All of them come from one build, with `--cfg synod_plants`, in a target directory of its own so that the ordinary
//! build is not thrown away.

use crate::program::check;
use crate::workspace::Workspace;
use anyhow::{Context, Result};

/// Within so many seeds each has to be found.
const SEEDS: u64 = 1_000;

/// Which plants to look for, and how.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only these; all of the catalogue without any
    names: Vec<String>,

    /// Search seeds 1 to 1,000 for each instead of trying the one that is known first
    #[arg(long)]
    search: bool,

    /// Give a search up after so many seeds
    #[arg(long, default_value_t = SEEDS)]
    seeds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { names: Vec::new(), search: false, seeds: SEEDS }
    }
}

/// Builds the simulator with all plants and looks for each.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut hunt = workspace.cargo();
    hunt.args(["test", "--profile", "plants", "--package", "synod-sim", "--test", "plants"])
        .args(["--test", "crash_points"])
        .arg("--target-dir")
        .arg(workspace.target.join("plants"))
        .args(["--", "--nocapture"])
        .env("RUSTFLAGS", "--cfg synod_plants")
        .env("SEEDS", options.seeds.to_string());
    if !options.names.is_empty() {
        hunt.env("PLANTS", options.names.join(","));
    }
    if options.search {
        hunt.env("SEARCH", "1");
    }
    check(hunt).context("a planted bug that is not found is a hole in the simulator")?;
    if options.names.is_empty() {
        engines(workspace)?;
    }
    Ok(())
}

/// The engines' own, in worlds of one group.
fn engines(workspace: &Workspace) -> Result<()> {
    let mut hunt = workspace.cargo();
    hunt.args(["test", "--profile", "plants", "--package", "synod-consensus"])
        .args(["--test", "simulation", "--target-dir"])
        .arg(workspace.target.join("plants"))
        .args(["--", "--nocapture"])
        .env("RUSTFLAGS", "--cfg synod_plants");
    check(hunt).context("a planted bug that is not found is a hole in the engines' worlds")
}
