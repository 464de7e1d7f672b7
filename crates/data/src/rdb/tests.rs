//! Payloads that Redis has written, and our own round trips.

use super::{dump, restore};
use crate::edit::assemble;
use crate::keyspace::text_object;
use crate::object::Object;
use crate::value::hash::Hash;
use crate::value::list::{End, List};
use crate::value::set::Set;
use crate::value::stream::group::{Group, Pending};
use crate::value::stream::{Stream, StreamId};
use crate::value::zset::Zset;
use proptest::prelude::*;
use synod_types::Millis;

/// The same content, whatever the layout: versions and times to live are not part of a payload.
fn same(a: &Object, b: &Object) -> bool {
    a.kind() == b.kind() && a.digest() == b.digest()
}

fn hash(pairs: &[(Vec<u8>, Vec<u8>)]) -> Option<Object> {
    assemble::<Hash>(b"k", |hash| {
        pairs.iter().for_each(|(field, value)| _ = hash.put(field, value));
        Some(())
    })
}

/// One whose every third field expires, the first one included.
fn expiring_hash(pairs: &[(Vec<u8>, Vec<u8>)]) -> Option<Object> {
    assemble::<Hash>(b"k", |hash| {
        for (n, (field, value)) in pairs.iter().enumerate() {
            hash.put(field, value);
            let time = Millis(1_700_000_000_000 + n as u64 * 70_000);
            hash.set_deadline(field, (n % 3 == 0).then_some(time));
        }
        Some(())
    })
}

fn stream(entries: &[(u64, Vec<Vec<u8>>)]) -> Option<Object> {
    assemble::<Stream>(b"k", |edit| {
        let stream = edit.stream()?;
        for (n, (gap, texts)) in entries.iter().enumerate() {
            let last = stream.last();
            let id = StreamId { ms: last.ms + gap, seq: last.seq * u64::from(*gap == 0) + 1 };
            let mut elements: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
            if elements.len() % 2 == 1 {
                elements.push(b"odd");
            }
            if elements.is_empty() {
                elements = vec![b"f", b"v"];
            }
            stream.push(id, &elements);
            if n % 7 == 3 {
                stream.delete(id);
            }
        }
        let mut group = Group::new(stream.last(), Some(3));
        let (consumer, _) = group.consumer(b"alice", Millis(5));
        group.consumer(b"idle", Millis(6));
        let pending = Pending { consumer, delivered: Millis(9), times: 2 };
        group.deliver(StreamId { ms: 1, seq: 1 }, pending);
        stream.groups_mut().add(b"g", group);
        stream.groups_mut().add(b"unread", Group::new(StreamId::MIN, None));
        Some(())
    })
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..80),
        2 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        1 => (0..6000usize).prop_map(|len| vec![b'y'; len]),
    ]
}

fn many<T: std::fmt::Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    proptest::collection::vec(item, 1..250)
}

fn objects() -> impl Strategy<Value = Object> {
    let pairs = || many((bytes(), bytes()));
    let score = prop_oneof![any::<i32>().prop_map(f64::from), any::<f64>()];
    let scored = many((bytes(), score.prop_filter("a number", |x| !x.is_nan())));
    prop_oneof![
        bytes().prop_map(|text| text_object(b"k", &text)),
        pairs().prop_filter_map("not empty", |pairs| hash(&pairs)),
        pairs().prop_filter_map("not empty", |pairs| expiring_hash(&pairs)),
        many(bytes()).prop_filter_map("not empty", |texts| assemble::<List>(b"k", |list| {
            texts.iter().for_each(|text| list.push(End::Right, text));
            Some(())
        })),
        many(bytes()).prop_filter_map("not empty", |texts| assemble::<Set>(b"k", |set| {
            texts.iter().for_each(|text| _ = set.add(text));
            Some(())
        })),
        scored.prop_filter_map("not empty", |scored| assemble::<Zset>(b"k", |zset| {
            scored.iter().for_each(|(text, score)| _ = zset.put(text, *score));
            Some(())
        })),
        many((0..3u64, proptest::collection::vec(bytes(), 0..5)))
            .prop_filter_map("made", |entries| stream(&entries)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_dump_answers_restore_takes(object in objects()) {
        let payload = dump(&object);
        let again = restore(b"k", &payload).unwrap();
        prop_assert!(same(&again, &object));
    }

    /// The footer is made right again, so that the reader of the value meets the damage.
    #[test]
    fn damaged_payloads_are_refused_or_make_a_whole_value(
        object in objects(), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut payload = dump(&object);
        payload.truncate(payload.len() - super::FOOTER_BYTES);
        let at = at.index(payload.len());
        payload[at] = with;
        if cut {
            payload.truncate(at);
        }
        payload.extend_from_slice(&super::VERSION_WRITTEN.to_le_bytes());
        let sum = super::crc64(&payload);
        payload.extend_from_slice(&sum.to_le_bytes());
        if let Ok(object) = restore(b"k", &payload) {
            prop_assert!(same(&restore(b"k", &dump(&object)).unwrap(), &object));
        }
    }
}

#[test]
fn every_bit_of_a_payload_counts() {
    let payload = dump(&text_object(b"k", b"value"));
    for bit in 0..payload.len() * 8 {
        let mut damaged = payload.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(restore(b"k", &damaged).unwrap_err(), super::FOOTER_WRONG, "bit {bit}");
    }
    for len in 0..payload.len() {
        assert_eq!(restore(b"k", &payload[..len]).unwrap_err(), super::FOOTER_WRONG, "{len} bytes");
    }
}

/// A small hash whose fields expire, as Redis 7.4 writes it: `HSET k a 1 n 12`, `HPEXPIREAT k 1000100 FIELDS 1 a`.
#[test]
fn the_packed_form_of_a_hash_whose_fields_expire_is_read() {
    let packed: &[&[u8]] = &[
        &[29, 0, 0, 0, 6, 0],
        &[0x81, b'a', 2, 1, 1, 0xf2, 0xa4, 0x42, 0x0f, 4],
        &[0x81, b'n', 2, 12, 1, 0, 1],
        &[0xff],
    ];
    let packed = packed.concat();
    let mut list = packed.clone();
    list[0] = packed.len() as u8;
    let mut payload = vec![25];
    payload.extend_from_slice(&1_000_100u64.to_le_bytes());
    payload.push(list.len() as u8);
    payload.extend_from_slice(&list);
    payload.extend_from_slice(&12u16.to_le_bytes());
    let sum = super::crc64(&payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    let read = restore(b"k", &payload).unwrap();
    let pairs = [(b"a".to_vec(), b"1".to_vec()), (b"n".to_vec(), b"12".to_vec())];
    let made = assemble::<Hash>(b"k", |hash| {
        pairs.iter().for_each(|(field, value)| _ = hash.put(field, value));
        hash.set_deadline(b"a", Some(Millis(1_000_100)));
        Some(())
    });
    assert!(same(&read, &made.unwrap()));
    assert_eq!(dump(&read)[0], 24);
}
