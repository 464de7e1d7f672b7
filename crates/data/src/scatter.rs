//! Operations that every partition runs for itself, and how the answers of all become the answer of the whole.
//!
//! The keyspace says it, whose operations they are; a gate writes the whole in the words of its protocol. Each
//! partition answers at its own moment: the whole is not one snapshot of the cluster.

use crate::lookup;
use crate::op::Op;

/// How the answers of several partitions become one. An answer that is an error is the answer of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// The sum of numbers.
    Sum,
    /// All elements one after another.
    Concat,
    /// All keys one after another, however many.
    Keys,
    /// The answer of the first: all are alike.
    Same,
    /// Of numbers at the same place the smallest.
    Least,
    /// That it is done, when all have done it.
    AllOk,
    /// The first that is not nothing.
    FirstSome,
}

impl Op<'_> {
    /// How the answers to this operation become one where several partitions are asked; `None` for one that only one
    /// partition can be asked.
    #[must_use]
    pub fn joined(&self) -> Option<Joined> {
        match self {
            Op::Stats => Some(Joined::Sum),
            Op::RandomKey => Some(Joined::FirstSome),
            Op::Scan { count: u64::MAX, .. } => Some(Joined::Keys),
            Op::Clear | Op::ForgetScripts | Op::Debug(_) => Some(Joined::AllOk),
            Op::LoadScript(_) | Op::ChangeFunctions(_) => Some(Joined::Same),
            Op::FindScripts(_) => Some(Joined::Least),
            Op::Command(args) => is_lock_list(args).then_some(Joined::Concat),
            Op::Wait { .. }
            | Op::Transaction { .. }
            | Op::Expire(_)
            | Op::Evict(_)
            | Op::Versions(_)
            | Op::Scan { .. }
            | Op::SlotCount(_)
            | Op::SlotKeys { .. }
            | Op::PassScript(_)
            | Op::ReadFunctions(_)
            | Op::DebugObject(_)
            | Op::Step(_)
            | Op::As { .. } => None,
        }
    }

    /// Whether it changes nothing, so that a replica whose state is recent enough answers it without the log.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        match self {
            Op::Versions(_)
            | Op::Scan { .. }
            | Op::Stats
            | Op::RandomKey
            | Op::SlotCount(_)
            | Op::SlotKeys { .. }
            | Op::FindScripts(_)
            | Op::ReadFunctions(_)
            | Op::DebugObject(_) => true,
            Op::Command(args) => args
                .first()
                .and_then(|name| lookup(name))
                .is_some_and(|command| command.only_reads()),
            Op::As { op, .. } => op.only_reads(),
            Op::Wait { .. }
            | Op::Transaction { .. }
            | Op::Expire(_)
            | Op::Evict(_)
            | Op::Clear
            | Op::LoadScript(_)
            | Op::PassScript(_)
            | Op::ForgetScripts
            | Op::ChangeFunctions(_)
            | Op::Debug(_)
            | Op::Step(_) => false,
        }
    }
}

/// Whether a command asks for the locks of all partitions.
fn is_lock_list(args: &[&[u8]]) -> bool {
    matches!(args, [name, word] if name.eq_ignore_ascii_case(b"lock") && word.eq_ignore_ascii_case(b"list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command<'a>(words: &[&'a str]) -> Op<'a> {
        Op::Command(words.iter().map(|word| word.as_bytes()).collect())
    }

    #[test]
    fn what_speaks_of_one_key_is_not_asked_of_several() {
        for op in [command(&["get", "k"]), command(&["lock", "info", "k"]), Op::DebugObject(b"k")] {
            assert_eq!(op.joined(), None, "{op:?}");
        }
        let step = Op::Scan { cursor: 0, count: 10, pattern: None, kind: None };
        assert_eq!(step.joined(), None, "the cursor says which partition is next");
    }

    #[test]
    fn what_speaks_of_all_keys_says_how_its_answers_are_joined() {
        let keys = Op::Scan { cursor: 0, count: u64::MAX, pattern: Some(b"*"), kind: None };
        let all = [
            (Op::Stats, Joined::Sum, true),
            (Op::RandomKey, Joined::FirstSome, true),
            (keys, Joined::Keys, true),
            (Op::Clear, Joined::AllOk, false),
            (Op::LoadScript(b"return 1"), Joined::Same, false),
            (Op::FindScripts(Default::default()), Joined::Least, true),
            (Op::ForgetScripts, Joined::AllOk, false),
            (command(&["LOCK", "List"]), Joined::Concat, false),
        ];
        for (op, joined, only_reads) in all {
            assert_eq!((op.joined(), op.only_reads()), (Some(joined), only_reads), "{op:?}");
        }
        assert!(command(&["get", "k"]).only_reads() && !command(&["set", "k", "v"]).only_reads());
    }
}
