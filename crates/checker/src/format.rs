//! The history file: JSON lines, one operation per line, in any order.
//!
//! ```json
//! {"client":3,"key":"r17","input":{"write":5},"call_us":1200,"return_us":1534,"output":"done"}
//! {"client":4,"key":"r17","input":"read","call_us":1300,"return_us":1600,"output":{"value":5}}
//! {"client":3,"key":"r17","input":{"swap":{"from":5,"to":6}},"call_us":1700}
//! {"client":5,"key":"r17","input":{"write":7},"call_us":1750,"refused":true}
//! ```
//!
//! - `input`: `"read"`, `{"write":N}`, `{"swap":{"from":N|null,"to":N}}`; `"count"`, `{"increment":N}`;
//!   `"members"`, `{"add":N}`; `"items"`, `{"append":N}`.
//! - `output`: `"done"`, `{"value":N|null}`, `{"swapped":BOOL}`, `{"number":N}`, `{"set":[N,..]}`,
//!   `{"list":[N,..]}`.
//! - `return_us` and `output` stand together. Without them the outcome is unknown, or, with
//!   `"refused":true`, known not to have happened.
//! - Times are microseconds of one monotonic clock. Empty lines and lines that start with `#` are
//!   passed over.

use serde::{Deserialize, Serialize};

use crate::{Input, Operation, Outcome, Output};

/// Why a history file is not one.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The line is not JSON, or not of the shape above.
    #[error("line {line}: {source}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The line contradicts itself.
    #[error("line {line}: {what}")]
    Contradiction {
        /// Counted from 1.
        line: usize,
        /// In what.
        what: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    client: u64,
    key: String,
    input: Input,
    call_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    return_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    refused: bool,
}

/// Spells a history out, one line per operation.
#[must_use]
pub fn encode(history: &[Operation]) -> String {
    let mut out = String::new();
    for op in history {
        let line = Line {
            client: op.client,
            key: op.key.clone(),
            input: op.input.clone(),
            call_us: op.call_us,
            return_us: op.return_us(),
            output: op.output().cloned(),
            refused: op.outcome == Outcome::Refused,
        };
        // Strings, numbers, lists and sets of numbers: none of them can fail to be written as JSON.
        out.push_str(&serde_json::to_string(&line).unwrap_or_default());
        out.push('\n');
    }
    out
}

/// Reads what [`encode`] wrote, or what another program wrote in the same format.
///
/// # Errors
/// The first line that is not of the format.
pub fn decode(text: &str) -> Result<Vec<Operation>, FormatError> {
    let mut history = Vec::new();
    for (number, text) in text.lines().enumerate() {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let line = number + 1;
        let parsed: Line =
            serde_json::from_str(text).map_err(|source| FormatError::Syntax { line, source })?;
        let outcome = outcome_of(parsed.call_us, parsed.return_us, parsed.output, parsed.refused)
            .map_err(|what| FormatError::Contradiction { line, what })?;
        history.push(Operation {
            client: parsed.client,
            key: parsed.key,
            input: parsed.input,
            call_us: parsed.call_us,
            outcome,
        });
    }
    Ok(history)
}

fn outcome_of(
    call_us: u64,
    return_us: Option<u64>,
    output: Option<Output>,
    refused: bool,
) -> Result<Outcome, &'static str> {
    match (return_us, output, refused) {
        (Some(at), _, _) if at < call_us => Err("it returned before it was called"),
        (Some(return_us), Some(output), false) => Ok(Outcome::Returned { return_us, output }),
        (None, None, false) => Ok(Outcome::Unknown),
        (None, None, true) => Ok(Outcome::Refused),
        (_, _, true) => Err("a refused operation has no answer"),
        (Some(_), None, _) => Err("return_us without output"),
        (None, Some(_), _) => Err("output without return_us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
# a comment
{"client":3,"key":"r","input":{"write":5},"call_us":1,"return_us":2,"output":"done"}
{"client":4,"key":"r","input":"read","call_us":1,"return_us":3,"output":{"value":null}}
{"client":3,"key":"r","input":{"swap":{"from":5,"to":6}},"call_us":3}
{"client":5,"key":"r","input":{"write":7},"call_us":4,"refused":true}
{"client":5,"key":"s","input":"members","call_us":4,"return_us":4,"output":{"set":[1,2]}}
{"client":5,"key":"l","input":{"append":1},"call_us":5,"return_us":6,"output":{"number":1}}
"#;

    #[test]
    fn a_history_survives_its_file() {
        let history = decode(SAMPLE).unwrap();
        assert_eq!(history.len(), 6);
        assert_eq!(history[3].outcome, Outcome::Refused);
        assert_eq!(history[2].outcome, Outcome::Unknown);
        let text = encode(&history);
        assert_eq!(decode(&text).unwrap(), history);
        assert_eq!(text.trim(), SAMPLE.replace("\n# a comment", "").trim());
    }

    #[test]
    fn lines_that_contradict_themselves_are_refused() {
        for line in [
            r#"{"client":1,"key":"r","input":"read","call_us":9,"return_us":2,"output":"done"}"#,
            r#"{"client":1,"key":"r","input":"read","call_us":1,"return_us":2}"#,
            r#"{"client":1,"key":"r","input":"read","call_us":1,"output":"done"}"#,
            r#"{"client":1,"key":"r","input":"read","call_us":1,"return_us":1,"output":"done","refused":true}"#,
            r#"{"client":1,"key":"r","input":"reed","call_us":1}"#,
            r#"{"client":1,"key":"r","input":"read","call_us":1,"colour":2}"#,
            r#"{"client":1"#,
        ] {
            assert!(decode(line).is_err(), "{line}");
        }
    }
}
