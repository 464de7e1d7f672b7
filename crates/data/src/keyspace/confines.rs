//! What scripts may reach that run on the scratch keyspace: the keys that were fetched for them, and so much work.
//!
//! A partition has all its keys, and a script there may touch any of them. On the scratch keyspace a key that nobody declared
//! is not there, whatever its partition holds: who asks for it is refused, and so is the whole transaction.

use crate::{Args, Command, Keyspace};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use synod_types::limits;

/// The answer to a script that asks for another key.
pub const UNDECLARED: &str = "ERR Script attempted to access a key that it did not declare, and its keys lie in different partitions";

/// The keys that patterns of SORT named and that were not fetched, in a keyspace that has only what was.
#[derive(Debug, Default)]
pub(crate) struct Sought(RefCell<BTreeSet<Vec<u8>>>);

impl Sought {
    /// Those since this was asked last.
    pub fn take(&self) -> BTreeSet<Vec<u8>> {
        self.0.take()
    }
}

/// The bounds of one transaction.
#[derive(Debug)]
pub(crate) struct Confines {
    keys: BTreeSet<Vec<u8>>,
    overstepped: Cell<bool>,
    /// How many instructions its scripts have left.
    instructions: Cell<u64>,
}

impl Confines {
    pub fn new<'a>(keys: impl Iterator<Item = &'a [u8]>) -> Self {
        Self {
            keys: keys.map(<[u8]>::to_vec).collect(),
            overstepped: Cell::new(false),
            instructions: Cell::new(limits::TXN_SCRIPT_INSTRUCTIONS_MAX),
        }
    }

    /// Whether a script asked for more than there is here.
    pub fn are_overstepped(&self) -> bool {
        self.overstepped.get()
    }
}

impl Keyspace {
    /// Why a script's command cannot run here, if it wants more than what was fetched. Nothing of the transaction is written
    /// then, whatever the script makes of the error.
    #[must_use]
    pub fn refuse_overstep(&self, command: &Command, args: &Args<'_>) -> Option<&'static str> {
        let confines = self.confines.as_ref()?;
        let speaks_of_all = command.is_session() && (command.is_write() || is_read(command));
        let within = !speaks_of_all
            && !follows_patterns(command, args)
            && command.key_positions(args).all(|at| confines.keys.contains(args[at]));
        if within {
            return None;
        }
        confines.overstepped.set(true);
        Some(UNDECLARED)
    }

    /// SORT looks at a key that a pattern names. Beyond so many as a transaction may have it does not matter which.
    pub(crate) fn seek(&self, key: &[u8]) {
        if let Some(Sought(keys)) = &self.sought
            && let mut keys = keys.borrow_mut()
            && keys.len() <= limits::TXN_KEYS_MAX
        {
            keys.insert(key.to_vec());
        }
    }

    /// How many instructions a script may take that runs now.
    #[must_use]
    pub fn script_instructions(&self) -> u64 {
        self.confines.as_ref().map_or(limits::SCRIPT_INSTRUCTIONS_MAX, |c| c.instructions.get())
    }

    /// A script has run.
    pub(crate) fn note_script(&self, name: &str, text: &[u8], took: u64) {
        if let Some(confines) = &self.confines {
            confines.instructions.set(confines.instructions.get().saturating_sub(took));
        }
        self.script_costs.note(name, text, took);
    }
}

fn is_read(command: &Command) -> bool {
    command.flags.has(crate::Flags::READONLY)
}

/// Whether a command looks at keys that patterns name, which cannot be told before it runs.
#[must_use]
pub fn follows_patterns(command: &Command, args: &Args<'_>) -> bool {
    !patterns_of(command, args).is_empty()
}

/// The patterns of keys of a command.
#[must_use]
pub fn patterns_of<'a>(command: &Command, args: &Args<'a>) -> Vec<&'a [u8]> {
    let mut patterns = Vec::new();
    if !matches!(command.name, "sort" | "sort_ro") {
        return patterns;
    }
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let pattern = args.get(at + 1).filter(|pattern| pattern.contains(&b'*'));
        at += match () {
            () if is("by") || is("get") => {
                patterns.extend(pattern);
                2
            }
            () if is("store") => 2,
            () if is("limit") => 3,
            () => 1,
        };
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup;

    #[test]
    fn what_a_pattern_without_a_star_names_is_no_key() {
        for (line, follows) in [
            ("SORT k", false),
            ("SORT k BY nosort GET # ALPHA", false),
            ("SORT k BY w_* STORE d", true),
            ("SORT_RO k LIMIT 0 1 GET # GET v_*", true),
            ("SORT k GET v DESC BY x*", true),
            ("SORT k STORE BY", false),
            ("SORT k BY", false),
            ("GET *", false),
        ] {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            assert_eq!(follows_patterns(lookup(words[0]).unwrap(), &words), follows, "{line}");
        }
    }
}
