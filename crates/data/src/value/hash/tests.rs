//! Hashes against a model, in both forms and over the change from one to the other.

use super::*;
use crate::keyspace::Keyspace;
use proptest::prelude::*;
use std::collections::BTreeMap;
use synod_types::{Millis, SLOT_COUNT, Slot};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;
type Times = BTreeMap<Vec<u8>, Millis>;

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => (-99i64..99).prop_map(|n| n.to_string().into_bytes()),
        5 => (0u32..63).prop_map(|n| (1i64 << n).to_string().into_bytes()),
        5 => "[a-f]{0,64}".prop_map(String::into_bytes),
    ]
}

fn pairs(view: &View<'_, Hash>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut pairs = Vec::new();
    view.each(|field, value| pairs.push((field.to_vec(), value.to_vec())));
    pairs
}

fn check(view: &View<'_, Hash>, model: &Model) {
    let listed = pairs(view);
    assert_eq!(view.len(), model.len());
    assert_eq!(&listed.iter().cloned().collect::<Model>(), model);
    for (n, (field, value)) in listed.iter().enumerate().step_by(5) {
        assert_eq!(&view.get(field).expect("it is listed").to_vec(), value);
        let (at_field, at_value) = view.pair_at(n);
        assert_eq!((&at_field.to_vec(), &at_value.to_vec()), (field, value));
    }
    match view {
        View::Packed(packed) => {
            assert!(Hash::packed_is_valid(packed));
            assert_eq!(Hash::from_packed(packed).digest(), Hash::packed_digest(packed));
        }
        View::Full(hash) => {
            let mut bytes = Vec::new();
            hash.encode(&mut bytes);
            let read = Hash::decode(&bytes).expect("what was encoded");
            assert_eq!(pairs(&View::Full(&read)), listed);
            assert_eq!(read.digest(), hash.digest());
            assert!(
                Hash::decode(&bytes[..bytes.len() - 1]).is_none_or(|h| h.digest() != hash.digest())
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Fields and their times, and after every step the same hash out of a snapshot's bytes.
    #[test]
    fn times_agree_with_a_model(ops in proptest::collection::vec((0u8..8, 0u8..30, 0u64..40), 1..200)) {
        let mut object = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        let (mut model, mut times, mut now) = (Model::new(), Times::new(), 1_000);
        for (kind, field, time) in ops {
            let name = vec![b'f', field];
            let value = vec![b'v'; usize::from(field)];
            now += u64::from(kind == 0);
            model.retain(|name, _| times.get(name).is_none_or(|time| time.0 > now));
            times.retain(|_, time| time.0 > now);
            let deadline = Some(Millis(now + 1 + time)).filter(|_| kind != 3);
            match kind {
                0 => object.expire_now([&b"k"[..]], Millis(now)),
                1 => {
                    object.edit_or_create::<Hash, _>(b"k", Millis(now), |h| {
                        h.put(&name, &value);
                        Ok(())
                    }).expect("a hash");
                    model.insert(name.clone(), value);
                    times.remove(&name);
                }
                2 => {
                    object.edit::<Hash, _>(b"k", Millis(now), |h| Ok(h.remove(&name))).expect("a hash");
                    model.remove(&name);
                    times.remove(&name);
                }
                3..=5 => {
                    object.edit::<Hash, _>(b"k", Millis(now), |h| {
                        h.set_deadline(&name, deadline);
                        Ok(())
                    }).expect("a hash");
                    if let (true, Some(time)) = (model.contains_key(&name), deadline) {
                        times.insert(name, time);
                    } else {
                        times.remove(&name);
                    }
                }
                _ => {
                    object.edit_or_create::<Hash, _>(b"k", Millis(now), |h| {
                        h.put_keeping(&name, &value);
                        Ok(())
                    }).expect("a hash");
                    model.insert(name, value);
                }
            }
            let living = object.fields(b"k", Millis(now)).expect("a hash");
            let mut seen = Model::new();
            let mut listed = Times::new();
            if let Some(living) = &living {
                living.each(|field, value| _ = seen.insert(field.to_vec(), value.to_vec()));
                prop_assert_eq!(living.len(), model.len());
                for field in model.keys() {
                    let time = living.deadline(field).expect("it is listed");
                    time.into_iter().for_each(|time| _ = listed.insert(field.clone(), time));
                }
            }
            prop_assert_eq!((&seen, &listed), (&model, &times));
            if let Some(View::Full(hash)) = object.view::<Hash>(b"k", Millis(now)).expect("a hash") {
                let mut bytes = Vec::new();
                hash.encode(&mut bytes);
                let read = crate::value::Value::decode(hash.form(), &bytes).expect("what was encoded");
                prop_assert_eq!(read.as_stored().digest(), hash.digest());
                prop_assert_eq!(hash.deadlines.is_some(), hash.form() == EXPIRING_FORM);
            }
        }
    }

    #[test]
    fn agrees_with_a_model(
        ops in proptest::collection::vec((0u8..10, text(), text()), 1..400),
        adds in 4u8..10,
        long_from: proptest::sample::Index,
    ) {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        let mut model = Model::new();
        let turn = long_from.index(ops.len());
        for (n, (kind, field, mut value)) in ops.into_iter().enumerate() {
            if n == turn {
                value = vec![b'v'; 65];
            }
            if kind < adds {
                let is_new = keyspace
                    .edit_or_create::<Hash, _>(b"k", Millis(1), |h| Ok(h.put(&field, &value)))
                    .expect("a hash");
                prop_assert_eq!(is_new, model.insert(field, value).is_none());
            } else {
                let removed = keyspace
                    .edit::<Hash, _>(b"k", Millis(1), |h| Ok(h.remove(&field)))
                    .expect("a hash");
                prop_assert_eq!(removed.unwrap_or(false), model.remove(&field).is_some());
            }
            let view = keyspace.view::<Hash>(b"k", Millis(1)).expect("a hash");
            prop_assert_eq!(view.is_some(), !model.is_empty());
            if let (Some(view), true) = (view, n % 7 == 0 || n + 1 >= turn) {
                check(&view, &model);
            }
        }
    }

    #[test]
    fn garbage_is_refused_or_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
        if let Some(hash) = Hash::decode_expiring(&bytes) {
            prop_assert_eq!(pairs(&View::Full(&hash)).len(), hash.pairs.len());
        }
        if let Some(hash) = Hash::decode(&bytes) {
            prop_assert_eq!(pairs(&View::Full(&hash)).len(), hash.pairs.len());
        }
        if Hash::packed_is_valid(&bytes) {
            prop_assert_eq!(pairs(&View::Packed(&bytes)).len(), packed::count(&bytes));
        }
    }
}
