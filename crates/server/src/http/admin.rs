//! `/commands`: what ZooKeeper's AdminServer tells by HTTP, for the monitors that ask it.
//!
//! A command is the four-letter word of the same meaning, asked of this node's gate, and its text as JSON under the names
//! that the AdminServer uses.

use crate::inbox::{Mail, Postbox};
use crate::inner::Pair;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value as Json, json};
use std::io;
use std::time::Duration;

/// How long the gate may take.
const ANSWER: Duration = Duration::from_secs(5);

/// A text as fields.
type Read = fn(&str) -> Map<String, Json>;

/// The commands: the name, the word, and how its text is read.
const COMMANDS: [(&str, &str, Read); 14] = [
    ("configuration", "conf", settings),
    ("connection_stat_reset", "crst", nothing),
    ("connections", "cons", connections),
    ("dump", "dump", dump),
    ("environment", "envi", settings_as_they_are),
    ("is_read_only", "isro", read_only),
    ("monitor", "mntr", monitor),
    ("ruok", "ruok", nothing),
    ("server_stats", "srvr", stats),
    ("stat_reset", "srst", nothing),
    ("stats", "stat", stats),
    ("watch_summary", "wchs", watch_summary),
    ("watches", "wchc", |text| grouped("session_id_to_watched_paths", text)),
    ("watches_by_path", "wchp", |text| grouped("path_to_session_ids", text)),
];

/// The routes; the gate is this worker's.
pub fn router(postbox: Postbox) -> Router {
    Router::new()
        .route("/commands", get(list))
        .route("/commands/", get(list))
        .route("/commands/{name}", get(run))
        .with_state(postbox)
}

async fn list() -> Html<String> {
    let link = |(name, ..): &(&str, &str, Read)| {
        format!("<a href=\"/commands/{name}\">{name}</a>\n<br/>\n")
    };
    Html(COMMANDS.iter().map(link).collect())
}

async fn run(State(postbox): State<Postbox>, Path(name): Path<String>) -> Response {
    let known = COMMANDS.iter().find(|(long, word, _)| *long == name || *word == name);
    let Some((long, word, read)) = known else {
        return told(StatusCode::NOT_FOUND, &name, Map::new(), Some("no such command"));
    };
    match tokio::time::timeout(ANSWER, ask(&postbox, word)).await {
        Ok(Ok(text)) if text.starts_with("This ZooKeeper instance") => {
            let why = "This ZooKeeper instance is not currently serving requests";
            told(StatusCode::SERVICE_UNAVAILABLE, long, Map::new(), Some(why))
        }
        Ok(Ok(text)) => told(StatusCode::OK, long, read(&text), None),
        Ok(Err(_)) | Err(_) => {
            let why = "the gate does not answer";
            told(StatusCode::SERVICE_UNAVAILABLE, long, Map::new(), Some(why))
        }
    }
}

fn told(
    code: StatusCode,
    command: &str,
    mut fields: Map<String, Json>,
    error: Option<&str>,
) -> Response {
    fields.insert("command".to_owned(), command.into());
    fields.insert("error".to_owned(), error.into());
    let body = format!("{:#}\n", Json::Object(fields));
    (code, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The answer to a word, as a client of ZooKeeper's protocol gets it.
async fn ask(postbox: &Postbox, word: &str) -> io::Result<String> {
    let mut pair =
        Pair::open(|stream, from| postbox.send(Mail::Zookeeper(stream.into(), from))).await?;
    pair.write(word.as_bytes()).await?;
    let mut text = Vec::new();
    while pair.read(&mut text).await? > 0 {}
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn nothing(_: &str) -> Map<String, Json> {
    Map::new()
}

/// A number where it is one.
fn value(text: &str) -> Json {
    text.parse::<i64>().map_or_else(|_| text.into(), Json::from)
}

/// A mean, which is no whole number.
fn mean(text: &str) -> Json {
    text.parse::<f64>().map_or_else(|_| text.into(), Json::from)
}

fn pairs<'a>(text: &'a str, between: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.lines().filter_map(move |line| line.split_once(between))
}

/// `minSessionTimeout` is told as `min_session_timeout`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    snake
}

fn settings(text: &str) -> Map<String, Json> {
    pairs(text, "=").map(|(name, told)| (snake(name), value(told))).collect()
}

fn settings_as_they_are(text: &str) -> Map<String, Json> {
    pairs(text, "=").map(|(name, told)| (name.to_owned(), told.into())).collect()
}

fn read_only(text: &str) -> Map<String, Json> {
    Map::from_iter([("read_only".to_owned(), (text == "ro").into())])
}

fn monitor(text: &str) -> Map<String, Json> {
    pairs(text, "\t")
        .map(|(name, told)| match name.trim_start_matches("zk_") {
            "avg_latency" => ("avg_latency".to_owned(), mean(told)),
            name => (name.to_owned(), value(told)),
        })
        .collect()
}

fn stats(text: &str) -> Map<String, Json> {
    let mut fields = Map::new();
    let mut server = Map::new();
    for (name, told) in pairs(text, ": ") {
        let (place, name) = match name {
            "Zookeeper version" => (&mut fields, "version"),
            "Node count" => (&mut fields, "node_count"),
            "Latency min/avg/max" => {
                let names = ["min_latency", "avg_latency", "max_latency"];
                let all = names.iter().zip(told.split('/'));
                server.extend(all.map(|(name, told)| ((*name).to_owned(), mean(told))));
                continue;
            }
            "Received" => (&mut server, "packets_received"),
            "Sent" => (&mut server, "packets_sent"),
            "Connections" => (&mut server, "num_alive_client_connections"),
            "Outstanding" => (&mut server, "outstanding_requests"),
            "Mode" => (&mut server, "server_state"),
            "Zxid" => (&mut server, "last_processed_zxid"),
            _ => continue,
        };
        let hex = told.strip_prefix("0x").and_then(|hex| i64::from_str_radix(hex, 16).ok());
        place.insert(name.to_owned(), hex.map_or_else(|| value(told), Json::from));
    }
    fields.insert("server_stats".to_owned(), Json::Object(server));
    fields.insert("read_only".to_owned(), false.into());
    fields
}

/// ` /127.0.0.1[1](queued=0,sid=0x1,to=10000,watches=0)`.
fn connections(text: &str) -> Map<String, Json> {
    let one = |line: &str| {
        let (address, rest) = line.trim().split_once('[')?;
        let fields = rest.split_once('(')?.1.strip_suffix(')')?;
        let mut told = Map::from_iter([(
            "remote_socket_address".to_owned(),
            Json::from(address.trim_start_matches('/')),
        )]);
        for (name, text) in fields.split(',').filter_map(|field| field.split_once('=')) {
            let name = match name {
                "queued" => "outstanding_requests",
                "sid" => "session_id",
                "to" => "session_timeout",
                other => other,
            };
            told.insert(name.to_owned(), value(text));
        }
        Some(Json::Object(told))
    };
    let all: Vec<Json> = text.lines().filter_map(one).collect();
    Map::from_iter([
        ("connections".to_owned(), all.into()),
        ("secure_connections".to_owned(), json!([])),
    ])
}

fn watch_summary(text: &str) -> Map<String, Json> {
    let numbers: Vec<i64> =
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    let names = ["num_connections", "num_paths", "num_total_watches"];
    names.iter().zip(numbers).map(|(name, n)| ((*name).to_owned(), n.into())).collect()
}

/// Lines, each with the indented ones behind it.
fn groups(text: &str) -> Map<String, Json> {
    let mut all: Map<String, Json> = Map::new();
    let mut last = None;
    for line in text.lines() {
        match (line.strip_prefix('\t'), &last) {
            (Some(under), Some(name)) => {
                if let Some(Json::Array(list)) = all.get_mut::<String>(name) {
                    list.push(under.into());
                }
            }
            _ => {
                let name = line.trim_end_matches(':').to_owned();
                all.insert(name.clone(), json!([]));
                last = Some(name);
            }
        }
    }
    all
}

fn grouped(name: &str, text: &str) -> Map<String, Json> {
    Map::from_iter([(name.to_owned(), Json::Object(groups(text)))])
}

fn dump(text: &str) -> Map<String, Json> {
    let (sessions, rest) = text.split_once("ephemeral nodes dump:\n").unwrap_or((text, ""));
    let sessions: Vec<Json> =
        sessions.lines().filter_map(|line| line.strip_prefix('\t')).map(Json::from).collect();
    let paths = rest.split_once('\n').map_or("", |(_, paths)| paths);
    Map::from_iter([
        ("sessions".to_owned(), sessions.into()),
        ("session_id_to_ephemeral_paths".to_owned(), Json::Object(groups(paths))),
    ])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_text_becomes_the_fields_of_its_command() {
        let cases: [(&str, &str, Json); 7] = [
            (
                "conf",
                "tickTime=2000\njute.maxbuffer=9\n",
                json!({ "tick_time": 2000, "jute_maxbuffer": 9 }),
            ),
            (
                "mntr",
                "zk_version\t3.8\nzk_avg_latency\t0.500\nzk_znode_count\t5\n",
                json!({ "version": "3.8", "avg_latency": 0.5, "znode_count": 5 }),
            ),
            ("isro", "rw", json!({ "read_only": false })),
            (
                "wchs",
                "1 connections watching 2 paths\nTotal watches:3\n",
                json!({ "num_connections": 1, "num_paths": 2, "num_total_watches": 3 }),
            ),
            (
                "wchc",
                "0x1\n\t/a\n\t/b\n0x2\n\t/c\n",
                json!({ "session_id_to_watched_paths": { "0x1": ["/a", "/b"], "0x2": ["/c"] } }),
            ),
            (
                "dump",
                "SessionTracker dump:\nSession Sets (0)/(1):\n\t0x1\nephemeral nodes dump:\nSessions with Ephemerals (1):\n0x1:\n\t/e\n",
                json!({ "sessions": ["0x1"], "session_id_to_ephemeral_paths": { "0x1": ["/e"] } }),
            ),
            (
                "cons",
                " /::1[1](queued=0,sid=0x1,to=10000,watches=2)\n",
                json!({ "connections": [{ "remote_socket_address": "::1", "outstanding_requests": 0,
                    "session_id": "0x1", "session_timeout": 10000, "watches": 2 }], "secure_connections": [] }),
            ),
        ];
        for (word, text, fields) in cases {
            let (.., read) = COMMANDS.iter().find(|(_, of, _)| *of == word).unwrap();
            assert_eq!(Json::Object(read(text)), fields, "{word}");
        }
    }
}
