//! The program: a thin shell of command line, configuration and processes around `synod-server`.
//!
//! Exit codes: 0, all went well; 1, something failed, and the reason is on stderr; 2, the command line,
//! an environment variable or the configuration file does not make sense; 74, the log or a snapshot could not
//! be read or written, at the start of a node or later.

mod allocator;
mod calls;
mod cli;
mod client;
mod elect;
mod engine;
mod http;
mod logging;
mod moving;
mod namespaces;
mod node;
mod partition;
mod seat;
mod serve;
mod settings;
mod signals;
mod sim;
mod status;
mod top;
mod tx;
mod up;

use anyhow::Result;
use clap::Parser;
use cli::{Cli, Task};
use settings::Usage;
use std::process::ExitCode;
use synod_server::ConfigError;

fn main() -> ExitCode {
    let task = Cli::parse().task;
    let error = match check_environment().and_then(|()| run(task)) {
        Ok(code) => return code,
        Err(error) => error,
    };
    eprintln!("error: {error:#}");
    let usage = error.chain().any(|cause| cause.is::<Usage>() || cause.is::<ConfigError>());
    ExitCode::from(if usage {
        2
    } else if synod_server::is_disk_error(&error) {
        synod_server::EX_IOERR
    } else {
        1
    })
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Elect(options) => return elect::run(&options),
        Task::Serve(options) => serve::run(*options),
        Task::Up(options) => up::run(options),
        Task::Status(options) => status::run(&options),
        Task::Top(options) => top::run(&options),
        Task::Engine(options) => engine::run(&options),
        Task::Import(options) => moving::import(&options),
        Task::Export(options) => moving::export(&options),
        Task::Node(options) => node::run(&options),
        Task::Partition(options) => partition::run(&options),
        Task::Tx(options) => tx::run(&options),
        Task::Sim(options) => sim::run(&options),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn check_environment() -> Result<()> {
    let given: Vec<String> =
        std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    settings::check_variables(given.iter().map(String::as_str), &cli::variables())?;
    Ok(())
}
