//! What a script returns, as a reply.
//!
//! It becomes a tree first: a table that holds itself, or the same table many times, would be a reply without end, and
//! that has to be known before the first byte of it is written.

use crate::captured::Reply;
use crate::number::truncated;
use mlua::{Result, Table, Value};
use synod_types::{ReplySink, limits};

/// What stands where tables lie too deep in each other.
const TOO_DEEP: &str = "ERR reached lua stack limit";
/// The whole answer when its order would differ from replica to replica.
const OBJECT_KEY: &str = "ERR a key of the reply is an object";
/// The whole answer when it would be too large.
const TOO_LARGE: &str = "ERR the script's reply is too large";

/// Turns what a script returned into a reply.
pub(crate) fn from_lua(value: &Value, resp3: bool) -> Result<Reply> {
    let mut room = limits::SCRIPT_REPLY_BYTES_MAX;
    let mut converter = Converter { resp3, room: &mut room, has_object_key: false };
    let reply = converter.value(value, 0)?;
    let refused = |text: &str| Reply::Error(text.to_owned());
    Ok(match reply {
        _ if converter.has_object_key => refused(OBJECT_KEY),
        Some(reply) => reply,
        None => refused(TOO_LARGE),
    })
}

struct Converter<'a> {
    /// Whether the script chose RESP3 for itself.
    resp3: bool,
    room: &'a mut usize,
    /// Whether a key of a map or a member of a set was an object, so that their order is that of addresses.
    has_object_key: bool,
}

impl Converter<'_> {
    /// `None` when there is no room left.
    fn value(&mut self, value: &Value, depth: usize) -> Result<Option<Reply>> {
        let bytes = if let Value::String(text) = value { text.as_bytes().len() } else { 0 };
        let Some(room) = self.room.checked_sub(bytes + size_of::<Reply>()) else { return Ok(None) };
        *self.room = room;
        Ok(Some(match value {
            Value::String(text) => Reply::Bulk(text.as_bytes().to_vec()),
            Value::Boolean(b) if self.resp3 => Reply::Boolean(*b),
            Value::Boolean(true) => Reply::Integer(1),
            Value::Integer(n) => Reply::Integer(*n),
            Value::Number(x) => Reply::Integer(truncated(*x)),
            Value::Table(_) if depth >= limits::SCRIPT_REPLY_DEPTH_MAX => {
                Reply::Error(TOO_DEEP.to_owned())
            }
            Value::Table(table) => return self.table(table, depth + 1),
            _ => Reply::Null,
        }))
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<Option<Reply>> {
        if let Value::String(text) = table.raw_get("err")? {
            return Ok(Some(Reply::Error(error_text(&text.to_string_lossy()))));
        }
        if let Value::String(text) = table.raw_get("ok")? {
            return Ok(Some(Reply::Simple(status_text(&text.to_string_lossy()))));
        }
        match table.raw_get("double")? {
            Value::Number(x) => return Ok(Some(Reply::Double(x))),
            Value::Integer(n) => return Ok(Some(Reply::Double(n as f64))),
            _ => {}
        }
        if let Value::Table(map) = table.raw_get("map")? {
            return Ok(self.entries(&map, depth, true)?.map(Reply::Map));
        }
        if let Value::Table(set) = table.raw_get("set")? {
            return Ok(self.entries(&set, depth, false)?.map(Reply::Set));
        }
        if let Value::String(digits) = table.raw_get("big_number")? {
            return Ok(Some(Reply::BigNumber(digits.to_string_lossy().replace(['\r', '\n'], " "))));
        }
        if let Value::Table(verbatim) = table.raw_get("verbatim_string")?
            && let (Value::String(text), Value::String(format)) =
                (verbatim.raw_get("string")?, verbatim.raw_get("format")?)
        {
            let format = format.to_string_lossy();
            return Ok(Some(Reply::Verbatim(format, text.as_bytes().to_vec())));
        }
        let mut items = Vec::new();
        loop {
            let value: Value = table.raw_get(items.len() + 1)?;
            if value.is_nil() {
                return Ok(Some(Reply::Array(items)));
            }
            let Some(item) = self.value(&value, depth)? else { return Ok(None) };
            items.push(item);
        }
    }

    /// The keys of a table, each with its value if wanted. Where the keys are objects their order would be that of
    /// addresses, so they are refused.
    fn entries(&mut self, table: &Table, depth: usize, values: bool) -> Result<Option<Vec<Reply>>> {
        let mut items = Vec::new();
        for entry in table.pairs::<Value, Value>() {
            let (key, value) = entry?;
            if !matches!(
                key,
                Value::String(_) | Value::Integer(_) | Value::Number(_) | Value::Boolean(_)
            ) {
                self.has_object_key = true;
                return Ok(Some(Vec::new()));
            }
            let parts = [Some(&key), values.then_some(&value)];
            for part in parts.into_iter().flatten() {
                let Some(item) = self.value(part, depth)? else { return Ok(None) };
                items.push(item);
            }
        }
        if values && items.len() % 2 == 1 {
            items.push(Reply::Null);
        }
        Ok(Some(items))
    }
}

/// An error as it goes out: one line, up to a zero byte, as Redis takes it for a string of C.
pub(crate) fn error_text(text: &str) -> String {
    let text = text.split('\0').next().unwrap_or_default();
    text.trim_end_matches(['\r', '\n']).replace(['\r', '\n'], " ")
}

/// A status as it goes out, as [`error_text`] has it.
fn status_text(text: &str) -> String {
    text.split('\0').next().unwrap_or_default().replace(['\r', '\n'], " ")
}

/// Writes a reply.
pub(crate) fn write(reply: &Reply, out: &mut dyn ReplySink) {
    let each = |items: &[Reply], out: &mut dyn ReplySink| {
        items.iter().for_each(|item| write(item, out));
    };
    match reply {
        Reply::Simple(text) => out.simple(text),
        Reply::Error(text) => out.error(text),
        Reply::Integer(n) => out.integer(*n),
        Reply::Bulk(bytes) => out.bulk(bytes),
        Reply::Null => out.null(),
        Reply::Array(items) => {
            out.array(items.len());
            each(items, out);
        }
        Reply::Map(items) => {
            out.map(items.len() / 2);
            each(items, out);
        }
        Reply::Set(items) => {
            out.set(items.len());
            each(items, out);
        }
        Reply::Double(x) => out.double(*x),
        Reply::Boolean(b) => out.boolean(*b),
        Reply::BigNumber(digits) => out.big_number(digits),
        Reply::Verbatim(format, text) => out.verbatim_as(format, text),
    }
}
