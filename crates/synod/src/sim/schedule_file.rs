//! A run as a file: its parameters, and the strikes that it has, for people to read and for `--schedule` to run.
//!
//! ```toml
//! version = 1
//! seed = 42
//! nodes = 5
//! partitions = 8
//! seconds = 20
//! clients = 8
//! faults = "swarm"
//! engine = "raft"
//!
//! [[strike]]
//! number = 3
//! at_us = 1250000
//! fault = "power"
//! ```
//!
//! A strike is its number in the plan of the seed. Moment and kind are there to be compared: where they differ, the
//! file comes from a version of this program that draws another plan, and running it would show something else.

use crate::settings::Usage;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use synod_server::Engine;
use synod_sim::{Fault, Faults, Params, Struck, Workload};
use toml::Spanned;

/// The format that is written and read here.
const VERSION: i64 = 1;
/// The most bytes that are read.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Deserialize)]
struct Head {
    version: Spanned<i64>,
}

#[derive(Serialize)]
struct Written<'a> {
    version: i64,
    seed: u64,
    nodes: u64,
    partitions: u32,
    seconds: u64,
    clients: usize,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    lease_reads: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    parallel_commit: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<u64>,
    faults: String,
    engine: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Schedule {
    #[serde(rename = "version")]
    _version: i64,
    seed: u64,
    nodes: Spanned<u64>,
    partitions: Spanned<u32>,
    seconds: Spanned<u64>,
    clients: Spanned<usize>,
    #[serde(default)]
    lease_reads: bool,
    #[serde(default)]
    parallel_commit: bool,
    workload: Option<Spanned<String>>,
    keys: Option<Spanned<u64>>,
    faults: Spanned<String>,
    engine: Spanned<String>,
    #[serde(default)]
    strike: Vec<StrikeLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrikeLine {
    number: Spanned<u32>,
    at_us: Spanned<u64>,
    fault: Spanned<String>,
}

/// Writes the strikes of a run.
///
/// # Errors
/// The file cannot be written.
pub fn write(file: &Path, params: &Params, engine: Engine, struck: &[Struck]) -> Result<()> {
    let Params { seed, nodes, partitions, seconds, clients, lease_reads, keys, .. } = *params;
    let (version, faults, engine) = (VERSION, params.faults.to_string(), engine.as_str());
    let head = Written {
        version,
        seed,
        nodes,
        partitions,
        seconds,
        clients,
        lease_reads,
        parallel_commit: params.parallel_commit,
        workload: (params.workload != Workload::Keys).then(|| params.workload.to_string()),
        keys,
        faults,
        engine,
    };
    let mut text = format!(
        "# A run of `synod sim` {}; again: synod sim --schedule FILE\n{}",
        super::total::version(),
        toml::to_string(&head)?
    );
    for Struck { number, at_us, fault, whom, .. } in struck {
        write!(
            text,
            "\n[[strike]] # {whom}\nnumber = {number}\nat_us = {at_us}\nfault = \"{}\"\n",
            fault.name()
        )?;
    }
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Reads a run.
///
/// # Errors
/// Names the place of what is wrong.
pub fn read(file: &Path) -> Result<Params> {
    let name = file.display();
    let mut text = String::new();
    let opened = File::open(file).with_context(|| format!("cannot read {name}"))?;
    opened
        .take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {name}"))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(Usage(format!("{name} is larger than {FILE_BYTES_MAX} bytes")).into());
    }
    parse(&text).map_err(|(at, what)| {
        let line = text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count();
        Usage(format!("{name}, line {}: {what}", line + 1)).into()
    })
}

/// Where in the text, in bytes, and what is wrong there.
type Wrong = (usize, String);

fn parse(text: &str) -> Result<Params, Wrong> {
    let malformed = |error: toml::de::Error| {
        (error.span().map_or(0, |span| span.start), error.message().to_owned())
    };
    // The version comes first: another one may have other fields.
    let Head { version } = toml::from_str(text).map_err(malformed)?;
    if *version.get_ref() != VERSION {
        let what =
            format!("version {} of the format; this program reads {VERSION}", version.get_ref());
        return Err((version.span().start, what));
    }
    let schedule: Schedule = toml::from_str(text).map_err(malformed)?;
    let params = Params {
        seed: schedule.seed,
        nodes: within(&schedule.nodes, "nodes", 9)?,
        partitions: within(&schedule.partitions, "partitions", 64)?,
        seconds: within(&schedule.seconds, "seconds", 86_400)?,
        clients: within(&schedule.clients, "clients", 64)?,
        lease_reads: schedule.lease_reads,
        parallel_commit: schedule.parallel_commit,
        workload: match &schedule.workload {
            Some(name) => word(name, str::parse::<Workload>)?,
            None => Workload::Keys,
        },
        engine: word(&schedule.engine, str::parse::<Engine>)?,
        keys: schedule.keys.as_ref().map(|keys| within(keys, "keys", 1000)).transpose()?,
        faults: word(&schedule.faults, str::parse::<Faults>)?,
        ..Params::default()
    };
    let only = strikes(&schedule.strike, &params)?;
    Ok(Params { only: Some(only), ..params })
}

/// The numbers of the strikes, each as the plan has it.
fn strikes(lines: &[StrikeLine], params: &Params) -> Result<Vec<u32>, Wrong> {
    let plan = params.plan();
    let mut only = Vec::with_capacity(lines.len());
    for StrikeLine { number, at_us, fault } in lines {
        let kind: Fault = word(fault, str::parse)?;
        let number_at = number.span().start;
        let number = *number.get_ref();
        let ask = Params { only: Some(vec![number]), ..params.clone() };
        ask.check().map_err(|error| (number_at, error.to_string()))?;
        let planned = plan[number as usize - 1]; // the check says that it is there
        if planned.fault != kind || planned.at_us != *at_us.get_ref() {
            let what = format!(
                "strike {number} of this seed is `{}` at {} us; the file comes from another version",
                planned.fault.name(),
                planned.at_us
            );
            return Err((fault.span().start, what));
        }
        if only.last().is_some_and(|last| *last >= number) {
            return Err((number_at, format!("strike {number} is out of order")));
        }
        only.push(number);
    }
    Ok(only)
}

fn within<T>(value: &Spanned<T>, name: &str, most: T) -> Result<T, Wrong>
where
    T: Copy + PartialOrd + From<u8> + std::fmt::Display,
{
    let n = *value.get_ref();
    if n < T::from(1) || n > most {
        return Err((value.span().start, format!("{name} is {n}; it is 1 to {most}")));
    }
    Ok(n)
}

fn word<T, E: std::fmt::Display>(
    word: &Spanned<String>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, Wrong> {
    parse(word.get_ref()).map_err(|error| (word.span().start, error.to_string()))
}
