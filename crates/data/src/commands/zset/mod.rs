//! Commands on sorted sets.

mod algebra;
mod bounds;
mod operand;
mod query;
mod zadd;
mod zcard;
mod zcount;
mod zmpop;
mod zpop;
mod zrandmember;
mod zrange;
mod zrangestore;
mod zrank;
mod zrem;
mod zremrange;
mod zscan;
mod zscore;

use crate::command::Command;
use crate::value::View;
use crate::value::packed::Item;
use crate::value::zset::Zset;
use std::ops::Range;
use synod_types::ReplySink;

pub(crate) use zadd::zadd;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[
    algebra::ROWS,
    zadd::ROWS,
    zcard::ROWS,
    zcount::ROWS,
    zmpop::ROWS,
    zpop::ROWS,
    zrandmember::ROWS,
    zrange::ROWS,
    zrangestore::ROWS,
    zrank::ROWS,
    zrem::ROWS,
    zremrange::ROWS,
    zscan::ROWS,
    zscore::ROWS,
];

/// Announces `len` members: with their scores, RESP3 has an array of pairs, RESP2 a flat one.
fn reply_head(len: usize, with_scores: bool, out: &mut dyn ReplySink) {
    out.array(if with_scores && !out.is_resp3() { 2 * len } else { len });
}

/// Answers one member as [`reply_head`] announced it.
fn reply_member(member: Item<'_>, score: f64, with_scores: bool, out: &mut dyn ReplySink) {
    if with_scores && out.is_resp3() {
        out.array(2);
    }
    member.reply(out);
    if with_scores {
        out.double(score);
    }
}

/// Answers the members at a range of positions.
fn reply_range(
    zset: &View<'_, Zset>,
    range: Range<usize>,
    reverse: bool,
    with_scores: bool,
    out: &mut dyn ReplySink,
) {
    reply_head(range.len(), with_scores, out);
    let reply = |member: Item<'_>, score| reply_member(member, score, with_scores, out);
    if reverse {
        zset.each_back(range, reply);
    } else {
        zset.each(range, reply);
    }
}
