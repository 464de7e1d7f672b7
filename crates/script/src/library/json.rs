//! `cjson`: Lua values as JSON and back.

use super::json_parser::Parser;
use super::{Arguments, Fault, add};
use crate::number::general;
use mlua::{Lua, MultiValue, Result, Table, Value};
use std::cell::Cell;
use std::rc::Rc;
use synod_types::limits;

type Outcome<T> = std::result::Result<T, Fault>;

/// Never deeper than this, whatever a script sets: each level is a call here.
const NESTING_MAX: i64 = 1000;

/// What the functions of one instance of the library go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    encode_depth_max: i64,
    pub decode_depth_max: i64,
    precision: i64,
    keep_buffer: bool,
    /// Whether numbers that JSON has not are written: not at all, as they are, or as null.
    encode_invalid: Invalid,
    pub decode_invalid: Invalid,
    sparse_converts: bool,
    sparse_ratio: i64,
    sparse_safe: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    Refused,
    Taken,
    Null,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            precision: 14,
            keep_buffer: true,
            encode_invalid: Invalid::Refused,
            decode_invalid: Invalid::Taken,
            sparse_converts: false,
            sparse_ratio: 2,
            sparse_safe: 10,
        }
    }
}

/// The settings of one instance.
type Shared = Rc<Cell<Settings>>;

pub(super) fn library(lua: &Lua) -> Result<Table> {
    let library = lua.create_table()?;
    let settings = Shared::default();
    let shared = settings.clone();
    add(lua, &library, "encode", move |lua, args| {
        if args.len() != 1 {
            return Err(args.fault(0, "expected 1 argument"));
        }
        let mut encoder = Encoder { settings: shared.get(), out: Vec::new() };
        encoder.value(args.get(0).unwrap_or(&Value::Nil), 0)?;
        Ok(Value::String(lua.create_string(encoder.out)?))
    })?;
    let shared = settings.clone();
    add(lua, &library, "decode", move |lua, args| {
        if args.len() != 1 {
            return Err(args.fault(0, "expected 1 argument"));
        }
        Parser::new(&args.bytes(0)?, shared.get()).whole(lua)
    })?;
    add_settings(lua, &library, &settings)?;
    add(lua, &library, "new", |lua, _| Ok(self::library(lua)?))?;
    library.raw_set("null", Value::NULL)?;
    library.raw_set("_NAME", "cjson")?;
    library.raw_set("_VERSION", "2.1.0")?;
    Ok(library)
}

fn add_settings(lua: &Lua, library: &Table, settings: &Shared) -> Result<()> {
    let shared = settings.clone();
    add(lua, library, "encode_max_depth", move |_, args| {
        change(args, &shared, |s| &mut s.encode_depth_max, 0, (1, i64::from(i32::MAX)))
    })?;
    let shared = settings.clone();
    add(lua, library, "decode_max_depth", move |_, args| {
        change(args, &shared, |s| &mut s.decode_depth_max, 0, (1, i64::from(i32::MAX)))
    })?;
    let shared = settings.clone();
    add(lua, library, "encode_number_precision", move |_, args| {
        change(args, &shared, |s| &mut s.precision, 0, (1, 14))
    })?;
    let shared = settings.clone();
    add(lua, library, "encode_keep_buffer", move |_, args| {
        flag(args, &shared, |s| &mut s.keep_buffer, 0)
    })?;
    let shared = settings.clone();
    add(lua, library, "encode_invalid_numbers", move |_, args| {
        invalid(args, &shared, |s| &mut s.encode_invalid)
    })?;
    let shared = settings.clone();
    add(lua, library, "decode_invalid_numbers", move |_, args| {
        invalid(args, &shared, |s| &mut s.decode_invalid)
    })?;
    let shared = settings.clone();
    add(lua, library, "encode_sparse_array", move |_, args| {
        let most = (0, i64::from(i32::MAX));
        let converts = flag(args, &shared, |s| &mut s.sparse_converts, 0)?;
        let ratio = change(args, &shared, |s| &mut s.sparse_ratio, 1, most)?;
        let safe = change(args, &shared, |s| &mut s.sparse_safe, 2, most)?;
        let [converts, ratio, safe] = [Value::Boolean(converts), number(ratio), number(safe)];
        Ok(MultiValue::from_vec(vec![converts, ratio, safe]))
    })
}

fn number(n: i64) -> Value {
    Value::Number(n as f64)
}

/// Sets a number if there is an argument for it; what it is then.
fn change(
    args: &Arguments,
    shared: &Shared,
    field: fn(&mut Settings) -> &mut i64,
    at: usize,
    (low, high): (i64, i64),
) -> Outcome<i64> {
    let mut settings = shared.get();
    if at < args.len() && !matches!(args.get(at), Some(Value::Nil)) {
        let wanted = args.integer_or(at, low)?;
        if !(low..=high).contains(&wanted) {
            return Err(args.fault(at, &format!("expected integer between {low} and {high}")));
        }
        *field(&mut settings) = wanted;
        shared.set(settings);
    }
    Ok(*field(&mut settings))
}

/// Sets a flag if there is an argument for it; what it is then.
fn flag(
    args: &Arguments,
    shared: &Shared,
    field: fn(&mut Settings) -> &mut bool,
    at: usize,
) -> Outcome<bool> {
    let mut settings = shared.get();
    match args.get(at) {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(b)) => *field(&mut settings) = *b,
        Some(Value::String(text)) if text.as_bytes() == b"on" => *field(&mut settings) = true,
        Some(Value::String(text)) if text.as_bytes() == b"off" => *field(&mut settings) = false,
        Some(_) => return Err(args.expected(at, "boolean")),
    }
    shared.set(settings);
    Ok(*field(&mut settings))
}

fn invalid(
    args: &Arguments,
    shared: &Shared,
    field: fn(&mut Settings) -> &mut Invalid,
) -> Outcome<Value> {
    let mut settings = shared.get();
    *field(&mut settings) = match args.get(0) {
        None | Some(Value::Nil) => *field(&mut settings),
        Some(Value::Boolean(b)) => {
            if *b {
                Invalid::Taken
            } else {
                Invalid::Refused
            }
        }
        Some(Value::String(text)) => match &*text.as_bytes() {
            b"on" => Invalid::Taken,
            b"off" => Invalid::Refused,
            b"null" => Invalid::Null,
            other => {
                let other = String::from_utf8_lossy(other);
                return Err(args.fault(0, &format!("invalid option '{other}'")));
            }
        },
        Some(_) => return Err(args.expected(0, "boolean")),
    };
    shared.set(settings);
    Ok(match *field(&mut settings) {
        // The published library answers the number of its option here.
        Invalid::Null => number(2),
        other => Value::Boolean(other == Invalid::Taken),
    })
}

struct Encoder {
    settings: Settings,
    out: Vec<u8>,
}

impl Encoder {
    fn value(&mut self, value: &Value, depth: i64) -> Outcome<()> {
        if self.out.len() > limits::BULK_BYTES_MAX {
            return Err("Cannot serialise: the text is too long".into());
        }
        match value {
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Integer(n) => self.number(*n as f64)?,
            Value::Number(x) => self.number(*x)?,
            Value::Boolean(b) => self.out.extend_from_slice(if *b { b"true" } else { b"false" }),
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(null) if null.0.is_null() => self.out.extend_from_slice(b"null"),
            Value::Table(table) => self.table(table, depth + 1)?,
            other => {
                let kind = other.type_name();
                return Err(format!("Cannot serialise {kind}: type not supported").into());
            }
        }
        Ok(())
    }

    fn number(&mut self, x: f64) -> Outcome<()> {
        if !x.is_finite() {
            match self.settings.encode_invalid {
                Invalid::Refused => {
                    return Err("Cannot serialise number: must not be NaN or Inf".into());
                }
                Invalid::Null => self.out.extend_from_slice(b"null"),
                // The sign of what is not a number depends on the processor.
                Invalid::Taken if x.is_nan() => self.out.extend_from_slice(b"nan"),
                Invalid::Taken => self.out.extend_from_slice(general(x, 14).as_bytes()),
            }
            return Ok(());
        }
        let digits = usize::try_from(self.settings.precision).unwrap_or(14);
        self.out.extend_from_slice(general(x, digits).as_bytes());
        Ok(())
    }

    fn string(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        for byte in bytes {
            let escape = match byte {
                b'"' => b'"',
                b'\\' => b'\\',
                b'/' => b'/',
                8 => b'b',
                9 => b't',
                10 => b'n',
                12 => b'f',
                13 => b'r',
                0..=31 | 127 => {
                    self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                    continue;
                }
                _ => {
                    self.out.push(*byte);
                    continue;
                }
            };
            self.out.extend_from_slice(&[b'\\', escape]);
        }
        self.out.push(b'"');
    }

    fn table(&mut self, table: &Table, depth: i64) -> Outcome<()> {
        if depth > self.settings.encode_depth_max.min(NESTING_MAX) {
            return Err(format!("Cannot serialise, excessive nesting ({depth})").into());
        }
        // In two passes, for a state of Lua refers to no more than some thousand values from outside.
        let (mut count, mut largest) = (0, Some(0));
        for entry in table.pairs::<Value, Value>() {
            let index = match entry?.0 {
                Value::Integer(n) => Some(n),
                Value::Number(x) if x.fract() == 0.0 => Some(x as i64),
                _ => None,
            };
            largest = match (largest, index) {
                (Some(largest), Some(index)) if index > 0 => Some(index.max(largest)),
                _ => None,
            };
            count += 1;
        }
        match largest {
            Some(len) if len > 0 && !self.is_sparse(len, count)? => self.array(table, len, depth),
            _ => self.object(table, depth),
        }
    }

    /// Whether an array has so many holes that it is written as an object.
    fn is_sparse(&self, len: i64, filled: usize) -> Outcome<bool> {
        let Settings { sparse_ratio: ratio, sparse_safe: safe, sparse_converts, .. } =
            self.settings;
        let filled = i64::try_from(filled).unwrap_or(i64::MAX);
        let sparse = ratio > 0 && len > filled.saturating_mul(ratio) && len > safe;
        if sparse && !sparse_converts {
            return Err("Cannot serialise table: excessively sparse array".into());
        }
        Ok(sparse)
    }

    fn array(&mut self, table: &Table, len: i64, depth: i64) -> Outcome<()> {
        self.out.push(b'[');
        for at in 1..=len {
            if at > 1 {
                self.out.push(b',');
            }
            self.value(&table.raw_get::<Value>(at as f64)?, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: i64) -> Outcome<()> {
        self.out.push(b'{');
        for (at, entry) in table.pairs::<Value, Value>().enumerate() {
            let (key, value) = entry?;
            if at > 0 {
                self.out.push(b',');
            }
            match &key {
                Value::String(text) => self.string(&text.as_bytes()),
                Value::Integer(_) | Value::Number(_) => {
                    self.out.push(b'"');
                    self.value(&key, depth)?;
                    self.out.push(b'"');
                }
                other => {
                    let kind = other.type_name();
                    let why = "table key must be a number or string";
                    return Err(format!("Cannot serialise {kind}: {why}").into());
                }
            }
            self.out.push(b':');
            self.value(&value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }
}
