//! MessagePack being read. Lengths are what a script says they are, so none is believed before the bytes are there.

use super::Fault;
use mlua::{Lua, Value};

/// How deep values may lie in each other.
const NESTING_MAX: usize = 200;

type Outcome<T> = std::result::Result<T, Fault>;

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// `at <= bytes.len()`.
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub fn offset(&self) -> usize {
        self.at
    }

    /// The next value.
    pub fn value(&mut self, lua: &Lua, depth: usize) -> Outcome<Value> {
        if depth > NESTING_MAX {
            return Err("stack overflow (too many nested values)".into());
        }
        let marker = self.take(1)?[0];
        Ok(match marker {
            0x00..=0x7f => Value::Number(f64::from(marker)),
            0x80..=0x8f => return self.map(lua, usize::from(marker & 0x0f), depth),
            0x90..=0x9f => return self.array(lua, usize::from(marker & 0x0f), depth),
            0xa0..=0xbf => return self.string(lua, usize::from(marker & 0x1f)),
            0xc0 => Value::Nil,
            0xc2 => Value::Boolean(false),
            0xc3 => Value::Boolean(true),
            0xc4 | 0xd9 => return self.sized_string(lua, 1),
            0xc5 | 0xda => return self.sized_string(lua, 2),
            0xc6 | 0xdb => return self.sized_string(lua, 4),
            0xca => Value::Number(f64::from(f32::from_bits(self.unsigned(4)? as u32))),
            0xcb => Value::Number(f64::from_bits(self.unsigned(8)?)),
            0xcc..=0xcf => Value::Number(self.unsigned(1 << (marker - 0xcc))? as f64),
            0xd0..=0xd3 => {
                let len = 1 << (marker - 0xd0);
                let unused = 64 - 8 * len as u32;
                Value::Number((((self.unsigned(len)? << unused) as i64) >> unused) as f64)
            }
            0xdc | 0xdd => {
                let len = self.unsigned(if marker == 0xdc { 2 } else { 4 })?;
                return self.array(lua, len as usize, depth);
            }
            0xde | 0xdf => {
                let len = self.unsigned(if marker == 0xde { 2 } else { 4 })?;
                return self.map(lua, len as usize, depth);
            }
            0xe0..=0xff => Value::Number(f64::from(marker as i8)),
            _ => return Err("Bad data format in input.".into()),
        })
    }

    fn take(&mut self, len: usize) -> Outcome<&'a [u8]> {
        let end = self.at.checked_add(len);
        let bytes = end.and_then(|end| self.bytes.get(self.at..end));
        let bytes = bytes.ok_or(Fault::from("Missing bytes in input."))?;
        self.at += len;
        Ok(bytes)
    }

    fn unsigned(&mut self, len: usize) -> Outcome<u64> {
        Ok(self.take(len)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn sized_string(&mut self, lua: &Lua, len_bytes: usize) -> Outcome<Value> {
        let len = self.unsigned(len_bytes)? as usize;
        self.string(lua, len)
    }

    fn string(&mut self, lua: &Lua, len: usize) -> Outcome<Value> {
        Ok(Value::String(lua.create_string(self.take(len)?)?))
    }

    fn array(&mut self, lua: &Lua, len: usize, depth: usize) -> Outcome<Value> {
        let table = lua.create_table()?;
        for at in 1..=len {
            table.raw_set(at, self.value(lua, depth + 1)?)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, lua: &Lua, len: usize, depth: usize) -> Outcome<Value> {
        let table = lua.create_table()?;
        for _ in 0..len {
            let key = self.value(lua, depth + 1)?;
            let value = self.value(lua, depth + 1)?;
            let usable = match &key {
                Value::Nil => false,
                Value::Number(x) => !x.is_nan(),
                Value::Table(_) => return Err("a key of a map is an object".into()),
                _ => true,
            };
            if !usable {
                return Err("Bad data format in input.".into());
            }
            table.raw_set(key, value)?;
        }
        Ok(Value::Table(table))
    }
}
