//! EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT key time [NX | XX | GT | LT]; PERSIST key

use crate::commands::prelude::*;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Generic, "expire", -3, expire).flags(Flags::FAST)
        .syntax("key seconds [NX | XX | GT | LT]")
        .about("1.0.0", "Lets a key expire after some seconds."),
    Command::write(Group::Generic, "expireat", -3, expireat).flags(Flags::FAST)
        .syntax("key unix-time-seconds [NX | XX | GT | LT]")
        .about("1.2.0", "Lets a key expire at a Unix time in seconds."),
    Command::write(Group::Generic, "persist", 2, persist).flags(Flags::FAST)
        .syntax("key")
        .about("2.2.0", "Takes the expiry from a key."),
    Command::write(Group::Generic, "pexpire", -3, pexpire).flags(Flags::FAST)
        .syntax("key milliseconds [NX | XX | GT | LT]")
        .about("2.6.0", "Lets a key expire after some milliseconds."),
    Command::write(Group::Generic, "pexpireat", -3, pexpireat).flags(Flags::FAST)
        .syntax("key unix-time-milliseconds [NX | XX | GT | LT]")
        .about("2.6.0", "Lets a key expire at a Unix time in milliseconds."),
];

const NX_ALONE: Failure =
    Failure("ERR NX and XX, GT or LT options at the same time are not compatible");
const GT_OR_LT: Failure = Failure("ERR GT and LT options at the same time are not compatible");

fn expire(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let invalid = Failure("ERR invalid expire time in 'expire' command");
    change(keyspace, args, ctx, out, 1000, ctx.now, invalid)
}

fn pexpire(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let invalid = Failure("ERR invalid expire time in 'pexpire' command");
    change(keyspace, args, ctx, out, 1, ctx.now, invalid)
}

fn expireat(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let invalid = Failure("ERR invalid expire time in 'expireat' command");
    change(keyspace, args, ctx, out, 1000, Millis(0), invalid)
}

fn pexpireat(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let invalid = Failure("ERR invalid expire time in 'pexpireat' command");
    change(keyspace, args, ctx, out, 1, Millis(0), invalid)
}

fn persist(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let spot = keyspace.open(args[1], ctx.now);
    let had_one = keyspace.object(spot).is_some_and(|object| object.expire().is_some());
    if had_one {
        keyspace.set_expire_at(spot, None, ctx.now);
    }
    out.integer(i64::from(had_one));
    Ok(())
}

/// When a new time is accepted.
#[derive(Default)]
struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    /// `Err` holds the word that is no option.
    fn parse<'a>(words: &[&'a [u8]]) -> Result<Self, &'a [u8]> {
        let mut condition = Self::default();
        for word in words {
            let flag = if args::is(word, "NX") {
                &mut condition.nx
            } else if args::is(word, "XX") {
                &mut condition.xx
            } else if args::is(word, "GT") {
                &mut condition.gt
            } else if args::is(word, "LT") {
                &mut condition.lt
            } else {
                return Err(word);
            };
            *flag = true;
        }
        Ok(condition)
    }

    fn check(&self) -> Outcome {
        if self.nx && (self.xx || self.gt || self.lt) {
            return Err(NX_ALONE);
        }
        if self.gt && self.lt { Err(GT_OR_LT) } else { Ok(()) }
    }

    /// No expiry counts as one in the infinite future.
    fn accepts(&self, before: Option<Millis>, after: i64) -> bool {
        let before = before.map_or(i64::MAX, |at| i64::try_from(at.0).unwrap_or(i64::MAX));
        let has_one = before != i64::MAX;
        !(self.nx && has_one
            || self.xx && !has_one
            || self.gt && after <= before
            || self.lt && after >= before && has_one)
    }
}

fn change(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
    scale: i64,
    base: Millis,
    invalid: Failure,
) -> Outcome {
    let condition = match Condition::parse(&args[3..]) {
        Ok(condition) => condition,
        Err(word) => {
            out.error(&format!("ERR Unsupported option {}", String::from_utf8_lossy(word)));
            return Ok(());
        }
    };
    condition.check()?;
    let time = args::integer(args[2])?;
    let at =
        time.checked_mul(scale).and_then(|ms| ms.checked_add_unsigned(base.0)).ok_or(invalid)?;
    let spot = keyspace.open(args[1], ctx.now);
    let accepted =
        keyspace.object(spot).is_some_and(|object| condition.accepts(object.expire(), at));
    if accepted {
        // A time before the beginning of time is as past as any.
        keyspace.set_expire_at(spot, Some(Millis(at.max(0) as u64)), ctx.now);
    }
    out.integer(i64::from(accepted));
    Ok(())
}
