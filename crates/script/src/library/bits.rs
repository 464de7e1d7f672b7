//! `bit`: operations on 32 bits, as the BitOp library defines them.

use super::{Arguments, Fault, add};
use mlua::{Lua, Result, Table};

type Bits = std::result::Result<i32, Fault>;

pub(super) fn library(lua: &Lua) -> Result<Table> {
    let bit = lua.create_table()?;
    add(lua, &bit, "tobit", |_, args| operand(args, 0))?;
    add(lua, &bit, "bnot", |_, args| Ok(!operand(args, 0)?))?;
    add(lua, &bit, "band", |_, args| fold(args, |a, b| a & b))?;
    add(lua, &bit, "bor", |_, args| fold(args, |a, b| a | b))?;
    add(lua, &bit, "bxor", |_, args| fold(args, |a, b| a ^ b))?;
    add(lua, &bit, "lshift", |_, args| shift(args, |x, n| ((x as u32) << n) as i32))?;
    add(lua, &bit, "rshift", |_, args| shift(args, |x, n| ((x as u32) >> n) as i32))?;
    add(lua, &bit, "arshift", |_, args| shift(args, |x, n| x >> n))?;
    add(lua, &bit, "rol", |_, args| shift(args, i32::rotate_left))?;
    add(lua, &bit, "ror", |_, args| shift(args, i32::rotate_right))?;
    add(lua, &bit, "bswap", |_, args| Ok(operand(args, 0)?.swap_bytes()))?;
    add(lua, &bit, "tohex", tohex)?;
    Ok(bit)
}

/// A number rounded to an integer and cut to its lowest 32 bits.
fn operand(args: &Arguments, at: usize) -> Bits {
    const MODULUS: f64 = 4_294_967_296.0;
    let rounded = args.number(at)?.round_ties_even() % MODULUS;
    Ok(rounded as i64 as i32)
}

fn fold(args: &Arguments, combine: impl Fn(i32, i32) -> i32) -> Bits {
    let first = operand(args, 0)?;
    (1..args.len()).try_fold(first, |bits, at| Ok(combine(bits, operand(args, at)?)))
}

fn shift(args: &Arguments, shift: impl Fn(i32, u32) -> i32) -> Bits {
    let bits = operand(args, 0)?;
    Ok(shift(bits, operand(args, 1)? as u32 & 31))
}

/// Up to eight hexadecimal digits; a negative number of them asks for capitals.
fn tohex(_: &Lua, args: &Arguments) -> std::result::Result<String, Fault> {
    let bits = operand(args, 0)?;
    let wanted = if args.len() > 1 { operand(args, 1)? } else { 8 };
    let digits = wanted.unsigned_abs().min(8) as usize;
    let text = match wanted < 0 {
        true => format!("{bits:08X}"),
        false => format!("{bits:08x}"),
    };
    Ok(text[8 - digits..].to_owned())
}
