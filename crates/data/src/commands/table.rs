//! The table of all commands: name, arity, flags, key positions, and what runs them.
//!
//! A row stands beside its handler, in the file of its command. The rows are joined and indexed at compile
//! time, so finding a command allocates nothing and compares one name.

use super::{
    bitmap, geo, hash, hyperloglog, key, list, lock, script, session, set, stream, string, zset,
};
use crate::command::Command;

/// Family by family, file by file.
const FAMILIES: &[&[&[Command]]] = &[
    string::FILES,
    list::FILES,
    set::FILES,
    hash::FILES,
    zset::FILES,
    stream::FILES,
    bitmap::FILES,
    hyperloglog::FILES,
    geo::FILES,
    key::FILES,
    lock::FILES,
    script::FILES,
    &[session::ROWS],
];

const COUNT: usize = {
    let (mut count, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let mut file = 0;
        while file < FAMILIES[family].len() {
            count += FAMILIES[family][file].len();
            file += 1;
        }
        family += 1;
    }
    count
};

static COMMANDS: [Command; COUNT] = {
    let mut all = [session::ROWS[0]; COUNT];
    let (mut count, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let mut file = 0;
        while file < FAMILIES[family].len() {
            let rows = FAMILIES[family][file];
            let mut row = 0;
            while row < rows.len() {
                all[count] = rows[row];
                all[count].row = count as u16;
                count += 1;
                row += 1;
            }
            file += 1;
        }
        family += 1;
    }
    all
};

/// Room for the index: a power of two, sparse enough that nearly every name is found at once.
const BUCKETS: usize = 1024;

/// Open addressing by [`name_hash`]: a bucket holds the row's number plus one, 0 is empty.
static INDEX: [u16; BUCKETS] = {
    assert!(COUNT < BUCKETS / 2);
    let mut index = [0u16; BUCKETS];
    let mut row = 0;
    while row < COUNT {
        let mut at = name_hash(COMMANDS[row].name.as_bytes());
        while index[at] != 0 {
            at = (at + 1) % BUCKETS;
        }
        index[at] = row as u16 + 1;
        row += 1;
    }
    index
};

/// FNV-1a of the name in lower case, folded to a bucket.
const fn name_hash(name: &[u8]) -> usize {
    let mut hash = 0x811c_9dc5_u32;
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ name[at].to_ascii_lowercase() as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    (hash ^ (hash >> 15)) as usize % BUCKETS
}

/// The longest name, so that a long garbage name is not hashed.
const NAME_LEN_MAX: usize = 32;

/// The command with this name, in any case.
#[must_use]
#[inline]
pub fn lookup(name: &[u8]) -> Option<&'static Command> {
    if name.len() > NAME_LEN_MAX {
        return None;
    }
    let mut at = name_hash(name);
    loop {
        let command = &COMMANDS[usize::from(INDEX[at].checked_sub(1)?)];
        if command.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(command);
        }
        at = (at + 1) % BUCKETS;
    }
}

/// Every command, family by family.
pub fn commands() -> impl ExactSizeIterator<Item = &'static Command> {
    COMMANDS.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_and_only_once() {
        for command in commands() {
            let upper = command.name.to_uppercase();
            assert!(std::ptr::eq(lookup(upper.as_bytes()).unwrap(), command), "{}", command.name);
            assert_eq!(command.name, command.name.to_lowercase());
            assert!(command.name.len() <= NAME_LEN_MAX);
            assert!(!command.summary.is_empty() && !command.since.is_empty(), "{}", command.name);
        }
        assert!(lookup(b"nosuch").is_none());
        assert!(lookup(b"").is_none());
    }

    #[test]
    fn key_positions_are_those_of_redis() {
        let positions = |line: &str| {
            let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            lookup(args[0]).unwrap().key_positions(&args).collect::<Vec<_>>()
        };
        assert_eq!(positions("GET a"), [1]);
        assert_eq!(positions("PING"), []);
        assert_eq!(positions("DEL a b c"), [1, 2, 3]);
        assert_eq!(positions("MSET a 1 b 2"), [1, 3]);
        assert_eq!(positions("MSETEX 2 a 1 b 2 EX 5"), [2, 4]);
        assert_eq!(positions("MSETEX 9 a 1"), [2]);
        assert_eq!(positions("SORT a BY b_* GET STORE STORE c LIMIT 0 1"), [1, 7]);
        assert_eq!(positions("OBJECT ENCODING a"), [2]);
        assert_eq!(positions("COPY a b REPLACE"), [1, 2]);
        assert_eq!(positions("XREADGROUP GROUP streams c COUNT 1 STREAMS a b > >"), [7, 8]);
        assert_eq!(positions("XREADGROUP GROUP g c STREAMS a b >"), []);
        assert_eq!(positions("XREAD COUNT 1 STREAMS a b 0 $"), [4, 5]);
    }
}
