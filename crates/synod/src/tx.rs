//! `synod tx`: transactions over services and databases, for the operator.

use crate::calls::CallOptions;
use crate::client::PASSWORD;
use crate::http;
use crate::settings::Address;
use crate::status::columns;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// What is to be done with transactions.
#[derive(clap::Args, Debug)]
pub struct TxOptions {
    #[command(subcommand)]
    task: TxTask,
}

#[derive(clap::Subcommand, Debug)]
enum TxTask {
    /// Show the transactions that are not ended
    List(ListOptions),
    /// Show one transaction with its participants
    Show(OneTx),
    /// Abort a transaction that is not decided, or count a participant that is lost as ended
    #[command(long_about = RESOLVE_ABOUT)]
    Resolve(ResolveOptions),
}

const RESOLVE_ABOUT: &str = "\
Abort a transaction that is not decided, or count a participant that is lost as ended.

The cluster ends transactions by itself: what is not decided at its deadline is aborted, and participants are told the outcome \
until they answer. One that never will, such as a database that was given up, keeps its transaction in the list until \
--ended says that nobody has to ask it any more. Bring it to the outcome that `synod tx show` tells first, if it exists at all.";

/// Whom to ask.
#[derive(clap::Args, Debug)]
struct Whom {
    /// The HTTP address of any node that coordinates transactions
    #[arg(long, env = "SYNOD_HTTP", value_name = "HOST:PORT", default_value = "127.0.0.1:26379")]
    http: Address,

    #[command(flatten)]
    calls: CallOptions,
}

#[derive(clap::Args, Debug)]
struct ListOptions {
    /// Also those that have ended within the last ten minutes
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    whom: Whom,
}

#[derive(clap::Args, Debug)]
struct OneTx {
    /// The transaction's id
    #[arg(value_name = "ID", value_parser = id)]
    id: String,

    #[command(flatten)]
    whom: Whom,
}

#[derive(clap::Args, Debug)]
#[group(id = "outcome", required = true, multiple = false, args = ["abort", "ended"])]
struct ResolveOptions {
    #[command(flatten)]
    one: OneTx,

    /// Abort it; refused when it is committed
    #[arg(long)]
    abort: bool,

    /// Count this participant as ended; refused while nothing is decided
    #[arg(long, value_name = "PARTICIPANT")]
    ended: Option<String>,
}

/// It stands in a path, so it is looked at first.
fn id(text: &str) -> Result<String, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits && text.len() == 32 {
        Ok(text.to_owned())
    } else {
        Err("an id has 32 hexadecimal digits".to_owned())
    }
}

#[derive(Deserialize)]
struct List {
    transactions: Vec<Line>,
    left_out: usize,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    user: String,
    protocol: String,
    state: String,
    ended: bool,
    why: Option<String>,
    began_ms: u64,
    deadline_ms: u64,
    waits_for: usize,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(flatten)]
    line: Line,
    token: u64,
    driver: Option<u64>,
    participants: Vec<Participant>,
}

#[derive(Deserialize)]
struct Participant {
    name: String,
    kind: String,
    ended: bool,
    attempts: u32,
    error: Option<String>,
    url: Option<String>,
    database: Option<String>,
}

/// Does it.
pub fn run(options: &TxOptions) -> Result<()> {
    match &options.task {
        TxTask::List(ListOptions { all, whom }) => {
            let query = if *all { "?all=true" } else { "" };
            let list: List = whom.ask(&format!("GET /v1/tx{query}"), "")?;
            print!("{}", table(&list, now_ms()));
        }
        TxTask::Show(OneTx { id, whom }) => {
            let shown: Shown = whom.ask(&format!("GET /v1/tx/{id}"), "")?;
            print!("{}", page(&shown, now_ms()));
        }
        TxTask::Resolve(ResolveOptions { one: OneTx { id, whom }, ended, .. }) => {
            let shown: Shown = match ended {
                None => whom.ask(&format!("POST /v1/tx/{id}/abort"), "{}")?,
                Some(name) => whom.ask(
                    &format!("POST /v1/tx/{id}/resolve"),
                    &json!({ "participant": name }).to_string(),
                )?,
            };
            print!("{}", page(&shown, now_ms()));
        }
    }
    Ok(())
}

impl Whom {
    fn ask<T: for<'de> Deserialize<'de>>(&self, what: &str, body: &str) -> Result<T> {
        self.calls.begin()?;
        let address = self.http.to_string();
        let (status, answer) = http::json(&address, what, body).with_context(|| {
            format!("no answer from {address}: is a node running there? (--http)")
        })?;
        match status {
            200 => serde_json::from_slice(&answer)
                .context("an answer that this version does not understand"),
            401 => bail!("the node asks for the password of its default user: set {PASSWORD}"),
            _ => {
                let told: Option<serde_json::Value> = serde_json::from_slice(&answer).ok();
                let why = told.as_ref().and_then(|told| told["error"].as_str());
                bail!(
                    "{}",
                    why.map_or_else(|| format!("the answer has status {status}"), str::to_owned)
                )
            }
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// `12.3 s`, as whole as an operator needs it.
fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

fn deadline(line: &Line, now_ms: u64) -> String {
    match line.state.as_str() {
        "open" | "preparing" => format!("in {}", seconds(line.deadline_ms.saturating_sub(now_ms))),
        _ => "-".to_owned(),
    }
}

fn table(list: &List, now_ms: u64) -> String {
    let mut rows = vec![
        ["ID", "USER", "PROTOCOL", "STATE", "AGE", "DEADLINE", "WAITS FOR", "WHY"]
            .map(String::from),
    ];
    for line in &list.transactions {
        rows.push([
            line.id.clone(),
            line.user.clone(),
            line.protocol.clone(),
            if line.ended { format!("{}, ended", line.state) } else { line.state.clone() },
            seconds(now_ms.saturating_sub(line.began_ms)),
            deadline(line, now_ms),
            line.waits_for.to_string(),
            line.why.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    let mut out = String::new();
    columns(&mut out, &rows);
    if list.left_out > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n{} more are left out", list.left_out);
    }
    out
}

fn page(shown: &Shown, now_ms: u64) -> String {
    let Shown { line, token, driver, participants } = shown;
    let mut out = String::new();
    let mut say = |name: &str, text: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<10}{text}");
    };
    say("id", &line.id);
    say("user", &line.user);
    say("protocol", &line.protocol);
    let end = if line.ended { ", ended" } else { "" };
    say("state", &format!("{}{end}", line.state));
    say("deadline", &deadline(line, now_ms));
    say("token", &token.to_string());
    say("driver", &driver.map_or_else(|| "-".to_owned(), |node| format!("node {node}")));
    say("why", line.why.as_deref().unwrap_or("-"));
    out.push('\n');
    let mut rows =
        vec![["PARTICIPANT", "KIND", "WHERE", "ENDED", "ATTEMPTS", "ERROR"].map(String::from)];
    for one in participants {
        let place = one.url.as_ref().or(one.database.as_ref());
        rows.push([
            one.name.clone(),
            one.kind.clone(),
            place.cloned().unwrap_or_else(|| "-".to_owned()),
            if one.ended { "yes" } else { "no" }.to_owned(),
            one.attempts.to_string(),
            one.error.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    columns(&mut out, &rows);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#""id":"00000000000000000000000000000001","user":"default","protocol":"2pc","state":"aborted","ended":false,
        "why":"p: no","began_ms":1000,"deadline_ms":9000,"waits_for":1"#;

    #[test]
    fn transactions_are_told_as_a_table_and_as_a_page() {
        let list: List =
            serde_json::from_str(&format!(r#"{{"left_out":2,"transactions":[{{{LINE}}}]}}"#))
                .unwrap();
        let expected = "\
ID                                USER     PROTOCOL  STATE    AGE    DEADLINE  WAITS FOR  WHY
00000000000000000000000000000001  default  2pc       aborted  1.5 s  -         1          p: no

2 more are left out
";
        assert_eq!(table(&list, 2_500), expected);
        let shown: Shown = serde_json::from_str(&format!(
            r#"{{{LINE},"token":3,"driver":2,"participants":[{{"name":"p","kind":"postgres","ended":false,"attempts":4,
                "error":"refused","database":"bank"}}]}}"#
        ))
        .unwrap();
        let expected = "\
id        00000000000000000000000000000001
user      default
protocol  2pc
state     aborted
deadline  -
token     3
driver    node 2
why       p: no

PARTICIPANT  KIND      WHERE  ENDED  ATTEMPTS  ERROR
p            postgres  bank   no     4         refused
";
        assert_eq!(page(&shown, 2_500), expected);
    }

    #[test]
    fn an_id_is_no_path() {
        assert!(id(&"0a".repeat(16)).is_ok());
        for wrong in ["", "../x", &"0".repeat(31), &"g".repeat(32)] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }
}
