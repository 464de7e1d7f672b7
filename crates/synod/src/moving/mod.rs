//! `synod import` and `synod export`: a ZooKeeper's tree moves in, or out again.
//!
//! Both are one copy from one ZooKeeper server to another, Synod being one of them, by the same protocol as every client:
//! neither side has to know what it takes part in.

mod copy;
mod place;
mod session;

use anyhow::Result;
use copy::{Copy, Count};
use place::Place;
use session::Session;
use std::time::{Duration, Instant};

/// How often it is said how far the copy is.
const SAY: Duration = Duration::from_secs(1);

/// What is true of both directions.
#[derive(clap::Args, Debug)]
struct Manner {
    /// An identity to read and write with, such as digest:USER:PASSWORD; may be given several times
    #[arg(long, value_name = "SCHEME:CREDENTIALS")]
    auth: Vec<String>,

    /// Give znodes that are there already the data and access lists of those that are copied, instead of leaving them
    #[arg(long)]
    overwrite: bool,
}

/// What to fetch.
#[derive(clap::Args, Debug)]
pub struct ImportOptions {
    /// The tree to copy, or the part below a path
    #[arg(long, value_name = "zookeeper://HOST:PORT[,HOST:PORT...][/PATH]")]
    from: Place,

    /// Where it goes
    #[arg(long, value_name = "zookeeper://...", default_value = "zookeeper://127.0.0.1:2181")]
    into: Place,

    #[command(flatten)]
    manner: Manner,
}

/// What to give.
#[derive(clap::Args, Debug)]
pub struct ExportOptions {
    /// Where it goes
    #[arg(long, value_name = "zookeeper://HOST:PORT[,HOST:PORT...][/PATH]")]
    to: Place,

    /// The tree to copy, or the part below a path
    #[arg(long, value_name = "zookeeper://...", default_value = "zookeeper://127.0.0.1:2181")]
    from: Place,

    #[command(flatten)]
    manner: Manner,
}

/// Copies a tree from elsewhere.
pub fn import(options: &ImportOptions) -> Result<()> {
    copy(&options.from, &options.into, &options.manner)
}

/// Copies a tree elsewhere.
pub fn export(options: &ExportOptions) -> Result<()> {
    copy(&options.from, &options.to, &options.manner)
}

fn copy(from: &Place, to: &Place, manner: &Manner) -> Result<()> {
    let mut source = Session::open(from, &manner.auth)?;
    let mut target = Session::open(to, &manner.auth)?;
    let mut said = Instant::now();
    let mut progress = |count: &Count| {
        if said.elapsed() >= SAY {
            said = Instant::now();
            eprintln!("{count}");
        }
    };
    let copy = Copy { from, to, overwrite: manner.overwrite };
    let count = copy.run(&mut source, &mut target, &mut progress)?;
    source.close();
    target.close();
    println!("{from} -> {to}: {count}");
    Ok(())
}
