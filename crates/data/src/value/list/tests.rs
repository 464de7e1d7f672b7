//! Lists against a vector, in both forms and over the change from one to the other.

use super::*;
use crate::keyspace::Keyspace;
use crate::value::View;
use proptest::prelude::*;
use synod_types::{Millis, SLOT_COUNT, Slot};

#[derive(Clone, Debug)]
enum Op {
    Push(bool, Vec<u8>),
    Pop(bool, usize),
    Set(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
    Remove(Vec<u8>, usize, bool),
    Keep(usize, usize),
}

/// Mostly short texts out of few, so that removals find something; now and then one that fills a chunk.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0u16..12).prop_map(|n| n.to_string().into_bytes()),
        4 => "[a-c]{0,2}".prop_map(String::into_bytes),
        2 => (0usize..600).prop_map(|n| vec![b'x'; n]),
        1 => (3000usize..20_000).prop_map(|n| vec![b'y'; n]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (any::<bool>(), text()).prop_map(|(left, text)| Op::Push(left, text)),
        3 => (any::<bool>(), 0usize..4).prop_map(|(left, n)| Op::Pop(left, n)),
        2 => (any::<usize>(), text()).prop_map(|(at, text)| Op::Set(at, text)),
        3 => (any::<usize>(), text()).prop_map(|(at, text)| Op::Insert(at, text)),
        1 => (text(), 0usize..3, any::<bool>()).prop_map(|(t, n, back)| Op::Remove(t, n, back)),
        1 => (0usize..3, 0usize..3).prop_map(|(front, back)| Op::Keep(front, back)),
    ]
}

fn apply_to_model(model: &mut Vec<Vec<u8>>, op: &Op) {
    let len = model.len();
    match op {
        Op::Push(true, text) => model.insert(0, text.clone()),
        Op::Push(false, text) => model.push(text.clone()),
        Op::Pop(true, n) => drop(model.drain(..len.min(*n))),
        Op::Pop(false, n) => model.truncate(len.saturating_sub(*n)),
        Op::Set(at, text) if len > 0 => model[at % len] = text.clone(),
        Op::Set(..) => {}
        Op::Insert(at, text) => model.insert(at % (len + 1), text.clone()),
        Op::Remove(text, n, from_back) => {
            for _ in 0..*n {
                let at = match from_back {
                    true => model.iter().rposition(|t| t == text),
                    false => model.iter().position(|t| t == text),
                };
                at.map(|at| model.remove(at));
            }
        }
        Op::Keep(front, back) if front + back <= len => {
            model.truncate(len - back);
            model.drain(..*front);
        }
        Op::Keep(..) => {}
    }
}

fn apply(keyspace: &mut Keyspace, op: &Op) {
    let change = |list: &mut crate::edit::Edit<'_, List>| {
        let len = list.view().len();
        let end = |left: bool| if left { End::Left } else { End::Right };
        match op {
            Op::Push(left, text) => list.push(end(*left), text),
            Op::Pop(left, n) => drop(list.pop(end(*left), *n, |_| {})),
            Op::Set(at, text) if len > 0 => list.replace(at % len, text),
            Op::Set(..) => {}
            Op::Insert(at, text) => list.insert(at % (len + 1), text),
            Op::Remove(text, n, from_back) => drop(list.remove(text, *n, *from_back)),
            Op::Keep(front, back) if front + back <= len => list.keep(*front..len - back),
            Op::Keep(..) => {}
        }
        Ok(())
    };
    keyspace.edit_or_create(b"k", Millis(1), change).expect("a list");
}

fn texts(view: &View<'_, List>) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    view.each(0..view.len(), |item| texts.push(item.to_vec()));
    texts
}

fn check_invariants(list: &List) {
    assert_eq!(list.len, list.chunks.iter().map(Chunk::count).sum::<usize>());
    assert_eq!(list.heap, list.chunks.iter().map(Chunk::heap).sum::<usize>());
    for chunk in &list.chunks {
        assert!(chunk.count() > 0);
        assert!(chunk.count() == 1 || chunk.run().len() <= chunk::CHUNK_BYTES_MAX);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn agrees_with_a_vector(ops in proptest::collection::vec(op(), 1..120), at: usize) {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        let mut model = Vec::new();
        for op in &ops {
            apply_to_model(&mut model, op);
            apply(&mut keyspace, op);
            let view = keyspace.view::<List>(b"k", Millis(1)).expect("a list");
            prop_assert_eq!(view.is_some(), !model.is_empty());
            let Some(view) = view else { continue };
            prop_assert_eq!(view.len(), model.len());
            let at = at % model.len();
            prop_assert_eq!(view.get(at).map(Item::to_vec), Some(model[at].clone()));
            if let View::Full(list) = view {
                check_invariants(list);
            }
        }
        let Some(view) = keyspace.view::<List>(b"k", Millis(1)).expect("a list") else { return Ok(()) };
        prop_assert_eq!(&texts(&view), &model);
        let mut backward = Vec::new();
        view.each_back(0..model.len(), |item| backward.push(item.to_vec()));
        backward.reverse();
        prop_assert_eq!(&backward, &model);
        let first = model.iter().position(|t| *t == model[model.len() - 1]);
        prop_assert_eq!(view.position(&model[model.len() - 1]), first);
        match view {
            View::Packed(packed) => {
                prop_assert!(List::packed_is_valid(packed));
                prop_assert_eq!(List::packed_digest(packed), List::from_packed(packed).digest());
            }
            View::Full(list) => {
                let mut bytes = Vec::new();
                list.encode(&mut bytes);
                let read = List::decode(&bytes).expect("what was encoded");
                check_invariants(&read);
                prop_assert_eq!(&texts(&View::Full(&read)), &model);
                prop_assert_eq!(read.digest(), list.digest());
                for cut in 1..bytes.len().min(60) {
                    prop_assert!(List::decode(&bytes[..bytes.len() - cut]).is_none_or(
                        |shorter| shorter.len < list.len
                    ));
                }
            }
        }
    }

    #[test]
    fn garbage_is_refused_or_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Some(list) = List::decode(&bytes) {
            prop_assert_eq!(texts(&View::Full(&list)).len(), list.len);
        }
        if List::packed_is_valid(&bytes) {
            prop_assert_eq!(texts(&View::Packed(&bytes)).len(), packed::count(&bytes));
        }
    }
}

#[test]
fn a_queue_keeps_its_memory_small() {
    let mut list = List::default();
    for n in 0..200_000u32 {
        list.push_front(n.to_string().as_bytes());
        if n >= 1000 {
            list.keep(0..1000);
        }
    }
    check_invariants(&list);
    assert!(list.heap_bytes() < 40_000, "{}", list.heap_bytes());
}
