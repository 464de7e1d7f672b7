//! BITOP AND|OR|XOR|NOT destination key...

use crate::commands::prelude::*;
use crate::object::Text;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Bitmap, "bitop", -4, bitop).extent(Extent::Whole).flags(Flags::DENYOOM).keys(2, -1, 1).accesses(Access::OVERWRITE, Access::READ)
        .syntax("operation destkey:key key...")
        .about("2.6.0", "Combines strings bit by bit and stores the result."),
];

#[derive(Clone, Copy)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

fn bitop(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const ONE_SOURCE: Failure = Failure("ERR BITOP NOT must be called with a single source key.");
    let operation = match args[1] {
        word if args::is(word, "AND") => Operation::And,
        word if args::is(word, "OR") => Operation::Or,
        word if args::is(word, "XOR") => Operation::Xor,
        word if args::is(word, "NOT") => Operation::Not,
        _ => return Err(error::SYNTAX),
    };
    if matches!(operation, Operation::Not) && args.len() != 4 {
        return Err(ONE_SOURCE);
    }
    let sources = args[3..].iter().map(|key| keyspace.text(key, ctx.now));
    let sources: Vec<Option<Text<'_>>> = sources.collect::<Result<_, _>>()?;
    let result = combine(operation, &sources);
    out.integer(result.len() as i64);
    if result.is_empty() {
        keyspace.delete(args[2], ctx.now);
    } else {
        keyspace.store_text(args[2], result, ctx.now);
    }
    Ok(())
}

/// As long as the longest source; the others go on with zeros.
fn combine(operation: Operation, sources: &[Option<Text<'_>>]) -> Vec<u8> {
    let len = sources.iter().map(|source| source.map_or(0, Text::len)).max().unwrap_or(0);
    let mut result = sources.first().copied().flatten().map_or_else(Vec::new, Text::into_vec);
    result.resize(len, 0);
    if matches!(operation, Operation::Not) {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    for source in sources.iter().skip(1) {
        let with = |bytes: &[u8]| {
            let padded = bytes.iter().copied().chain(std::iter::repeat(0));
            for (byte, other) in result.iter_mut().zip(padded) {
                match operation {
                    Operation::And => *byte &= other,
                    Operation::Or => *byte |= other,
                    Operation::Xor => *byte ^= other,
                    Operation::Not => {}
                }
            }
        };
        source.unwrap_or(Text::Bytes(b"")).with(with);
    }
    result
}
