//! Errors that functions of ours raise in scripts.
//!
//! To the interpreter they are userdata, since nothing else can be raised from Rust. Wherever a script can catch an
//! error it goes through the prelude, which asks here what the script is to see: a string, or a table with `err`. A
//! userdata that is none of these is the budget's, and no script keeps it.

use mlua::{Error, Lua, Result, Table, Value};

/// What a script sees of an error of ours.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Raised {
    /// A table with `err`, as `redis.call` raises it.
    #[error("{0}")]
    Reply(String),
    /// A string.
    #[error("{0}")]
    Text(String),
}

/// An error of a command that a script called.
pub(crate) fn reply(text: String) -> Error {
    Error::external(Raised::Reply(text))
}

/// An error of a function of `redis` itself, without the place where it was called.
pub(crate) fn coded(text: &str) -> Error {
    reply(format!("ERR {text}"))
}

/// An error of a function of the running script's, with the place where it called it in front.
pub(crate) fn text(lua: &Lua, text: &str) -> Error {
    let place = lua.inspect_stack(1, |caller| {
        let line = caller.current_line()?;
        Some(format!("{}:{line}: ", caller.source().short_src?))
    });
    Error::external(Raised::Text(place.flatten().unwrap_or_default() + text))
}

/// Whether an error that was caught must not be, and what the script sees of it otherwise.
pub(crate) fn caught(lua: &Lua, error: Value) -> Result<(bool, Value)> {
    match &error {
        Value::Error(inner) => match find(inner) {
            Some(Raised::Reply(text)) => Ok((false, Value::Table(table(lua, text)?))),
            Some(Raised::Text(text)) => Ok((false, Value::String(lua.create_string(text)?))),
            None => Ok((true, error)),
        },
        Value::String(text) => Ok((text.as_bytes() == b"not enough memory", error)),
        _ => Ok((false, error)),
    }
}

fn table(lua: &Lua, text: &str) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, 3)?;
    table.raw_set("err", text)?;
    Ok(table)
}

fn find(error: &Error) -> Option<&Raised> {
    match error {
        Error::CallbackError { cause, .. } | Error::WithContext { cause, .. } => find(cause),
        Error::ExternalError(inner) => inner.downcast_ref(),
        _ => None,
    }
}
