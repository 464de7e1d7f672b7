//! Reading a value of any type. Bytes may be anything: `None` for what no Redis writes, an empty collection included.

use super::intset;
use super::listpack::Listpack;
use super::reader::Reader;
use super::stream_reader;
use super::tag;
use super::ziplist::Ziplist;
use crate::edit::{Edit, assemble};
use crate::keyspace::text_object;
use crate::number::{I64Text, parse_f64};
use crate::object::Object;
use crate::value::hash::{FIELD_TIME_MS_MAX, Hash};
use crate::value::list::{End, List};
use crate::value::packed::Item;
use crate::value::set::Set;
use crate::value::stream::Stream;
use crate::value::zset::Zset;
use synod_types::Millis;

/// How a node of a quicklist keeps its elements.
const NODE_PLAIN: u64 = 1;
const NODE_PACKED: u64 = 2;

pub(super) fn take(reader: &mut Reader<'_>, key: &[u8]) -> Option<Object> {
    match reader.byte()? {
        tag::STRING => Some(text_object(key, &reader.string()?)),
        kind @ (tag::LIST | tag::LIST_ZIPLIST | tag::LIST_QUICKLIST | tag::LIST_QUICKLIST_2) => {
            assemble::<List>(key, |list| take_list(reader, kind, list))
        }
        kind @ (tag::SET | tag::SET_INTSET | tag::SET_LISTPACK) => {
            assemble::<Set>(key, |set| take_set(reader, kind, set))
        }
        kind @ (tag::HASH | tag::HASH_ZIPLIST | tag::HASH_LISTPACK) => {
            assemble::<Hash>(key, |hash| take_hash(reader, kind, hash))
        }
        tag::HASH_METADATA => assemble::<Hash>(key, |hash| take_expiring_hash(reader, hash)),
        tag::HASH_LISTPACK_EX => {
            assemble::<Hash>(key, |hash| take_packed_expiring_hash(reader, hash))
        }
        kind @ (tag::ZSET | tag::ZSET_2 | tag::ZSET_ZIPLIST | tag::ZSET_LISTPACK) => {
            assemble::<Zset>(key, |zset| take_zset(reader, kind, zset))
        }
        kind @ (tag::STREAM_LISTPACKS | tag::STREAM_LISTPACKS_2 | tag::STREAM_LISTPACKS_3) => {
            assemble::<Stream>(key, |stream| stream_reader::take(reader, kind, stream.stream()?))
        }
        _ => None,
    }
}

fn take_list(reader: &mut Reader<'_>, kind: u8, list: &mut Edit<'_, List>) -> Option<()> {
    if kind == tag::LIST_ZIPLIST {
        return push_all(Ziplist::open(&reader.string()?)?, list);
    }
    for _ in 0..reader.count()? {
        match kind {
            tag::LIST => list.push(End::Right, &reader.string()?),
            tag::LIST_QUICKLIST => push_all(Ziplist::open(&reader.string()?)?, list)?,
            _ => match reader.number()? {
                NODE_PLAIN => list.push(End::Right, &reader.string()?),
                NODE_PACKED => push_all(Listpack::open(&reader.string()?)?, list)?,
                _ => return None,
            },
        }
    }
    Some(())
}

fn push_all<'a>(
    items: impl Iterator<Item = Option<Item<'a>>>,
    list: &mut Edit<'_, List>,
) -> Option<()> {
    for item in items {
        list.push(End::Right, item?.text(&mut I64Text::new(0)));
    }
    Some(())
}

/// Each member once, or it is malformed; so for fields and members of sorted sets.
fn take_set(reader: &mut Reader<'_>, kind: u8, set: &mut Edit<'_, Set>) -> Option<()> {
    let mut add = |member: &[u8]| set.add(member).then_some(());
    match kind {
        tag::SET => (0..reader.count()?).try_for_each(|_| add(&reader.string()?)),
        tag::SET_INTSET => {
            intset::open(&reader.string()?)?.try_for_each(|n| add(I64Text::new(n).as_bytes()))
        }
        _ => Listpack::open(&reader.string()?)?
            .try_for_each(|item| add(item?.text(&mut I64Text::new(0)))),
    }
}

fn take_hash(reader: &mut Reader<'_>, kind: u8, hash: &mut Edit<'_, Hash>) -> Option<()> {
    let mut put = |field: Item<'_>, value: Item<'_>| {
        let (mut field_text, mut value_text) = (I64Text::new(0), I64Text::new(0));
        let is_new = hash.put(field.text(&mut field_text), value.text(&mut value_text));
        is_new.then_some(())
    };
    match kind {
        tag::HASH => (0..reader.count()?).try_for_each(|_| {
            let field = reader.string()?;
            put(Item::Bytes(&field), Item::Bytes(&reader.string()?))
        }),
        tag::HASH_ZIPLIST => each_pair(Ziplist::open(&reader.string()?)?, put),
        _ => each_pair(Listpack::open(&reader.string()?)?, put),
    }
}

/// Times are relative to the first one, and one more; 0 is none.
fn take_expiring_hash(reader: &mut Reader<'_>, hash: &mut Edit<'_, Hash>) -> Option<()> {
    let first = reader.millis()?;
    (0..reader.count()?).try_for_each(|_| {
        let later = reader.number()?;
        let field = reader.string()?;
        if !hash.put(&field, &reader.string()?) {
            return None;
        }
        let time = match later.checked_sub(1) {
            Some(later) => Some(field_time(first.0.checked_add(later)?)?),
            None => None,
        };
        hash.set_deadline(&field, time);
        Some(())
    })
}

/// Field, value and time in turn; the first time stands before all, and is not needed here.
fn take_packed_expiring_hash(reader: &mut Reader<'_>, hash: &mut Edit<'_, Hash>) -> Option<()> {
    reader.millis()?;
    let packed = reader.string()?;
    let mut items = Listpack::open(&packed)?;
    while let Some(field) = items.next() {
        let (field, value, time) = (field?, items.next()??, items.next()??);
        let Item::Int(time) = time else { return None };
        let (mut field_text, mut value_text) = (I64Text::new(0), I64Text::new(0));
        let field = field.text(&mut field_text);
        if !hash.put(field, value.text(&mut value_text)) {
            return None;
        }
        let time = match time {
            0 => None,
            time => Some(field_time(u64::try_from(time).ok()?)?),
        };
        hash.set_deadline(field, time);
    }
    Some(())
}

/// A time at which a field may expire.
fn field_time(ms: u64) -> Option<Millis> {
    (ms <= FIELD_TIME_MS_MAX).then_some(Millis(ms))
}

/// As a whole: a score of -0 is kept by a large sorted set alone, so it must not be small on the way.
fn take_zset(reader: &mut Reader<'_>, kind: u8, zset: &mut Edit<'_, Zset>) -> Option<()> {
    let mut members: Vec<(Vec<u8>, f64)> = Vec::new();
    let mut put = |member: Item<'_>, score: f64| {
        members.push((member.text(&mut I64Text::new(0)).to_vec(), score));
        (!score.is_nan()).then_some(())
    };
    let score_of = |score: Item<'_>| match score {
        Item::Int(n) => Some(n as f64),
        Item::Bytes(text) => parse_f64(text),
        Item::Score(_) => None,
    };
    match kind {
        tag::ZSET | tag::ZSET_2 => (0..reader.count()?).try_for_each(|_| {
            let member = reader.string()?;
            let score = if kind == tag::ZSET { spelled_score(reader)? } else { reader.float()? };
            put(Item::Bytes(&member), score)
        }),
        tag::ZSET_ZIPLIST => each_pair(Ziplist::open(&reader.string()?)?, |member, score| {
            put(member, score_of(score)?)
        }),
        _ => each_pair(Listpack::open(&reader.string()?)?, |member, score| {
            put(member, score_of(score)?)
        }),
    }?;
    let count = members.len();
    zset.set(Zset::collect(members));
    // Each member once.
    (zset.view().len() == count).then_some(())
}

/// A score in text, behind its length; three lengths stand for what is no number.
fn spelled_score(reader: &mut Reader<'_>) -> Option<f64> {
    match reader.byte()? {
        253 => None,
        254 => Some(f64::INFINITY),
        255 => Some(f64::NEG_INFINITY),
        len => parse_f64(reader.take(len.into())?),
    }
}

fn each_pair<'a>(
    mut items: impl Iterator<Item = Option<Item<'a>>>,
    mut f: impl FnMut(Item<'a>, Item<'a>) -> Option<()>,
) -> Option<()> {
    while let Some(first) = items.next() {
        f(first?, items.next()??)?;
    }
    Some(())
}
