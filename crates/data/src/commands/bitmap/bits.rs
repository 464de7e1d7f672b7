//! SETBIT key offset 0|1, GETBIT key offset

use super::bit_offset;
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Bitmap, "getbit", 3, getbit).flags(Flags::FAST)
        .syntax("key offset")
        .about("2.2.0", "The bit at a position of a string."),
    Command::write(Group::Bitmap, "setbit", 4, setbit).flags(Flags::DENYOOM).access(Access::READ_UPDATE)
        .syntax("key offset value:integer")
        .about("2.2.0", "Sets the bit at a position of a string, which grows as needed, and answers the one before."),
];

fn bit_of(bytes: &[u8], offset: u64) -> bool {
    bytes.get((offset >> 3) as usize).is_some_and(|byte| byte >> (7 - (offset & 7)) & 1 == 1)
}

fn getbit(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let offset = bit_offset(args[2])?;
    let text = keyspace.text(args[1], ctx.now)?;
    let bit = text.is_some_and(|text| text.with(|bytes| bit_of(bytes, offset)));
    out.integer(i64::from(bit));
    Ok(())
}

fn setbit(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const BAD_BIT: Failure = Failure("ERR bit is not an integer or out of range");
    let offset = bit_offset(args[2])?;
    let wanted = match crate::number::parse_i64(args[3]) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(BAD_BIT),
    };
    let at = (offset >> 3) as usize;
    let before = keyspace.edit_text(args[1], ctx.now, |bytes| {
        let before = bit_of(bytes, offset);
        let grows = bytes.len() <= at;
        if grows {
            bytes.resize(at + 1, 0);
        }
        let mask = 0x80u8 >> (offset & 7);
        bytes[at] = if wanted { bytes[at] | mask } else { bytes[at] & !mask };
        (before, grows || before != wanted)
    })?;
    out.integer(i64::from(before));
    Ok(())
}
