//! `cmsgpack`: Lua values in MessagePack's encoding.

use super::msgpack_reader::Reader;
use super::{Arguments, Fault, add};
use crate::number::truncated;
use mlua::{Lua, MultiValue, Result, Table, Value};
use synod_types::limits;

/// How deep tables lie in each other; what is deeper becomes nil.
const NESTING_MAX: usize = 16;

type Outcome<T> = std::result::Result<T, Fault>;

pub(super) fn library(lua: &Lua) -> Result<Table> {
    let library = lua.create_table()?;
    add(lua, &library, "pack", pack)?;
    add(lua, &library, "unpack", |lua, args| unpack(lua, args, 0, 0, false))?;
    add(lua, &library, "unpack_one", |lua, args| {
        let offset = args.integer_or(1, 0)?;
        unpack(lua, args, 1, offset, true)
    })?;
    add(lua, &library, "unpack_limit", |lua, args| {
        args.number(1)?;
        let (limit, offset) = (args.integer_or(1, 0)?, args.integer_or(2, 0)?);
        unpack(lua, args, limit, offset, true)
    })?;
    library.raw_set("_NAME", "cmsgpack")?;
    library.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    library.raw_set("_COPYRIGHT", "Copyright (C) 2012, Redis Ltd.")?;
    library.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(library)
}

fn pack(lua: &Lua, args: &Arguments) -> Outcome<Value> {
    if args.len() == 0 {
        return Err("bad argument #0 to 'pack' (MessagePack pack needs input.)".into());
    }
    let mut out = Vec::new();
    for at in 0..args.len() {
        put(&mut out, args.get(at).unwrap_or(&Value::Nil), 0)?;
    }
    Ok(Value::String(lua.create_string(out)?))
}

fn put(out: &mut Vec<u8>, value: &Value, depth: usize) -> Outcome<()> {
    if out.len() > limits::BULK_BYTES_MAX {
        return Err("the packed string is too long".into());
    }
    match value {
        Value::Boolean(b) => out.push(if *b { 0xc3 } else { 0xc2 }),
        Value::Integer(n) => put_integer(out, *n),
        Value::Number(x) if *x == truncated(*x) as f64 => put_integer(out, truncated(*x)),
        Value::Number(x) => put_float(out, *x),
        Value::String(text) => {
            let bytes = text.as_bytes();
            put_head(out, bytes.len(), (0xa0, 31), &[0xd9, 0xda, 0xdb]);
            out.extend_from_slice(&bytes);
        }
        Value::Table(table) if depth < NESTING_MAX => put_table(out, table, depth + 1)?,
        _ => out.push(0xc0),
    }
    Ok(())
}

/// A length: in the first byte up to a maximum, else behind one of these markers in 1, 2 or 4 bytes. Two markers are
/// those of 2 and 4 bytes.
fn put_head(out: &mut Vec<u8>, len: usize, short: (u8, usize), markers: &[u8]) {
    let (base, max) = short;
    let long = &markers[markers.len() - 2..];
    if len <= max {
        out.push(base | len as u8);
    } else if markers.len() == 3 && len <= usize::from(u8::MAX) {
        out.extend_from_slice(&[markers[0], len as u8]);
    } else if len <= usize::from(u16::MAX) {
        out.push(long[0]);
        out.extend_from_slice(&(len as u16).to_be_bytes());
    } else {
        out.push(long[1]);
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

fn put_integer(out: &mut Vec<u8>, n: i64) {
    match n {
        0..=127 => out.push(n as u8),
        128..=0xff => out.extend_from_slice(&[0xcc, n as u8]),
        0x100..=0xffff => put_marked(out, 0xcd, &(n as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => put_marked(out, 0xce, &(n as u32).to_be_bytes()),
        0x1_0000_0000.. => put_marked(out, 0xcf, &n.to_be_bytes()),
        -32..=-1 => out.push(n as u8),
        -128..=-33 => out.extend_from_slice(&[0xd0, n as u8]),
        -0x8000..=-129 => put_marked(out, 0xd1, &(n as i16).to_be_bytes()),
        -0x8000_0000..=-0x8001 => put_marked(out, 0xd2, &(n as i32).to_be_bytes()),
        _ => put_marked(out, 0xd3, &n.to_be_bytes()),
    }
}

fn put_float(out: &mut Vec<u8>, x: f64) {
    let short = x as f32;
    match f64::from(short) == x {
        true => put_marked(out, 0xca, &short.to_be_bytes()),
        false => put_marked(out, 0xcb, &x.to_be_bytes()),
    }
}

fn put_marked(out: &mut Vec<u8>, marker: u8, bytes: &[u8]) {
    out.push(marker);
    out.extend_from_slice(bytes);
}

/// In two passes, for a state of Lua refers to no more than some thousand values from outside.
fn put_table(out: &mut Vec<u8>, table: &Table, depth: usize) -> Outcome<()> {
    let (mut count, mut largest) = (0, Some(0.0f64));
    for entry in table.pairs::<Value, Value>() {
        let index = match entry?.0 {
            Value::Integer(n) => Some(n as f64),
            Value::Number(x) if x.fract() == 0.0 => Some(x),
            Value::Boolean(_) | Value::Number(_) | Value::String(_) => None,
            _ => return Err("a key is an object, whose order is not that of other replicas".into()),
        };
        largest = match (largest, index) {
            (Some(largest), Some(index)) if index > 0.0 => Some(largest.max(index)),
            _ => None,
        };
        count += 1;
    }
    if largest == Some(count as f64) {
        put_head(out, count, (0x90, 15), &[0xdc, 0xdd]);
        for at in 1..=count {
            put(out, &table.raw_get::<Value>(at)?, depth)?;
        }
        return Ok(());
    }
    put_head(out, count, (0x80, 15), &[0xde, 0xdf]);
    for entry in table.pairs::<Value, Value>() {
        let (key, value) = entry?;
        put(out, &key, depth)?;
        put(out, &value, depth)?;
    }
    Ok(())
}

/// Reads values from an offset on: up to `limit` of them if that is not 0. With `tells_offset` the offset behind them
/// comes first, -1 at the end.
fn unpack(
    lua: &Lua,
    args: &Arguments,
    limit: i64,
    offset: i64,
    tells_offset: bool,
) -> Outcome<MultiValue> {
    let bytes = args.bytes(0)?;
    if offset < 0 || limit < 0 {
        let len = bytes.len();
        let text = format!("Invalid request to unpack with offset of {offset} and limit of {len}.");
        return Err(text.into());
    }
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let Some(rest) = bytes.get(start..).filter(|_| start <= bytes.len()) else {
        let len = bytes.len();
        return Err(format!("Start offset {offset} greater than input length {len}.").into());
    };
    let mut reader = Reader::new(rest);
    let mut values = Vec::new();
    while !reader.is_at_end() && (limit == 0 || (values.len() as i64) < limit) {
        values.push(reader.value(lua, 0)?);
        if values.len() > limits::SCRIPT_VALUES_MAX {
            return Err("too many values to unpack".into());
        }
    }
    if tells_offset {
        let next = if reader.is_at_end() { -1.0 } else { (start + reader.offset()) as f64 };
        values.insert(0, Value::Number(next));
    }
    Ok(MultiValue::from_vec(values))
}
