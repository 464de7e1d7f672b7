//! DUMP key, RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]

use crate::commands::prelude::*;
use crate::rdb;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Generic, "dump", 2, dump).extent(Extent::Whole)
        .syntax("key")
        .about("2.6.0", "A value in Redis's own format, for RESTORE."),
    Command::write(Group::Generic, "restore", -4, restore).flags(Flags::DENYOOM).access(Access::OVERWRITE).also_in(Categories::DANGEROUS)
        .syntax("key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency:integer]")
        .about("2.6.0", "Makes a key of what DUMP has answered."),
    Command::write(Group::Server, "restore-asking", -4, restore).flags(Flags::DENYOOM).access(Access::OVERWRITE).also_in(Categories::DANGEROUS.and(Categories::KEYSPACE))
        .syntax("key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency:integer]")
        .about("3.0.0", "RESTORE, for a slot that is on its way to another node."),
];

fn dump(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    match keyspace.get(args[1], ctx.now) {
        Some(object) => out.bulk(&rdb::dump(object)),
        None => out.null(),
    }
    Ok(())
}

fn restore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const BUSY: Failure = Failure("BUSYKEY Target key name already exists.");
    const TTL: Failure = Failure("ERR Invalid TTL value, must be >= 0");
    let options = Options::parse(&args[4..])?;
    if !options.replace && keyspace.exists(args[1], ctx.now) {
        return Err(BUSY);
    }
    let ttl = u64::try_from(args::integer(args[2])?).map_err(|_| TTL)?;
    let mut object = rdb::restore(args[1], args[3])?;
    let base = if options.absolute { 0 } else { ctx.now.0 };
    let expire = (ttl > 0).then(|| Millis(base.saturating_add(ttl)));
    let is_empty = object.is_expired(ctx.now);
    object.drop_passed_fields(ctx.now, usize::MAX);
    if is_empty || expire.is_some_and(|at| at <= ctx.now) {
        keyspace.delete(args[1], ctx.now);
    } else {
        object.set_expire(expire);
        let spot = keyspace.open(args[1], ctx.now);
        keyspace.put(spot, object);
    }
    out.simple("OK");
    Ok(())
}

#[derive(Default)]
struct Options {
    replace: bool,
    /// The time to live is a point in time.
    absolute: bool,
}

impl Options {
    /// IDLETIME and FREQ are checked and of no effect: reading leaves no trace on a key.
    fn parse(mut rest: &Args<'_>) -> Result<Self, Failure> {
        const IDLE: Failure = Failure("ERR Invalid IDLETIME value, must be >= 0");
        const FREQUENCY: Failure = Failure("ERR Invalid FREQ value, must be >= 0 and <= 255");
        let mut options = Self::default();
        let (mut idle, mut frequency) = (false, false);
        while let [word, after @ ..] = rest {
            rest = after;
            if args::is(word, "REPLACE") {
                options.replace = true;
            } else if args::is(word, "ABSTTL") {
                options.absolute = true;
            } else if let [seconds, after @ ..] = rest
                && args::is(word, "IDLETIME")
                && !frequency
            {
                if args::integer(seconds)? < 0 {
                    return Err(IDLE);
                }
                (idle, rest) = (true, after);
            } else if let [value, after @ ..] = rest
                && args::is(word, "FREQ")
                && !idle
            {
                if !(0..=255).contains(&args::integer(value)?) {
                    return Err(FREQUENCY);
                }
                (frequency, rest) = (true, after);
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(options)
    }
}
