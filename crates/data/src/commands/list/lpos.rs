//! LPOS key element [RANK rank] [COUNT count] [MAXLEN len]

use crate::commands::prelude::*;
use crate::value::View;
use crate::value::list::List;
use crate::value::packed;
use std::ops::ControlFlow;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::List, "lpos", -3, lpos)
        .syntax("key element [RANK rank] [COUNT num-matches] [MAXLEN len]")
        .about("6.0.6", "Returns the index of matching elements in a list."),
];

struct Options {
    /// How many matches to pass over.
    skip: u64,
    from_back: bool,
    /// How many to report; `None`: one, and not in an array.
    count: Option<usize>,
    /// How many elements to look at.
    look: usize,
}

fn lpos(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let options = parse(&args[3..])?;
    let found = match keyspace.view::<List>(args[1], ctx.now)? {
        Some(list) => positions(&list, args[2], &options),
        None => Vec::new(),
    };
    match (options.count, found.first()) {
        (Some(_), _) => {
            out.array(found.len());
            found.iter().for_each(|at| out.integer(*at as i64));
        }
        (None, Some(at)) => out.integer(*at as i64),
        (None, None) => out.null(),
    }
    Ok(())
}

fn positions(list: &View<'_, List>, element: &[u8], options: &Options) -> Vec<usize> {
    let wanted = packed::item_of(element);
    let limit = match options.count {
        None => 1,
        Some(0) => usize::MAX,
        Some(count) => count,
    };
    let (mut skip, mut look) = (options.skip, options.look);
    let mut found = Vec::new();
    list.walk(options.from_back, |at, item| {
        if item == wanted {
            if skip == 0 {
                found.push(at);
            }
            skip = skip.saturating_sub(1);
        }
        look -= 1;
        if look == 0 || found.len() == limit {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found
}

fn parse(options: &[&[u8]]) -> Result<Options, Failure> {
    const RANK: Failure = Failure(
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
    );
    // Redis 7.0 overflows here; this is what later ones answer.
    const RANK_MIN: Failure = Failure(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    const COUNT: Failure = Failure("ERR COUNT can't be negative");
    const MAXLEN: Failure = Failure("ERR MAXLEN can't be negative");
    let mut parsed = Options { skip: 0, from_back: false, count: None, look: usize::MAX };
    for pair in options.chunks(2) {
        let [word, value] = *pair else { return Err(error::SYNTAX) };
        if args::is(word, "RANK") {
            let rank = args::integer(value)?;
            if rank == i64::MIN {
                return Err(RANK_MIN);
            }
            parsed.skip = rank.unsigned_abs().checked_sub(1).ok_or(RANK)?;
            parsed.from_back = rank < 0;
        } else if args::is(word, "COUNT") {
            parsed.count = Some(args::at_least_zero(value, COUNT)?);
        } else if args::is(word, "MAXLEN") {
            let look = args::at_least_zero(value, MAXLEN)?;
            parsed.look = if look == 0 { usize::MAX } else { look };
        } else {
            return Err(error::SYNTAX);
        }
    }
    Ok(parsed)
}
