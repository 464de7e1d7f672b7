//! Sorted sets against a sorted vector, in both forms and over the change from one to the other.

use super::*;
use crate::keyspace::Keyspace;
use proptest::prelude::*;
use synod_types::{Millis, SLOT_COUNT, Slot};

type Model = Vec<(Vec<u8>, f64)>;

/// Few scores, so that ties are common; few members, so that scores change.
fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        10 => (-3i32..3).prop_map(f64::from),
        3 => (0u32..1000).prop_map(|n| f64::from(n) / 8.0),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(1e300)],
    ]
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => (0i64..400).prop_map(|n| n.to_string().into_bytes()),
        2 => "[a-f]{0,64}".prop_map(String::into_bytes),
    ]
}

fn pairs(view: &View<'_, Zset>) -> Model {
    let mut pairs = Vec::new();
    view.each(0..view.len(), |member, score| pairs.push((member.to_vec(), score)));
    pairs
}

fn check(view: &View<'_, Zset>, model: &Model) {
    assert_eq!(&pairs(view), model);
    assert_eq!(view.len(), model.len());
    for (rank, (member, score)) in model.iter().enumerate().step_by(9) {
        assert_eq!(view.rank(member), Some(rank));
        assert_eq!(view.score(member), Some(*score));
        let mut back = Vec::new();
        view.each_back(rank..model.len(), |member, score| back.push((member.to_vec(), score)));
        back.reverse();
        assert_eq!(&back[..], &model[rank..]);
        let below = model.iter().filter(|(_, s)| s < score).count();
        assert_eq!(view.count_while(|s, _| s < *score), below);
    }
    match view {
        View::Packed(packed) => {
            assert!(Zset::packed_is_valid(packed));
            assert_eq!(Zset::from_packed(packed).digest(), Zset::packed_digest(packed));
        }
        View::Full(zset) => {
            let mut bytes = Vec::new();
            zset.encode(&mut bytes);
            let read = Zset::decode(&bytes).expect("what was encoded");
            assert_eq!(&pairs(&View::Full(&read)), model);
            assert_eq!(read.digest(), zset.digest());
            let texts =
                |z: &Zset| z.members.entries().iter().map(|m| m.text.clone()).collect::<Vec<_>>();
            assert_eq!(texts(&read), texts(zset));
            assert!(Zset::decode(&bytes[..bytes.len() - 1]).is_none());
        }
    }
}

fn sort(model: &mut Model) {
    model.sort_by(|a, b| a.1.partial_cmp(&b.1).expect("no NaN").then_with(|| a.0.cmp(&b.0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_a_sorted_vector(
        ops in proptest::collection::vec((0u8..10, member(), score()), 1..700),
        adds in 4u8..10,
    ) {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        let mut model = Model::new();
        for (n, (kind, member, score)) in ops.into_iter().enumerate() {
            let at = model.iter().position(|(m, _)| *m == member);
            if kind < adds {
                let old = keyspace
                    .edit_or_create::<Zset, _>(b"k", Millis(1), |z| Ok(z.put(&member, score)))
                    .expect("a sorted set");
                prop_assert_eq!(old, at.map(|at| model[at].1));
                match at {
                    Some(at) if model[at].1 == score => {}
                    Some(at) => model[at].1 = score,
                    None => model.push((member, score)),
                }
                sort(&mut model);
            } else {
                let removed = keyspace
                    .edit::<Zset, _>(b"k", Millis(1), |z| {
                        if kind == 9 {
                            let end = z.view().len().min(3);
                            z.remove_range(0..end);
                            return Ok(end > 0);
                        }
                        Ok(z.remove(&member))
                    })
                    .expect("a sorted set");
                if kind == 9 {
                    model.drain(..model.len().min(3));
                } else {
                    prop_assert_eq!(removed.unwrap_or(false), at.is_some());
                    at.map(|at| model.remove(at));
                }
            }
            let view = keyspace.view::<Zset>(b"k", Millis(1)).expect("a sorted set");
            prop_assert_eq!(view.is_some(), !model.is_empty());
            if let (Some(view), true) = (view, n % 50 < 2) {
                check(&view, &model);
            }
        }
        match &Zset::collect(model.iter().map(|(member, score)| (member, *score))) {
            Whole::Packed(packed) => check(&View::Packed(packed), &model),
            Whole::Full(zset) => check(&View::Full(zset), &model),
        }
    }

    #[test]
    fn garbage_is_refused_or_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
        if let Some(zset) = Zset::decode(&bytes) {
            prop_assert_eq!(pairs(&View::Full(&zset)).len(), zset.members.len());
        }
        if Zset::packed_is_valid(&bytes) {
            prop_assert_eq!(pairs(&View::Packed(&bytes)).len(), packed::count(&bytes));
        }
    }
}
