//! The patterns of SORT: where the value is found that belongs to an element.
//!
//! ```text
//! weight_*        the string at the key that has the element in place of the first star
//! object_*->price a field of the hash there
//! #               the element itself
//! ```

use crate::commands::prelude::*;
use crate::number::I64Text;
use crate::object::Text;
use crate::value::Kind;
use synod_types::Millis;

/// Where the keys are looked up.
pub(super) struct Subject<'k> {
    pub keyspace: &'k Keyspace,
    pub now: Millis,
}

pub(super) enum Pattern<'a> {
    Itself,
    /// No star: there is no such key for any element.
    Nothing,
    Key {
        before: &'a [u8],
        after: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    pub(super) fn new(pattern: &'a [u8]) -> Self {
        if pattern == b"#" {
            return Self::Itself;
        }
        let Some(star) = pattern.iter().position(|b| *b == b'*') else { return Self::Nothing };
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = after.windows(2).position(|two| two == b"->");
        match arrow.filter(|at| at + 2 < after.len()) {
            Some(at) => Self::Key { before, after: &after[..at], field: Some(&after[at + 2..]) },
            None => Self::Key { before, after, field: None },
        }
    }

    /// What it stands for with this element.
    pub(super) fn look_up(
        &self,
        subject: &Subject<'_>,
        element: &[u8],
    ) -> Result<Option<Vec<u8>>, Failure> {
        const FOREIGN: Failure = Failure(
            "ERR BY and GET of SORT may only name keys of the partition that is sorted in, where it is part of a script",
        );
        let (before, after, field) = match self {
            Self::Itself => return Ok(Some(element.to_vec())),
            Self::Nothing => return Ok(None),
            Self::Key { before, after, field } => (before, after, field),
        };
        let key = [before, element, after].concat();
        if !subject.keyspace.owns(&key) {
            return Err(FOREIGN);
        }
        subject.keyspace.seek(&key);
        let kind = subject.keyspace.kind(&key, subject.now);
        Ok(match field {
            Some(field) if kind == Some(Kind::Hash) => {
                let hash = subject.keyspace.fields(&key, subject.now)?;
                let value = hash.and_then(|hash| hash.get(field));
                value.map(|value| value.text(&mut I64Text::new(0)).to_vec())
            }
            None if kind == Some(Kind::String) => {
                subject.keyspace.text(&key, subject.now)?.map(Text::into_vec)
            }
            _ => None,
        })
    }
}
