//! `struct`: numbers and strings laid out in bytes as C would, by a format of letters.

use super::{Arguments, Fault, add};
use crate::number::truncated;
use mlua::{Lua, MultiValue, Result, Table, Value};
use synod_types::limits;

/// The largest integer, in bytes.
const INTEGER_BYTES_MAX: usize = 32;
const ALIGNMENT_DEFAULT: usize = 8;
const TOO_SHORT: &str = "data string too short";

type Outcome<T> = std::result::Result<T, Fault>;

pub(super) fn library(lua: &Lua) -> Result<Table> {
    let library = lua.create_table()?;
    add(lua, &library, "pack", pack)?;
    add(lua, &library, "unpack", unpack)?;
    add(lua, &library, "size", size)?;
    Ok(library)
}

/// A format being read, and the byte order and alignment it has set by now.
struct Format<'a> {
    /// The function that reads it, for errors.
    name: &'static str,
    rest: &'a [u8],
    little: bool,
    align: usize,
}

/// One letter of a format with its size.
#[derive(Clone, Copy)]
struct Item {
    letter: u8,
    size: usize,
    /// How many bytes fill up before it.
    padding: usize,
}

impl<'a> Format<'a> {
    fn new(name: &'static str, text: &'a [u8]) -> Self {
        Self { name, rest: text, little: true, align: 1 }
    }

    /// The next item for a place so many bytes from the start; settings between them are taken in.
    fn next(&mut self, at: usize) -> Outcome<Option<Item>> {
        while let [letter, rest @ ..] = self.rest {
            self.rest = rest;
            let size = match letter {
                b'b' | b'B' | b'x' => 1,
                b'h' | b'H' => 2,
                b'f' => 4,
                b'l' | b'L' | b'T' | b'd' => 8,
                b'c' => self.count(1)?,
                b's' => 0,
                b'i' | b'I' => match self.count(4)? {
                    size if size > INTEGER_BYTES_MAX => {
                        return Err(format!(
                            "integral size {size} is larger than limit of {INTEGER_BYTES_MAX}"
                        )
                        .into());
                    }
                    size => size,
                },
                _ => {
                    self.set(*letter)?;
                    continue;
                }
            };
            return Ok(Some(Item {
                letter: *letter,
                size,
                padding: self.padding(at, *letter, size),
            }));
        }
        Ok(None)
    }

    fn set(&mut self, letter: u8) -> Outcome<()> {
        match letter {
            b' ' => {}
            b'>' => self.little = false,
            b'<' => self.little = true,
            b'!' => match self.count(ALIGNMENT_DEFAULT)? {
                align if align.is_power_of_two() => self.align = align,
                align => return Err(format!("alignment {align} is not a power of 2").into()),
            },
            other => {
                let why = format!("invalid format option '{}'", other as char);
                return Err(format!("bad argument #1 to '{}' ({why})", self.name).into());
            }
        }
        Ok(())
    }

    /// The decimal number that follows, if one does.
    fn count(&mut self, default: usize) -> Outcome<usize> {
        let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        if digits == 0 {
            return Ok(default);
        }
        number.iter().try_fold(0usize, |sum, digit| {
            let sum = sum * 10 + usize::from(digit - b'0');
            if sum > i32::MAX as usize { Err("integral size overflow".into()) } else { Ok(sum) }
        })
    }

    fn padding(&self, at: usize, letter: u8, size: usize) -> usize {
        let size = size.min(self.align);
        if size < 2 || letter == b'c' || !size.is_power_of_two() {
            return 0;
        }
        (size - at % size) % size
    }
}

fn pack(lua: &Lua, args: &Arguments) -> Outcome<Value> {
    let text = args.bytes(0)?;
    let mut format = Format::new(args.name, &text);
    let mut out: Vec<u8> = Vec::new();
    let mut at = 0;
    while let Some(item) = format.next(out.len())? {
        if item.size + item.padding > limits::BULK_BYTES_MAX - out.len().min(limits::BULK_BYTES_MAX)
        {
            return Err("the packed string is too long".into());
        }
        out.resize(out.len() + item.padding, 0);
        match item.letter {
            b'x' => out.push(0),
            b'f' | b'd' => {
                at += 1;
                let x = args.number(at)?;
                let bytes = if item.size == 4 {
                    (x as f32).to_le_bytes().to_vec()
                } else {
                    x.to_le_bytes().to_vec()
                };
                put_ordered(&mut out, &bytes, format.little);
            }
            b'c' | b's' => {
                at += 1;
                let bytes = args.bytes(at)?;
                let len = if item.size == 0 { bytes.len() } else { item.size };
                let part =
                    bytes.get(..len).ok_or_else(|| args.fault(at + 1, "string too short"))?;
                out.extend_from_slice(part);
                if item.letter == b's' {
                    out.push(0);
                }
            }
            _ => {
                at += 1;
                let x = args.number(at)?;
                // Beyond the range of signed numbers a positive one is taken as unsigned.
                let bits = if x < 0.0 { truncated(x) as u64 } else { x as u64 };
                let mut bytes = [0; INTEGER_BYTES_MAX];
                bytes[..8].copy_from_slice(&bits.to_le_bytes());
                put_ordered(&mut out, &bytes[..item.size], format.little);
            }
        }
    }
    Ok(Value::String(lua.create_string(out)?))
}

fn put_ordered(out: &mut Vec<u8>, bytes: &[u8], little: bool) {
    match little {
        true => out.extend_from_slice(bytes),
        false => out.extend(bytes.iter().rev()),
    }
}

fn unpack(lua: &Lua, args: &Arguments) -> Outcome<MultiValue> {
    let (text, data) = (args.bytes(0)?, args.bytes(1)?);
    let start = args.integer_or(2, 1)?;
    let Some(mut at) = usize::try_from(start).ok().and_then(|start| start.checked_sub(1)) else {
        return Err(args.fault(2, "offset must be 1 or greater"));
    };
    let mut format = Format::new(args.name, &text);
    let mut values: Vec<Value> = Vec::new();
    while let Some(item) = format.next(at)? {
        at = at.saturating_add(item.padding);
        let size = match (item.letter, item.size) {
            (b'c', 0) => previous_size(&mut values)?,
            (b's', _) => {
                let rest = data.get(at..).unwrap_or_default();
                let end = rest.iter().position(|byte| *byte == 0);
                end.ok_or(Fault::from("unfinished string in data"))?
            }
            (_, size) => size,
        };
        let bytes = at.checked_add(size).and_then(|end| data.get(at..end));
        let bytes = bytes.ok_or_else(|| args.fault(1, TOO_SHORT))?;
        at += size;
        match item.letter {
            b'x' => {}
            b'c' => values.push(Value::String(lua.create_string(bytes)?)),
            b's' => {
                at += 1;
                values.push(Value::String(lua.create_string(bytes)?));
            }
            letter => values.push(Value::Number(number(letter, bytes, format.little))),
        }
        if values.len() > limits::SCRIPT_VALUES_MAX {
            return Err("too many results".into());
        }
    }
    values.push(Value::Number(at as f64 + 1.0));
    Ok(MultiValue::from_vec(values))
}

/// The number that was unpacked last, which says how long a `c0` is.
fn previous_size(values: &mut Vec<Value>) -> Outcome<usize> {
    match values.pop() {
        Some(Value::Number(x)) if x < 0.0 => Ok(usize::MAX),
        Some(Value::Number(x)) => Ok(x as usize),
        _ => Err("format 'c0' needs a previous size".into()),
    }
}

fn number(letter: u8, bytes: &[u8], little: bool) -> f64 {
    let mut ordered = bytes.to_vec();
    if !little {
        ordered.reverse();
    }
    let mut eight = [0; 8];
    let len = ordered.len().min(8);
    eight[..len].copy_from_slice(&ordered[..len]);
    let bits = u64::from_le_bytes(eight);
    match letter {
        b'f' => f64::from(f32::from_bits(bits as u32)),
        b'd' => f64::from_bits(bits),
        _ if len == 0 => 0.0,
        letter if letter.is_ascii_lowercase() => {
            let unused = 64 - 8 * len as u32;
            (((bits << unused) as i64) >> unused) as f64
        }
        _ => bits as f64,
    }
}

fn size(_: &Lua, args: &Arguments) -> Outcome<f64> {
    let text = args.bytes(0)?;
    let mut format = Format::new(args.name, &text);
    let mut at = 0usize;
    while let Some(item) = format.next(at)? {
        match (item.letter, item.size) {
            (b's', _) => return Err(args.fault(0, "option 's' has no fixed size")),
            (b'c', 0) => return Err(args.fault(0, "option 'c0' has no fixed size")),
            (_, size) => at = at.saturating_add(item.padding).saturating_add(size),
        }
        if at > i32::MAX as usize {
            return Err(args.fault(0, "format too large"));
        }
    }
    Ok(at as f64)
}
