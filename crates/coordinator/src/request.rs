//! What clients ask for, as JSON, checked before anything is done.

use crate::allowed::Target;
use crate::bounds::{
    DEADLINE_MS_DEFAULT, DEADLINE_MS_MAX, DEADLINE_MS_MIN, IDEMPOTENCY_KEY_BYTES_MAX,
    NAME_BYTES_MAX, WORDS_MAX,
};
use crate::participant::{Command, Kind, Participant, Statement};
use crate::record::Protocol;
use serde_json::{Map, Value};
use thiserror::Error;

/// A request that makes no sense; nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Invalid(pub String);

fn invalid<T>(why: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(why.into()))
}

/// Statements with these words would end the transaction that the coordinator prepares.
const CONTROL: [&str; 11] = [
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "prepare",
    "savepoint",
    "release",
    "set",
    "copy",
];

/// A transaction that is to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    /// How it is committed.
    pub protocol: Protocol,
    /// After how many milliseconds it is aborted unless it is decided.
    pub deadline_ms: u64,
    /// Who says the same key again gets the same transaction.
    pub idempotency_key: Option<String>,
}

impl Begin {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(fields: &Map<String, Value>) -> Result<Self, Invalid> {
        only(fields, &["protocol", "deadline_ms", "idempotency_key"])?;
        let protocol = match fields.get("protocol").map(Value::as_str) {
            None | Some(Some("2pc")) => Protocol::TwoPhase,
            Some(Some("3pc")) => Protocol::ThreePhase,
            Some(_) => return invalid("`protocol` is \"2pc\" or \"3pc\""),
        };
        let deadline_ms = match fields.get("deadline_ms") {
            None => DEADLINE_MS_DEFAULT,
            Some(value) => match value.as_u64() {
                Some(ms) if (DEADLINE_MS_MIN..=DEADLINE_MS_MAX).contains(&ms) => ms,
                _ => {
                    return invalid(format!(
                        "`deadline_ms` is between {DEADLINE_MS_MIN} and {DEADLINE_MS_MAX}"
                    ));
                }
            },
        };
        let idempotency_key = match fields.get("idempotency_key") {
            None => None,
            Some(Value::String(key)) if (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()) => {
                Some(key.clone())
            }
            Some(_) => {
                return invalid(format!(
                    "`idempotency_key` is a string of 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes"
                ));
            }
        };
        Ok(Self { protocol, deadline_ms, idempotency_key })
    }
}

/// Reads a participant: `{"name": ..., "keys": [...] | "http": {...} | "postgres": {...}}`.
///
/// # Errors
/// What is wrong with it.
pub fn participant(fields: &Map<String, Value>) -> Result<Participant, Invalid> {
    only(fields, &["name", "keys", "http", "postgres"])?;
    let fits = |name: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
    };
    let Some(name) = fields.get("name").and_then(Value::as_str).filter(fits) else {
        return invalid(format!(
            "`name` has 1 to {NAME_BYTES_MAX} letters, digits, `-`, `_` and `.`"
        ));
    };
    let kind = match (fields.get("keys"), fields.get("http"), fields.get("postgres")) {
        (Some(Value::Array(commands)), None, None) => Kind::Keys(each(commands, "keys", command)?),
        (None, Some(Value::Object(http)), None) => service(http)?,
        (None, None, Some(Value::Object(postgres))) => database(postgres)?,
        _ => {
            return invalid(
                "a participant has one of `keys` (an array of commands), `http` and `postgres` (objects)",
            );
        }
    };
    Ok(Participant::new(name.to_owned(), kind))
}

/// A misspelled field would be a wish that nobody hears.
fn only(fields: &Map<String, Value>, known: &[&str]) -> Result<(), Invalid> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => invalid(format!("`{name}` is none of {}", known.join(", "))),
    }
}

fn each<T>(
    values: &[Value],
    of: &str,
    read: fn(&Value) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    if !(1..=WORDS_MAX).contains(&values.len()) {
        return invalid(format!("`{of}` has 1 to {WORDS_MAX} elements"));
    }
    values.iter().map(read).collect()
}

fn strings(value: &Value, what: &str) -> Result<Vec<String>, Invalid> {
    let all = value.as_array().map(|all| all.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    match all.flatten() {
        Some(all) => Ok(all.into_iter().map(str::to_owned).collect()),
        None => invalid(format!("{what} is an array of strings")),
    }
}

/// `["DECRBY", "a", "5"]` or `{"command": [...], "reply_min": 0}`.
fn command(value: &Value) -> Result<Command, Invalid> {
    let (words, reply_min) = match value {
        Value::Object(fields) => {
            only(fields, &["command", "reply_min"])?;
            let reply_min = match fields.get("reply_min") {
                None => None,
                Some(value) => match value.as_i64() {
                    Some(least) => Some(least),
                    None => return invalid("`reply_min` is an integer"),
                },
            };
            (fields.get("command").unwrap_or(&Value::Null), reply_min)
        }
        words => (words, None),
    };
    let words = strings(words, "a command")?;
    if words.is_empty() {
        return invalid("a command has a name");
    }
    Ok(Command { words, keys: Vec::new(), reply_min })
}

fn service(fields: &Map<String, Value>) -> Result<Kind, Invalid> {
    only(fields, &["url", "data"])?;
    let Some(url) = fields.get("url").and_then(Value::as_str) else {
        return invalid("`url` is a string");
    };
    Target::parse(url).map_err(Invalid)?;
    Ok(Kind::Http { url: url.to_owned(), data: fields.get("data").cloned().unwrap_or(Value::Null) })
}

fn database(fields: &Map<String, Value>) -> Result<Kind, Invalid> {
    only(fields, &["database", "statements"])?;
    let Some(database) = fields.get("database").and_then(Value::as_str) else {
        return invalid("`database` is the name of one that the nodes know (--tx-databases)");
    };
    let Some(Value::Array(statements)) = fields.get("statements") else {
        return invalid("`statements` is an array");
    };
    let statements = each(statements, "statements", statement)?;
    Ok(Kind::Postgres { database: database.to_owned(), statements })
}

/// `"UPDATE ..."` or `{"sql": "... $1 ...", "params": ["a"], "rows": 1}`.
fn statement(value: &Value) -> Result<Statement, Invalid> {
    let statement = match value {
        Value::String(sql) => Statement { sql: sql.clone(), params: Vec::new(), rows: None },
        Value::Object(fields) => {
            only(fields, &["sql", "params", "rows"])?;
            let Some(sql) = fields.get("sql").and_then(Value::as_str) else {
                return invalid("`sql` is a string");
            };
            let params = fields.get("params").map(|params| strings(params, "`params`"));
            let rows = match fields.get("rows") {
                None => None,
                Some(value) => match value.as_u64() {
                    Some(rows) => Some(rows),
                    None => return invalid("`rows` is a number of rows"),
                },
            };
            Statement { sql: sql.to_owned(), params: params.transpose()?.unwrap_or_default(), rows }
        }
        _ => return invalid("a statement is a string or an object with `sql`"),
    };
    let first =
        statement.sql.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty());
    match first.map(str::to_ascii_lowercase) {
        None => invalid("a statement without words"),
        Some(word) if CONTROL.contains(&&*word) => {
            invalid(format!("`{word}` may not stand in a transaction that is prepared"))
        }
        Some(_) => Ok(statement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_reason() {
        let cases = [
            (json!({ "name": "a" }), "one of `keys`"),
            (json!({ "name": "", "keys": [["SET", "a", "b"]] }), "`name` has"),
            (json!({ "name": "a/b", "keys": [["SET", "a", "b"]] }), "`name` has"),
            (json!({ "name": "a", "keys": [] }), "1 to 256"),
            (json!({ "name": "a", "keys": [[]] }), "a command has a name"),
            (json!({ "name": "a", "keys": [["SET", 1]] }), "array of strings"),
            (
                json!({ "name": "a", "keys": [{ "command": ["GET"], "reply_min": "1" }] }),
                "an integer",
            ),
            (json!({ "name": "a", "keys": [["GET"]], "http": {} }), "one of `keys`"),
            (json!({ "name": "a", "http": { "url": "ftp://x" } }), "http://"),
            (json!({ "name": "a", "http": { "urls": "http://x" } }), "`urls` is none of"),
            (
                json!({ "name": "a", "postgres": { "database": "b", "statements": ["  COMMIT"] } }),
                "`commit`",
            ),
            (
                json!({ "name": "a", "postgres": { "database": "b", "statements": [" ;"] } }),
                "without words",
            ),
            (json!({ "name": "a", "postgres": { "statements": ["x"] } }), "`database`"),
        ];
        for (value, why) in cases {
            let refused = participant(&fields(&value)).unwrap_err().0;
            assert!(refused.contains(why), "{value}: {refused}");
        }
        for (value, why) in [
            (json!({ "deadline_ms": 99 }), "between 100"),
            (json!({ "deadline_ms": 3_600_001 }), "between 100"),
            (json!({ "protocol": "4pc" }), "2pc"),
            (json!({ "idempotency_key": "" }), "1 to 128"),
            (json!({ "deadline": 5 }), "`deadline` is none of"),
        ] {
            let refused = Begin::of(&fields(&value)).unwrap_err().0;
            assert!(refused.contains(why), "{value}: {refused}");
        }
    }

    #[test]
    fn participants_of_each_sort_are_read() {
        let value = json!({ "name": "k", "keys": [["SET", "a", "1"], { "command": ["DECR", "b"], "reply_min": 0 }] });
        let Kind::Keys(commands) = participant(&fields(&value)).unwrap().kind else { panic!() };
        assert_eq!((commands[0].reply_min, commands[1].reply_min), (None, Some(0)));
        let statements =
            json!(["DELETE FROM t", { "sql": "UPDATE t SET a = $1", "params": ["x"], "rows": 2 }]);
        let value =
            json!({ "name": "p", "postgres": { "database": "d", "statements": statements } });
        let Kind::Postgres { statements, .. } = participant(&fields(&value)).unwrap().kind else {
            panic!()
        };
        assert_eq!((statements[0].rows, statements[1].rows), (None, Some(2)));
        assert_eq!(Begin::of(&Map::new()).unwrap().deadline_ms, DEADLINE_MS_DEFAULT);
    }
}
