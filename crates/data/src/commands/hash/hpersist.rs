//! HPERSIST key FIELDS numfields field...

use super::named_fields::{self, POSITIVE};
use crate::commands::prelude::*;
use crate::edit::Edit;
use crate::value::hash::Hash;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hpersist", -5, hpersist).flags(Flags::FAST)
        .syntax("key FIELDS <numfields:integer field...>")
        .about("7.4.0", "Removes the expiry of fields."),
];

const NO_FIELD: i64 = -2;
const NO_TIME: i64 = -1;

fn hpersist(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    named_fields::check_kind(keyspace, args[1], ctx)?;
    let fields = named_fields::fields(&args[2..], POSITIVE)?;
    let answers = keyspace.edit::<Hash, _>(args[1], ctx.now, |hash| {
        Ok(fields.iter().map(|field| persist(hash, field)).collect::<Vec<i64>>())
    })?;
    let answers = answers.unwrap_or_else(|| vec![NO_FIELD; fields.len()]);
    if answers.contains(&1) {
        keyspace.tell_of_hash("hpersist", args[1]);
    }
    out.array(answers.len());
    answers.into_iter().for_each(|answer| out.integer(answer));
    Ok(())
}

fn persist(hash: &mut Edit<'_, Hash>, field: &[u8]) -> i64 {
    match hash.view().deadline(field) {
        None => NO_FIELD,
        Some(None) => NO_TIME,
        Some(Some(_)) => {
            hash.set_deadline(field, None);
            1
        }
    }
}
