//! Where `tracing` events go: stderr, one line each, for people or for machines.

use crate::settings::Usage;
use std::io::IsTerminal;
use std::str::FromStr;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

impl Format {
    /// As the flag spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

/// What is logged: a level, or levels per part of the program (`info,synod_consensus=debug`).
#[derive(Clone, Debug)]
pub struct Level {
    text: String,
    targets: Targets,
}

impl FromStr for Level {
    type Err = Usage;

    fn from_str(text: &str) -> Result<Self, Usage> {
        let targets = text.parse().map_err(|_| {
            Usage(format!("`{text}` is no log level: error, warn, info, debug, trace, or off"))
        })?;
        Ok(Self { text: text.to_owned(), targets })
    }
}

impl Default for Level {
    fn default() -> Self {
        let level = tracing_subscriber::filter::LevelFilter::INFO;
        Self { text: "info".into(), targets: Targets::new().with_default(level) }
    }
}

impl Level {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Starts logging. Called once, before anything is logged.
pub fn start(format: Format, level: Level) {
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        Format::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        Format::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(level.targets)).init();
}
