//! Fuzzing on the pinned, stable toolchain: libFuzzer is linked as a library and the coverage counters
//! are switched on by flags that rustc passes on to LLVM, so neither nightly nor cargo-fuzz is needed.
//! (The decoders have no unsafe code, so nothing is lost by leaving the address sanitizer out.)

use crate::program::{Tally, check, output};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to fuzz and for how long.
#[derive(Args)]
pub struct Options {
    /// The targets, as their files in fuzz/fuzz_targets are called; all when none is named.
    targets: Vec<String>,
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Run one input instead, such as a crash that an earlier run saved.
    #[arg(long, requires = "targets")]
    input: Option<PathBuf>,
}

/// The flags of cargo-fuzz, less the sanitizer, which only nightly has.
const COVERAGE: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
];

/// How much of libFuzzer's messages is shown when it found something.
const LAST_LINES: usize = 30;

/// The task: fuzzes what the options name.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let known = targets(workspace)?;
    if let Some(stranger) = options.targets.iter().find(|name| !known.contains(name)) {
        bail!("there is no target `{stranger}`; there are {}", known.join(", "));
    }
    let programs = build(workspace)?;
    let chosen = if options.targets.is_empty() { &known } else { &options.targets };
    for target in chosen {
        match &options.input {
            Some(input) => {
                let mut once = Command::new(programs.join(target));
                once.arg(input);
                check(once)?;
            }
            None => fuzz(workspace, &programs, target, options.seconds)?,
        }
    }
    Ok(())
}

/// Every target, for `seconds` each; one check per target.
pub fn all(workspace: &Workspace, seconds: u64) -> Result<Tally> {
    let programs = build(workspace)?;
    let mut tally = Tally::default();
    for target in targets(workspace)? {
        match fuzz(workspace, &programs, &target, seconds) {
            Ok(()) => tally.passed += 1,
            Err(error) => {
                eprintln!("error: {error:#}");
                tally.failed += 1;
            }
        }
    }
    if tally == Tally::default() {
        bail!("there is no fuzz target in fuzz/fuzz_targets");
    }
    Ok(tally)
}

fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root.join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for file in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
        let path = file?.path();
        if path.extension().is_some_and(|kind| kind == "rs")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Builds all targets with coverage and gives the folder of the programs.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let host = host()?;
    let target = workspace.target.join("fuzz");
    let mut build = workspace.cargo();
    build
        .args(["build", "--release", "--quiet", "--manifest-path", "fuzz/Cargo.toml"])
        // Naming the target keeps the flags away from build scripts and macros.
        .args(["--target", &host])
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", COVERAGE.join(" "));
    check(build).context("the fuzz targets do not build")?;
    Ok(target.join(host).join("release"))
}

fn host() -> Result<String> {
    let mut rustc = Command::new("rustc");
    rustc.arg("-vV");
    let version = output(rustc)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

fn fuzz(workspace: &Workspace, programs: &Path, target: &str, seconds: u64) -> Result<()> {
    let corpus = workspace.root.join("fuzz/corpus").join(target);
    let artifacts = workspace.root.join("fuzz/artifacts").join(target);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    }
    let log = artifacts.join("log.txt");
    let mut run = Command::new(programs.join(target));
    run.arg(&corpus)
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .current_dir(&workspace.root)
        .stderr(File::create(&log).with_context(|| format!("{}", log.display()))?);
    let ended = check(run);
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if ended.is_err() {
        let lines: Vec<&str> = said.lines().collect();
        eprintln!("{}", lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"));
    } else {
        let stat = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name));
            line.map_or("?", str::trim).to_owned()
        };
        let (inputs, new) =
            (stat("stat::number_of_executed_units:"), stat("stat::new_units_added:"));
        println!("    {target}: {inputs} inputs in {seconds} s, {new} of them reached new code");
    }
    let folder = workspace.show(&artifacts).to_string();
    ended.with_context(|| {
        format!(
            "input saved in {folder}; again: cargo xtask fuzz {target} --input {folder}/crash-.."
        )
    })
}
