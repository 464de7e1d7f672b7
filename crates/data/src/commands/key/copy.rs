//! COPY source destination [DB 0] [REPLACE]

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Generic, "copy", -3, copy).extent(Extent::Whole).flags(Flags::DENYOOM).keys(1, 2, 1).accesses(Access::READ, Access::OVERWRITE)
        .syntax("source destination [DB destination-db] [REPLACE]")
        .about("6.2.0", "Copies a value to another key."),
];

const SAME: Failure = Failure("ERR source and destination objects are the same");
const NO_SUCH_DB: Failure = Failure("ERR DB index is out of range");
const OTHER_DB: Failure = Failure("ERR Copying to another database is not allowed in cluster mode");
/// As many databases Redis has unless it is told otherwise; in a cluster only the first is used.
const DATABASES: i32 = 16;

fn copy(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let replace = parse(&args[3..])?;
    if args[1] == args[2] {
        return Err(SAME);
    }
    let copy = keyspace.get(args[1], ctx.now).cloned();
    let to = keyspace.open(args[2], ctx.now);
    let copied = match copy {
        Some(object) if replace || to.is_free() => {
            keyspace.put(to, object.renamed(args[2]));
            true
        }
        _ => false,
    };
    out.integer(i64::from(copied));
    Ok(())
}

/// Whether REPLACE was given. There is one database, 0.
fn parse(words: &[&[u8]]) -> Result<bool, Failure> {
    let mut replace = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if args::is(word, "REPLACE") {
            replace = true;
        } else if args::is(word, "DB")
            && let Some(db) = words.next()
        {
            match args::database(db)? {
                0 => {}
                1..DATABASES => return Err(OTHER_DB),
                _ => return Err(NO_SUCH_DB),
            }
        } else {
            return Err(error::SYNTAX);
        }
    }
    Ok(replace)
}
