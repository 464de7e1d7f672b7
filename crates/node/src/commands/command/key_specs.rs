//! Which arguments are keys and what becomes of them, in the words of COMMAND.

use super::describe::status_set;
use synod_data::{Command, KeySpec, KeyWords};
use synod_types::ReplySink;

/// What becomes of the `nth` key of a command.
pub(super) fn flags(command: &Command, nth: usize) -> &'static [&'static str] {
    if nth == 0 { command.first_access.words() } else { command.access.words() }
}

/// What becomes of the `nth` key in this very call: SET reads its key only when it is to answer the old value.
pub(super) fn flags_of(command: &Command, words: &[&[u8]], nth: usize) -> &'static [&'static str] {
    if command.name != "set" {
        return flags(command, nth);
    }
    if words[3..].iter().any(|word| word.eq_ignore_ascii_case(b"get")) {
        &["RW", "access", "update"]
    } else {
        &["OW", "update"]
    }
}

/// The key specifications of a command: a range of positions, and what a count announces.
pub(super) fn write(command: &Command, out: &mut dyn ReplySink) {
    let KeySpec { first, last, step, count_at, words } = command.keys;
    let step = step.max(1);
    let splits = first > 0 && last != first && command.first_access != command.access;
    let specs = usize::from(first > 0)
        + usize::from(splits)
        + usize::from(count_at > 0)
        + usize::from(!matches!(words, KeyWords::None));
    out.set(specs);
    if splits {
        range(flags(command, 0), first, 0, 1, out);
        let rest = first + step;
        range(flags(command, 1), rest, if last < 0 { last } else { last - rest }, step, out);
    } else if first > 0 {
        range(flags(command, 0), first, if last < 0 { last } else { last - first }, step, out);
    }
    if count_at > 0 {
        let nth = usize::from(first > 0);
        begin(flags(command, nth), count_at, out);
        find("keynum", [("keynumidx", 0), ("firstkey", 1), ("keystep", step)], out);
    }
    match words {
        KeyWords::None => {}
        KeyWords::Streams => behind("STREAMS", command, 1, (-1, 2), out),
        // What the command that it names has for keys, no specification can say.
        KeyWords::Command(_) => range(flags(command, 0), 1, 0, 1, out),
        KeyWords::Migrated => behind("KEYS", command, -2, (-1, 0), out),
        KeyWords::Store(from) => behind("STORE", command, from, (0, 0), out),
    }
}

/// Keys behind a word: up to `last`, of which a `limit`-th part are keys.
fn behind(
    word: &str,
    command: &Command,
    from: i16,
    (last, limit): (i16, i16),
    out: &mut dyn ReplySink,
) {
    out.map(3);
    out.bulk(b"flags");
    status_set(flags(command, 1), out);
    out.bulk(b"begin_search");
    out.map(2);
    out.bulk(b"type");
    out.bulk(b"keyword");
    out.bulk(b"spec");
    out.map(2);
    out.bulk(b"keyword");
    out.bulk(word.as_bytes());
    out.bulk(b"startfrom");
    out.integer(from.into());
    find("range", [("lastkey", last), ("keystep", 1), ("limit", limit)], out);
}

/// `last` counts from the first key, or from the end when it is negative.
fn range(flags: &[&str], first: i16, last: i16, step: i16, out: &mut dyn ReplySink) {
    begin(flags, first, out);
    find("range", [("lastkey", last), ("keystep", step), ("limit", 0)], out);
}

fn begin(flags: &[&str], index: i16, out: &mut dyn ReplySink) {
    out.map(3);
    out.bulk(b"flags");
    status_set(flags, out);
    out.bulk(b"begin_search");
    out.map(2);
    out.bulk(b"type");
    out.bulk(b"index");
    out.bulk(b"spec");
    out.map(1);
    out.bulk(b"index");
    out.integer(index.into());
}

fn find(kind: &str, spec: [(&str, i16); 3], out: &mut dyn ReplySink) {
    out.bulk(b"find_keys");
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(3);
    for (name, number) in spec {
        out.bulk(name.as_bytes());
        out.integer(number.into());
    }
}
