//! Commands on streams.

mod interval;
pub(crate) mod reading;
mod trim_option;
mod xack;
mod xadd;
mod xautoclaim;
mod xclaim;
mod xdel;
mod xgroup;
mod xinfo;
mod xlen;
mod xpending;
mod xrange;
mod xread;
mod xreadgroup;
mod xsetid;
mod xtrim;

use crate::commands::prelude::*;
use crate::edit::Edit;
use crate::value::stream::group::Group as ConsumerGroup;
use crate::value::stream::{Entry, Stream, StreamId};
use std::cmp::Ordering;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[
    xack::ROWS,
    xadd::ROWS,
    xautoclaim::ROWS,
    xclaim::ROWS,
    xdel::ROWS,
    xgroup::ROWS,
    xinfo::ROWS,
    xlen::ROWS,
    xpending::ROWS,
    xrange::ROWS,
    xread::ROWS,
    xreadgroup::ROWS,
    xsetid::ROWS,
    xtrim::ROWS,
];

const INVALID_ID: Failure = Failure("ERR Invalid stream ID specified as stream command argument");

/// An id argument; `seq` is the sequence number when none is given.
fn id(arg: &[u8], seq: u64) -> Result<StreamId, Failure> {
    let (ms, given) = StreamId::parse(arg).ok_or(INVALID_ID)?;
    Ok(StreamId { ms, seq: given.unwrap_or(seq) })
}

/// Changes a group of a stream, of which `change` sees the entries; `None` when either is not there. The key is another
/// one to a watcher then, which it is not in Redis: transactions over several partitions are made of the keys that have changed.
fn change_group<R>(
    keyspace: &mut Keyspace,
    key: &[u8],
    name: &[u8],
    ctx: &Context,
    change: impl FnOnce(&Stream, &mut ConsumerGroup) -> R,
) -> Result<Option<R>, Failure> {
    let counted = |stream: &Stream, group: &mut ConsumerGroup| {
        let before = group.consumers().len();
        let result = change(stream, group);
        (result, before.cmp(&group.consumers().len()))
    };
    let on_stream = |stream: &mut Stream| (stream.change_group(name, counted), true);
    let edit = |edit: &mut Edit<'_, Stream>| Ok(edit.full_if(on_stream).flatten());
    let Some((result, consumers)) = keyspace.edit::<Stream, _>(key, ctx.now, edit)?.flatten()
    else {
        return Ok(None);
    };
    match consumers {
        Ordering::Less => keyspace.tell_of_stream("xgroup-createconsumer", key),
        Ordering::Greater => keyspace.tell_of_stream("xgroup-delconsumer", key),
        Ordering::Equal => {}
    }
    Ok(Some(result))
}

fn reply_entry(entry: &Entry<'_>, out: &mut dyn ReplySink) {
    out.array(2);
    out.bulk(entry.id.text().as_bytes());
    out.array(2 * entry.pairs);
    entry.each(|field, value| {
        field.reply(out);
        value.reply(out);
    });
}

/// What XCLAIM and XAUTOCLAIM answer: entries, or their ids alone.
struct Claimed<'a> {
    ids: &'a [StreamId],
    just_id: bool,
}

impl Claimed<'_> {
    fn reply(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) -> Outcome {
        let view = keyspace.view::<Stream>(key, ctx.now)?;
        let stream = view.and_then(|view| view.stream());
        out.array(self.ids.len());
        for id in self.ids {
            match stream.and_then(|stream| stream.entry(*id)).filter(|_| !self.just_id) {
                Some(entry) => reply_entry(&entry, out),
                None => out.bulk(id.text().as_bytes()),
            }
        }
        Ok(())
    }
}

fn no_group_at(group: &[u8], key: &[u8], out: &mut dyn ReplySink) {
    let (group, key) = (String::from_utf8_lossy(group), String::from_utf8_lossy(key));
    out.error(&format!("NOGROUP No such consumer group '{group}' for key name '{key}'"));
}

fn no_key_or_group(key: &[u8], group: &[u8], out: &mut dyn ReplySink) {
    let (group, key) = (String::from_utf8_lossy(group), String::from_utf8_lossy(key));
    out.error(&format!("NOGROUP No such key '{key}' or consumer group '{group}'"));
}

/// The arguments of a subcommand do not parse.
fn reply_subcommand_syntax(command: &str, word: &[u8], out: &mut dyn ReplySink) {
    let word = String::from_utf8_lossy(&word[..word.len().min(128)]);
    out.error(&format!(
        "ERR unknown subcommand or wrong number of arguments for '{word}'. Try {command} HELP."
    ));
}
