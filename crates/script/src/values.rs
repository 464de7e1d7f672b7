//! Replies as Lua values, by Redis's rules of conversion.

use crate::captured::Reply;
use mlua::{Lua, Result, Table, Value};

/// What a script gets for a reply. An error is a table with `err`; the caller decides whether it is raised.
pub(crate) fn to_lua(lua: &Lua, reply: Reply, resp3: bool) -> Result<Value> {
    Ok(match reply {
        Reply::Simple(text) => single(lua, "ok", lua.create_string(text)?)?,
        Reply::Error(text) => single(lua, "err", lua.create_string(text)?)?,
        Reply::Integer(n) => Value::Number(n as f64),
        Reply::Bulk(bytes) => Value::String(lua.create_string(bytes)?),
        Reply::Null if resp3 => Value::Nil,
        Reply::Null => Value::Boolean(false),
        Reply::Array(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for (at, item) in items.into_iter().enumerate() {
                table.raw_set(at + 1, to_lua(lua, item, resp3)?)?;
            }
            Value::Table(table)
        }
        Reply::Map(items) => {
            let table = lua.create_table_with_capacity(0, items.len() / 2)?;
            let mut items = items.into_iter();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                let key = to_lua(lua, key, resp3)?;
                table.raw_set(key, to_lua(lua, value, resp3)?)?;
            }
            single(lua, "map", table)?
        }
        Reply::Set(items) => {
            let table = lua.create_table_with_capacity(0, items.len())?;
            for item in items {
                table.raw_set(to_lua(lua, item, resp3)?, true)?;
            }
            single(lua, "set", table)?
        }
        Reply::Double(x) => single(lua, "double", x)?,
        Reply::Boolean(b) => Value::Boolean(b),
        Reply::BigNumber(digits) => single(lua, "big_number", lua.create_string(digits)?)?,
        Reply::Verbatim(format, text) => {
            let parts = lua.create_table()?;
            parts.raw_set("string", lua.create_string(text)?)?;
            parts.raw_set("format", format)?;
            single(lua, "verbatim_string", parts)?
        }
    })
}

fn single(lua: &Lua, name: &str, value: impl mlua::IntoLua) -> Result<Value> {
    let table: Table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(name, value)?;
    Ok(Value::Table(table))
}
