//! LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]

use crate::commands::prelude::*;
use crate::object::Text;
use synod_types::limits::LCS_CELLS_MAX;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::String, "lcs", -3, lcs).extent(Extent::Product).keys(1, 2, 1)
        .syntax("key1:key key2:key [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]")
        .about("7.0.0", "The longest common subsequence of two strings."),
];

/// A run of bytes that both strings have in common: where it lies in each, and how long it is.
struct Match {
    a: usize,
    b: usize,
    len: usize,
}

#[derive(Default)]
struct Options {
    len: bool,
    index: bool,
    len_min: usize,
    with_len: bool,
}

fn lcs(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    const WRONG_TYPE: Failure = Failure("ERR The specified keys must contain string values");
    const TOO_LONG: Failure =
        Failure("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    let text = |key: &[u8]| {
        let text = keyspace.text(key, ctx.now).map_err(|_| WRONG_TYPE)?;
        Ok(text.map_or_else(Vec::new, Text::into_vec))
    };
    let (a, b) = (text(args[1])?, text(args[2])?);
    let options = Options::parse(&args[3..])?;
    if (a.len() + 1).saturating_mul(b.len() + 1) > LCS_CELLS_MAX {
        return Err(TOO_LONG);
    }
    let table = Table::fill(&a, &b);
    if options.len {
        out.integer(table.at(a.len(), b.len()).into());
        return Ok(());
    }
    let (common, mut matches) = table.trace(&a, &b);
    if !options.index {
        out.bulk(&common);
        return Ok(());
    }
    matches.retain(|found| found.len >= options.len_min);
    reply(&matches, table.at(a.len(), b.len()), options.with_len, out);
    Ok(())
}

/// The runs from the last to the first, each as its first and last position in either string.
fn reply(matches: &[Match], len: u32, with_len: bool, out: &mut dyn ReplySink) {
    out.map(2);
    out.bulk(b"matches");
    out.array(matches.len());
    for found in matches {
        out.array(if with_len { 3 } else { 2 });
        for start in [found.a, found.b] {
            out.array(2);
            out.integer(start as i64);
            out.integer((start + found.len - 1) as i64);
        }
        if with_len {
            out.integer(found.len as i64);
        }
    }
    out.bulk(b"len");
    out.integer(len.into());
}

impl Options {
    fn parse(mut rest: &Args<'_>) -> Result<Self, Failure> {
        const BOTH: Failure =
            Failure("ERR If you want both the length and indexes, please just use IDX.");
        let mut options = Self::default();
        while let [word, after @ ..] = rest {
            rest = after;
            if args::is(word, "IDX") {
                options.index = true;
            } else if args::is(word, "LEN") {
                options.len = true;
            } else if args::is(word, "WITHMATCHLEN") {
                options.with_len = true;
            } else if let [len, after @ ..] = rest
                && args::is(word, "MINMATCHLEN")
            {
                options.len_min = usize::try_from(args::integer(len)?).unwrap_or(0);
                rest = after;
            } else {
                return Err(error::SYNTAX);
            }
        }
        if options.index && options.len { Err(BOTH) } else { Ok(options) }
    }
}

/// The length of the longest common subsequence of every two beginnings.
struct Table {
    width: usize,
    cells: Vec<u32>,
}

impl Table {
    fn fill(a: &[u8], b: &[u8]) -> Self {
        let width = b.len() + 1;
        let mut table = Self { width, cells: vec![0; (a.len() + 1) * width] };
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                table.cells[(i + 1) * width + j + 1] = if x == y {
                    table.at(i, j) + 1
                } else {
                    table.at(i + 1, j).max(table.at(i, j + 1))
                };
            }
        }
        table
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    /// Walks from the ends to the beginnings, as Redis does where there is a choice: the common subsequence, and its
    /// runs from the last to the first.
    fn trace(&self, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Match>) {
        let (mut i, mut j) = (a.len(), b.len());
        let mut common = Vec::new();
        let mut matches: Vec<Match> = Vec::new();
        while i > 0 && j > 0 {
            if a[i - 1] != b[j - 1] {
                if self.at(i - 1, j) > self.at(i, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
                continue;
            }
            (i, j) = (i - 1, j - 1);
            common.push(a[i]);
            match matches.last_mut().filter(|found| found.a == i + 1 && found.b == j + 1) {
                Some(found) => *found = Match { a: i, b: j, len: found.len + 1 },
                None => matches.push(Match { a: i, b: j, len: 1 }),
            }
        }
        common.reverse();
        (common, matches)
    }
}
