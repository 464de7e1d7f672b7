//! The libraries that Redis gives its scripts beside Lua's own: `bit`, `struct`, `cmsgpack`, `cjson`.
//!
//! Written anew after their descriptions, since the published ones are C; what the published ones got wrong (lengths that
//! overflow, nesting without end) has tests by the name of the advisory.

mod bits;
mod json;
mod json_parser;
mod msgpack;
mod msgpack_reader;
mod structs;

use crate::raised;
use mlua::{Error, IntoLuaMulti, Lua, MultiValue, Result, Table, Value};

/// Puts all of them into a table.
pub(crate) fn add_all(lua: &Lua, libraries: &Table) -> Result<()> {
    libraries.raw_set("bit", bits::library(lua)?)?;
    libraries.raw_set("struct", structs::library(lua)?)?;
    libraries.raw_set("cmsgpack", msgpack::library(lua)?)?;
    libraries.raw_set("cjson", json::library(lua)?)
}

/// Adds a function to a library; `run` says in words what is wrong.
pub(crate) fn add<R: IntoLuaMulti>(
    lua: &Lua,
    library: &Table,
    name: &'static str,
    run: impl Fn(&Lua, &Arguments) -> std::result::Result<R, Fault> + 'static,
) -> Result<()> {
    let function = lua.create_function(move |lua, values: MultiValue| {
        let arguments = Arguments { name, values };
        run(lua, &arguments).map_err(|fault| match fault {
            Fault::Text(text) => raised::text(lua, &text),
            Fault::Lua(error) => error,
        })
    })?;
    library.raw_set(name, function)
}

/// Why a function of a library fails.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The script sees this text, with the place of the call in front.
    Text(String),
    /// The interpreter's own, such as an allocation beyond the budget.
    Lua(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Lua(error)
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Fault {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The arguments of a call, read as Lua's own libraries read theirs.
pub(crate) struct Arguments {
    name: &'static str,
    values: MultiValue,
}

impl Arguments {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn get(&self, at: usize) -> Option<&Value> {
        self.values.get(at)
    }

    /// What is wrong with an argument; the first is number 0.
    pub fn fault(&self, at: usize, why: &str) -> Fault {
        Fault::Text(format!("bad argument #{} to '{}' ({why})", at + 1, self.name))
    }

    pub fn expected(&self, at: usize, what: &str) -> Fault {
        let got = self.get(at).map_or("no value", Value::type_name);
        let got = if matches!(got, "integer") { "number" } else { got };
        self.fault(at, &format!("{what} expected, got {got}"))
    }

    /// A number, or a string that spells one.
    fn number(&self, at: usize) -> std::result::Result<f64, Fault> {
        let number = match self.get(at) {
            Some(Value::Integer(n)) => Some(*n as f64),
            Some(Value::Number(x)) => Some(*x),
            Some(Value::String(text)) => {
                let text = text.to_string_lossy();
                text.trim().parse().ok()
            }
            _ => None,
        };
        number.ok_or_else(|| self.expected(at, "number"))
    }

    /// An integer; a fraction is cut off.
    pub fn integer(&self, at: usize) -> std::result::Result<i64, Fault> {
        Ok(crate::number::truncated(self.number(at)?))
    }

    /// An integer, or `default` where there is no argument.
    pub fn integer_or(&self, at: usize, default: i64) -> std::result::Result<i64, Fault> {
        match self.get(at) {
            None | Some(Value::Nil) => Ok(default),
            Some(_) => Ok(crate::number::truncated(self.number(at)?)),
        }
    }

    /// A string, or a number as Lua spells it.
    fn bytes(&self, at: usize) -> std::result::Result<Vec<u8>, Fault> {
        match self.get(at) {
            Some(Value::String(text)) => Ok(text.as_bytes().to_vec()),
            Some(Value::Integer(n)) => Ok(n.to_string().into_bytes()),
            Some(Value::Number(x)) => Ok(crate::number::general(*x, 14).into_bytes()),
            _ => Err(self.expected(at, "string")),
        }
    }
}
