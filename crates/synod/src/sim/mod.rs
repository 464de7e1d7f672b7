//! `synod sim`: whole clusters in a simulated world, seed after seed; what a failure is shrunk to, and the one command
//! that shows it again.

mod commit;
mod guarded;
mod options;
mod schedule_file;
mod shrink;
mod sweep;
mod total;

use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;
use synod_sim::{Fault, Minimised, Outcome, Params, page};

pub use options::SimOptions;

/// The rule that a seed breaks when its second run differs from its first.
const DETERMINISM: &str = "determinism";

/// Runs the seeds.
///
/// # Errors
/// A rule was broken, or a file cannot be read or written.
pub fn run(options: &SimOptions) -> Result<()> {
    #[cfg(synod_plants)]
    synod_types::plant::select(options.plant.map(|plant| plant.name));
    if let Some(protocols) = &options.commit_protocol {
        return commit::run(options, &protocols.0);
    }
    let first = options.params()?;
    let begun = Instant::now();
    let total = sweep::sweep(options, &first, begun);
    let took = begun.elapsed();
    if options.json {
        println!("{:#}", total.json(took, options.jobs));
    } else {
        total.print(took, options.jobs);
    }
    let Some((params, outcome)) = total.failures.first() else {
        if let Some(outcome) = &total.only {
            write_files(options, &first, outcome)?;
        }
        return Ok(());
    };
    let mut text = String::new();
    for (params, outcome) in &total.failures {
        if let Some(failure) = &outcome.failure {
            writeln!(text, "seed {} broke a rule: {failure}", params.seed)?;
        }
    }
    text.push_str(&verdict(options, params, outcome)?);
    for (params, _) in &total.failures[1..] {
        write!(text, "\nseed {} again: {}", params.seed, params.replay())?;
    }
    bail!("{text}")
}

/// Writes what `--trace` and `--save-schedule` ask for.
fn write_files(options: &SimOptions, params: &Params, outcome: &Outcome) -> Result<()> {
    if let Some(file) = &options.trace {
        write_page(file, &page::render(params, outcome))?;
    }
    if let Some(file) = &options.save_schedule {
        schedule_file::write(file, params, options.engine, &outcome.struck)?;
        eprintln!("again: synod sim --schedule {}", file.display());
    }
    Ok(())
}

fn write_page(file: &Path, html: &str) -> Result<()> {
    std::fs::write(file, html).with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!("open {} in a browser", file.display());
    Ok(())
}

/// Shrinks the first failure and says how to see it again.
fn verdict(options: &SimOptions, params: &Params, outcome: &Outcome) -> Result<String> {
    let kinds: Vec<_> = params.faults.chosen(params.seed).into_iter().map(Fault::name).collect();
    let mut text = format!("faults of seed {}: {}\n", params.seed, kinds.join(","));
    writeln!(text, "version: {}", total::version())?;
    let small = shrink::shrink(options, params, outcome);
    let params = small.as_ref().map_or(params, |small| &small.params);
    let shrunk = small.is_some().then(|| guarded::run(params));
    let outcome = shrunk.as_ref().unwrap_or(outcome);
    if let Some(small) = &small {
        describe(&mut text, small, outcome)?;
    }
    write_files(options, params, outcome)?;
    let failed = outcome.failure.as_ref();
    let twice = failed.is_some_and(|failure| failure.rule == DETERMINISM);
    let twice = if twice { " --verify-every 1" } else { "" };
    let again = params.replay();
    write!(text, "again: {again}{twice}\nto see it: {again} --trace run.html")?;
    Ok(text)
}

/// The schedule that is left.
fn describe(text: &mut String, small: &Minimised, outcome: &Outcome) -> Result<()> {
    let Minimised { params, trials, complete } = small;
    let how = match complete {
        true => "none of its strikes can be left out",
        false => {
            "more might be left out, but the budget is used up (--shrink-runs, --shrink-seconds)"
        }
    };
    let Params { seconds, clients, .. } = params;
    writeln!(text, "shrunk in {trials} runs to {seconds} s and {clients} clients; {how}:")?;
    for struck in &outcome.struck {
        writeln!(text, "  {struck}")?;
    }
    if outcome.struck.is_empty() {
        writeln!(text, "  no strikes: it fails without any trouble")?;
    }
    if let Some(failure) = &outcome.failure {
        writeln!(text, "  then: {failure}")?;
    }
    Ok(())
}
