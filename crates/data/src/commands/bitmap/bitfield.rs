//! BITFIELD key [GET type offset] [OVERFLOW ...] [SET type offset value] [INCRBY type offset increment] ..., and
//! BITFIELD_RO, which only gets

use super::BAD_OFFSET;
use super::overflow::{IntType, Overflow};
use crate::commands::prelude::*;
use crate::number::parse_i64;
use synod_types::limits::BULK_BYTES_MAX;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Bitmap, "bitfield", -2, bitfield).flags(Flags::DENYOOM).access(Access::BY_OPTION)
        .syntax("key [<GET <encoding offset> | [OVERFLOW <WRAP | SAT | FAIL>] <SET <encoding offset value:integer> | INCRBY <encoding offset increment>>>...]")
        .about("3.2.0", "Reads and changes integers of any width at any bit of a string."),
    Command::read(Group::Bitmap, "bitfield_ro", -2, bitfield_ro).flags(Flags::FAST)
        .syntax("key [GET <encoding offset>]...")
        .about("6.0.0", "Reads integers of any width at any bit of a string."),
];

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

#[derive(Clone, Copy)]
struct Step {
    action: Action,
    int: IntType,
    offset: u64,
    overflow: Overflow,
}

fn bitfield(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let steps = parse(&args[2..])?;
    let writes = steps.iter().filter(|step| !matches!(step.action, Action::Get));
    let Some(end) = writes.map(Step::end).max() else {
        return get_all(keyspace, args[1], &steps, ctx, out);
    };
    let answers = keyspace.edit_text(args[1], ctx.now, |bytes| {
        let len = bytes.len();
        bytes.resize(len.max(end), 0);
        let mut written = Written::default();
        let run = |step: &Step| step.run(bytes, &mut written);
        let answers: Vec<Option<i64>> = steps.iter().map(run).collect();
        if !written.any {
            bytes.truncate(len); // every write failed
        }
        (answers, written.other || (written.any && len < end))
    })?;
    out.array(answers.len());
    for answer in answers {
        match answer {
            Some(n) => out.integer(n),
            None => out.null(),
        }
    }
    Ok(())
}

fn bitfield_ro(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const WRITES: Failure = Failure("ERR BITFIELD_RO only supports the GET subcommand");
    let steps = parse(&args[2..])?;
    if steps.iter().any(|step| !matches!(step.action, Action::Get)) {
        return Err(WRITES);
    }
    get_all(keyspace, args[1], &steps, ctx, out)
}

fn get_all(
    keyspace: &Keyspace,
    key: &[u8],
    steps: &[Step],
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let mut answer = |bytes: &[u8]| {
        out.array(steps.len());
        steps.iter().for_each(|step| out.integer(step.int.read(bytes, step.offset)));
    };
    match keyspace.text(key, ctx.now)? {
        Some(text) => text.with(answer),
        None => answer(b""),
    }
    Ok(())
}

/// What the steps of a call have written.
#[derive(Default)]
struct Written {
    any: bool,
    /// Something other than what was there.
    other: bool,
}

impl Step {
    /// How long the string is at least once this step has written.
    fn end(&self) -> usize {
        ((self.offset + u64::from(self.int.bits) - 1) >> 3) as usize + 1
    }

    fn run(&self, bytes: &mut [u8], written: &mut Written) -> Option<i64> {
        let before = self.int.read(bytes, self.offset);
        let (after, answer) = match self.action {
            Action::Get => return Some(before),
            Action::Set(value) => {
                // An unsigned type takes the value's 64 bits as they are.
                let value = if self.int.signed { value.into() } else { (value as u64).into() };
                (self.int.fit_set(value, self.overflow)?, before)
            }
            Action::Add(by) => {
                let sum = i128::from(before) + i128::from(by);
                let after = self.int.fit(sum, self.overflow)?;
                (after, after)
            }
        };
        written.any = true;
        written.other |= before != after;
        self.int.write(bytes, self.offset, after);
        Some(answer)
    }
}

fn parse(mut rest: &Args<'_>) -> Result<Vec<Step>, Failure> {
    const POLICY: Failure = Failure("ERR Invalid OVERFLOW type specified");
    let mut overflow = Overflow::Wrap;
    let mut steps = Vec::new();
    while let [word, after @ ..] = rest {
        let width = match after {
            [_, _, ..] if args::is(word, "GET") => 2,
            [_, _, _, ..] if args::is(word, "SET") || args::is(word, "INCRBY") => 3,
            [policy, after @ ..] if args::is(word, "OVERFLOW") => {
                overflow = match *policy {
                    policy if args::is(policy, "WRAP") => Overflow::Wrap,
                    policy if args::is(policy, "SAT") => Overflow::Saturate,
                    policy if args::is(policy, "FAIL") => Overflow::Fail,
                    _ => return Err(POLICY),
                };
                rest = after;
                continue;
            }
            _ => return Err(error::SYNTAX),
        };
        let int = IntType::parse(after[0])?;
        let offset = offset(after[1], int)?;
        let action = match width {
            2 => Action::Get,
            _ if args::is(word, "SET") => Action::Set(args::integer(after[2])?),
            _ => Action::Add(args::integer(after[2])?),
        };
        let step = Step { action, int, offset, overflow };
        if width == 3 && step.end() > BULK_BYTES_MAX {
            return Err(BAD_OFFSET);
        }
        steps.push(step);
        rest = &after[width..];
    }
    Ok(steps)
}

/// A position in bits, or with `#` in integers of the type.
fn offset(arg: &[u8], int: IntType) -> Result<u64, Failure> {
    let (text, scale) = match arg {
        [b'#', rest @ ..] => (rest, i64::from(int.bits)),
        _ => (arg, 1),
    };
    let bits = parse_i64(text).and_then(|n| n.checked_mul(scale));
    let bits = bits.and_then(|n| u64::try_from(n).ok());
    bits.filter(|bit| bit >> 3 < BULK_BYTES_MAX as u64).ok_or(BAD_OFFSET)
}
