//! Writing a value of any type, in the plainest form that every Redis from 7.0 on loads (from 7.4 on, where fields expire): it
//! chooses its own encodings.

use super::{stream_writer, tag};
use crate::number::{I64Text, parse_i64};
use crate::object::Object;
use crate::value::Kind;
use crate::value::View;
use crate::value::hash::Hash;
use crate::value::list::List;
use crate::value::packed::Item;
use crate::value::set::Set;
use crate::value::stream::Stream;
use crate::value::zset::Zset;
use synod_types::Millis;

/// Appends the type and the value.
pub(super) fn put(out: &mut Vec<u8>, object: &Object) {
    match object.kind() {
        Kind::String => {
            out.push(tag::STRING);
            object.text().into_iter().for_each(|text| text.with(|text| put_string(out, text)));
        }
        Kind::List => object.view::<List>().into_iter().for_each(|list| put_list(out, &list)),
        Kind::Set => object.view::<Set>().into_iter().for_each(|set| put_set(out, &set)),
        Kind::Hash => object.view::<Hash>().into_iter().for_each(|hash| put_hash(out, &hash)),
        Kind::Zset => object.view::<Zset>().into_iter().for_each(|zset| put_zset(out, &zset)),
        Kind::Stream => {
            out.push(tag::STREAM_LISTPACKS_2);
            let stream = object.view::<Stream>().ok().and_then(|view| view.stream());
            stream.into_iter().for_each(|stream| stream_writer::put(out, stream));
        }
    }
}

fn put_list(out: &mut Vec<u8>, list: &View<'_, List>) {
    out.push(tag::LIST);
    put_number(out, list.len() as u64);
    list.each(0..list.len(), |item| put_item(out, item));
}

fn put_set(out: &mut Vec<u8>, set: &View<'_, Set>) {
    out.push(tag::SET);
    put_number(out, set.len() as u64);
    set.each(|member| put_item(out, member));
}

fn put_hash(out: &mut Vec<u8>, hash: &View<'_, Hash>) {
    let first = match hash {
        View::Full(hash) => hash.first_deadline(),
        View::Packed(_) => None,
    };
    if let Some(first) = first {
        return put_expiring_hash(out, hash, first);
    }
    out.push(tag::HASH);
    put_number(out, hash.len() as u64);
    hash.each(|field, value| {
        put_item(out, field);
        put_item(out, value);
    });
}

/// The first time, and each field behind how much later its own is and one more, or 0.
fn put_expiring_hash(out: &mut Vec<u8>, hash: &View<'_, Hash>, first: Millis) {
    out.push(tag::HASH_METADATA);
    out.extend_from_slice(&first.0.to_le_bytes());
    put_number(out, hash.len() as u64);
    let mut place = 0;
    hash.each(|field, value| {
        let later = hash.deadline_at(place).map_or(0, |time| time.0 - first.0 + 1);
        put_number(out, later);
        put_item(out, field);
        put_item(out, value);
        place += 1;
    });
}

/// The highest score first, as Redis writes them: its skip list is then built at the head.
fn put_zset(out: &mut Vec<u8>, zset: &View<'_, Zset>) {
    out.push(tag::ZSET_2);
    put_number(out, zset.len() as u64);
    zset.each_back(0..zset.len(), |member, score| {
        put_item(out, member);
        out.extend_from_slice(&score.to_le_bytes());
    });
}

fn put_item(out: &mut Vec<u8>, item: Item<'_>) {
    put_string(out, item.text(&mut I64Text::new(0)));
}

/// Appends a length, or any number that is kept like one.
pub(super) fn put_number(out: &mut Vec<u8>, n: u64) {
    match n {
        0..=0x3f => out.push(n as u8),
        0x40..=0x3fff => out.extend_from_slice(&[0x40 | (n >> 8) as u8, n as u8]),
        _ => match u32::try_from(n) {
            Ok(n) => {
                out.push(0x80);
                out.extend_from_slice(&n.to_be_bytes());
            }
            Err(_) => {
                out.push(0x81);
                out.extend_from_slice(&n.to_be_bytes());
            }
        },
    }
}

/// Appends a string; one that spells a small integer is kept as that.
pub(super) fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    let small = parse_i64(text).and_then(|n| i32::try_from(n).ok());
    let Some(n) = small else {
        put_number(out, text.len() as u64);
        out.extend_from_slice(text);
        return;
    };
    let le = n.to_le_bytes();
    let (mark, width) = match n {
        -0x80..=0x7f => (0xc0, 1),
        -0x8000..=0x7fff => (0xc1, 2),
        _ => (0xc2, 4),
    };
    out.push(mark);
    out.extend_from_slice(&le[..width]);
}
