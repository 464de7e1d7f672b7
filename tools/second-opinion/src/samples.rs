//! The histories that Porcupine is published with: etcd 0.4 under Jepsen's partitions, and a key-value
//! store of the same author. They are read from the package of porcupine-rs, where the registry put it, with
//! the verdicts that its own tests expect; nothing of them is kept here.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use synod_checker::model::Model;
use synod_checker::{Input, Operation, Outcome, Output};

/// A published history.
pub struct Sample {
    /// The file that it stands in.
    pub name: String,
    /// Whether its publisher found it linearizable.
    pub linearizable: bool,
    /// What clients did; the time of an event is the number of its line.
    pub history: Vec<Operation>,
}

/// Where Cargo keeps the source of porcupine-rs.
///
/// # Panics
/// When Cargo does not answer, or does not know the package.
#[must_use]
pub fn package() -> PathBuf {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // Without the filter, packages of other platforms are asked for, which a build here has not fetched.
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", "host-tuple", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap_or_else(|error| panic!("cannot run cargo metadata: {error}"));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let package = metadata["packages"]
        .as_array()
        .and_then(|all| all.iter().find(|package| package["name"] == "porcupine-rs"))
        .and_then(|package| package["manifest_path"].as_str())
        .unwrap_or_else(|| panic!("cargo metadata does not name porcupine-rs"));
    Path::new(package).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The registers of etcd, with the verdicts that stand in the package's tests as `etcd_test!(N, VERDICT)`.
#[must_use]
pub fn etcd(package: &Path) -> Vec<Sample> {
    read(&package.join("tests/etcd_jepsen.rs"))
        .lines()
        .filter_map(|line| line.strip_prefix("etcd_test!(")?.strip_suffix(");")?.split_once(", "))
        .filter_map(|(number, verdict)| Some((number.parse::<u32>().ok()?, verdict.parse().ok()?)))
        .map(|(number, linearizable)| {
            let name = format!("etcd_{number:03}.log");
            let history = etcd_history(&read(&package.join("test_data/jepsen").join(&name)));
            Sample { name, linearizable, history }
        })
        .collect()
}

/// The key-value store; the name of a file tells its verdict.
#[must_use]
pub fn key_value(package: &Path) -> Vec<Sample> {
    ["c01-ok", "c01-bad", "c10-ok", "c10-bad", "c50-ok", "c50-bad"]
        .into_iter()
        .map(|name| Sample {
            name: name.to_owned(),
            linearizable: name.ends_with("ok"),
            history: key_value_history(&read(
                &package.join("test_data/kv").join(format!("{name}.txt")),
            )),
        })
        .collect()
}

/// Pairs calls with returns, by the process that both are of.
#[derive(Default)]
struct Pairing {
    history: Vec<Operation>,
    pending: BTreeMap<u64, usize>,
}

impl Pairing {
    fn call(&mut self, client: u64, key: &str, input: Input, call_us: u64) {
        let outcome = Outcome::Unknown;
        self.pending.insert(client, self.history.len());
        self.history.push(Operation { client, key: key.to_owned(), input, call_us, outcome });
    }

    fn back(&mut self, client: u64, output: Output, return_us: u64) {
        if let Some(at) = self.pending.remove(&client) {
            self.history[at].outcome = Outcome::Returned { return_us, output };
        }
    }
}

/// Lines such as `INFO  jepsen.util - 2 :ok :cas [3 0]`. What timed out stays unknown; a read that
/// timed out says nothing either way.
fn etcd_history(text: &str) -> Vec<Operation> {
    let mut pairing = Pairing::default();
    for (line, text) in (1..).zip(text.lines()) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let ["INFO", "jepsen.util", "-", client, kind, what, values @ ..] = &words[..] else {
            continue;
        };
        let Ok(client) = client.parse() else { continue };
        let value = |at: usize| values.get(at)?.trim_matches(['[', ']']).parse().ok();
        match (*kind, *what, value(0), value(1)) {
            (":invoke", ":read", ..) => pairing.call(client, "r", Input::Read, line),
            (":invoke", ":write", Some(value), _) => {
                pairing.call(client, "r", Input::Write(value), line);
            }
            (":invoke", ":cas", from @ Some(_), Some(to)) => {
                pairing.call(client, "r", Input::Swap { from, to }, line);
            }
            (":ok", ":read", value, _) => pairing.back(client, Output::Value(value), line),
            (":ok", ":write", ..) => pairing.back(client, Output::Done, line),
            (":ok", ":cas", ..) => pairing.back(client, Output::Swapped(true), line),
            (":fail", ":cas", Some(_), _) => pairing.back(client, Output::Swapped(false), line),
            _ => {}
        }
    }
    pairing.history
}

/// Lines such as `{:process 9, :type :ok, :f :append, :key "0", :value "x 9 0 y"}`.
fn key_value_history(text: &str) -> Vec<Operation> {
    let mut pairing = Pairing::default();
    for (line, text) in (1..).zip(text.lines()) {
        let field = |name: &str| {
            let (_, rest) = text.split_once(name)?;
            Some(rest.trim_start().split([',', '}']).next()?.trim_matches('"'))
        };
        let (Some(client), Some(kind), Some(what), Some(key), Some(value)) = (
            field(":process").and_then(|client| client.parse().ok()),
            field(":type"),
            field(":f"),
            field(":key"),
            field(":value"),
        ) else {
            continue;
        };
        let pieces = pieces(value);
        match (kind, what, pieces.first()) {
            (":invoke", ":get", _) => pairing.call(client, key, Input::Items, line),
            (":invoke", ":put", Some(piece)) => {
                pairing.call(client, key, Input::Write(*piece), line);
            }
            (":invoke", ":append", Some(piece)) => {
                pairing.call(client, key, Input::Append(*piece), line);
            }
            (":ok", ":get", _) => pairing.back(client, Output::List(pieces), line),
            (":ok", ..) => pairing.back(client, Output::Done, line),
            _ => {}
        }
    }
    pairing.history
}

/// `x 9 0 yx 5 0 y` is two pieces, each named by its writer and the writer's count.
fn pieces(text: &str) -> Vec<u64> {
    text.split_terminator('y')
        .filter_map(|piece| {
            let mut numbers = piece.trim_start_matches('x').split_whitespace();
            let (writer, count): (u64, u64) =
                (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
            Some(writer << 32 | count)
        })
        .collect()
}

/// A text that is replaced by `Write`, added to by `Append`, and read whole by `Items`.
#[derive(Clone, Copy, Debug)]
pub struct Text;

impl Model for Text {
    type State = Vec<u64>;

    fn initial() -> Vec<u64> {
        Vec::new()
    }

    fn step(state: &Vec<u64>, input: &Input, output: Option<&Output>) -> Option<Vec<u64>> {
        match (input, output) {
            (Input::Items, Some(Output::List(seen))) => (seen == state).then(|| state.clone()),
            (Input::Items, None) => Some(state.clone()),
            (Input::Write(piece), None | Some(Output::Done)) => Some(vec![*piece]),
            (Input::Append(piece), None | Some(Output::Done)) => {
                Some(state.iter().copied().chain([*piece]).collect())
            }
            _ => None,
        }
    }
}
