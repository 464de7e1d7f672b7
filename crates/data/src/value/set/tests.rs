//! Sets against a model, in every form and over the changes from one to the other.

use super::*;
use crate::keyspace::Keyspace;
use proptest::prelude::*;
use std::collections::BTreeSet;
use synod_types::{Millis, SLOT_COUNT, Slot};

fn keyspace() -> Keyspace {
    Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1))
}

fn add(keyspace: &mut Keyspace, member: &[u8]) -> bool {
    keyspace.edit_or_create::<Set, _>(b"k", Millis(1), |set| Ok(set.add(member))).expect("a set")
}

fn members(view: &View<'_, Set>) -> Vec<Vec<u8>> {
    let mut members = Vec::new();
    view.each(|item| members.push(item.to_vec()));
    members
}

/// Integers of every width, short texts, now and then one too long to be packed.
fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => (-40i64..40).prop_map(|n| n.to_string().into_bytes()),
        3 => (0u32..63).prop_map(|n| (1i64 << n).to_string().into_bytes()),
        2 => "[a-f]{1,2}".prop_map(String::into_bytes),
        1 => Just(vec![b'x'; 70]),
    ]
}

/// What every form must agree on with the model, and a full form with its encoding.
fn check(view: &View<'_, Set>, model: &BTreeSet<Vec<u8>>) {
    assert_eq!(view.len(), model.len());
    let listed = members(view);
    assert_eq!(&listed.iter().cloned().collect::<BTreeSet<_>>(), model);
    for (n, member) in listed.iter().enumerate().step_by(5) {
        assert_eq!(&view.get(n).to_vec(), member);
        assert!(view.contains(member));
    }
    match view {
        View::Packed(packed) => {
            assert!(Set::packed_is_valid(packed));
            let full = Set::from_view(view);
            assert_eq!(full.digest(), Set::packed_digest(packed));
        }
        View::Full(set) => {
            let mut bytes = Vec::new();
            set.encode(&mut bytes);
            let read = Set::decode(&bytes).expect("what was encoded");
            assert_eq!(members(&View::Full(&read)), listed);
            assert_eq!(read.digest(), set.digest());
            assert!(Set::decode(&[&bytes[..], &bytes[..]].concat()).is_none());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn agrees_with_a_model(
        ops in proptest::collection::vec((0u8..10, member()), 1..250),
        adds in 4u8..10,
    ) {
        let mut keyspace = keyspace();
        let mut model = BTreeSet::new();
        for (kind, member) in ops {
            if kind < adds {
                prop_assert_eq!(add(&mut keyspace, &member), model.insert(member));
            } else {
                let removed = keyspace
                    .edit::<Set, _>(b"k", Millis(1), |set| Ok(set.remove(&member)))
                    .expect("a set");
                prop_assert_eq!(removed.unwrap_or(false), model.remove(&member));
            }
            let view = keyspace.view::<Set>(b"k", Millis(1)).expect("a set");
            prop_assert_eq!(view.is_some(), !model.is_empty());
            if let Some(view) = view {
                check(&view, &model);
            }
        }
        let mut set = Set::default();
        model.iter().for_each(|member| set.insert(member));
        let whole = set.pack();
        match &whole {
            Whole::Packed(packed) => check(&View::Packed(packed), &model),
            Whole::Full(set) => check(&View::Full(set), &model),
        }
    }

    #[test]
    fn garbage_is_refused_or_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
        if let Some(set) = Set::decode(&bytes) {
            prop_assert_eq!(members(&View::Full(&set)).len(), set.members.len());
        }
        if Set::packed_is_valid(&bytes) {
            let view = View::Packed(&bytes[..]);
            prop_assert_eq!(members(&view).len(), view.len());
        }
    }
}

#[test]
fn forms_change_where_redis_changes_them() {
    let encoding = |keyspace: &Keyspace| match keyspace.view::<Set>(b"k", Millis(1)) {
        Ok(Some(View::Packed(packed))) => Set::packed_encoding(packed),
        Ok(Some(View::Full(set))) => set.encoding(),
        _ => "none",
    };
    let mut ints = keyspace();
    for n in 0..INTS_MAX {
        add(&mut ints, n.to_string().as_bytes());
    }
    assert_eq!(encoding(&ints), "intset");
    add(&mut ints, b"-1");
    assert_eq!(encoding(&ints), "hashtable");

    let mut mixed = keyspace();
    add(&mut mixed, b"1");
    add(&mut mixed, b"a");
    assert_eq!(encoding(&mixed), "listpack");
    for n in 2..ENTRIES_MAX {
        add(&mut mixed, n.to_string().as_bytes());
    }
    assert_eq!(encoding(&mixed), "listpack");
    add(&mut mixed, b"b");
    assert_eq!(encoding(&mixed), "hashtable");
}
