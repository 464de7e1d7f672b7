//! Streams against a map.

use super::*;
use proptest::prelude::*;

type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

#[derive(Clone, Debug)]
enum Op {
    Push { ms: u64, seq: u64, elements: Vec<Vec<u8>> },
    Delete(prop::sample::Index),
    Trim(Trim),
}

fn elements() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let value = prop_oneof![
        6 => (-200i64..200).prop_map(|n| n.to_string().into_bytes()),
        3 => "[a-z]{0,20}".prop_map(String::into_bytes),
        1 => (100usize..5000).prop_map(|n| vec![b'v'; n]),
    ];
    prop_oneof![
        6 => value.clone().prop_map(|v| vec![b"field".to_vec(), v]),
        2 => (value.clone(), value.clone()).prop_map(|(a, b)| vec![b"a".to_vec(), a, b"b".to_vec(), b]),
        1 => (value.clone(), value).prop_map(|(field, value)| vec![field, value]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => (0u64..3, 1u64..4, elements())
            .prop_map(|(ms, seq, elements)| Op::Push { ms, seq, elements }),
        4 => any::<prop::sample::Index>().prop_map(Op::Delete),
        1 => (0usize..300, any::<bool>(), 0usize..200).prop_map(|(n, approximate, limit)| {
            Op::Trim(Trim { keep: Keep::Newest(n), approximate, limit: if approximate { limit } else { 0 } })
        }),
        1 => (0u64..400, any::<bool>()).prop_map(|(ms, approximate)| {
            Op::Trim(Trim { keep: Keep::From(StreamId { ms, seq: 2 }), approximate, limit: 0 })
        }),
    ]
}

fn entries(
    stream: &Stream,
    start: StreamId,
    end: StreamId,
    backwards: bool,
) -> Vec<(StreamId, Vec<Vec<u8>>)> {
    let mut all = Vec::new();
    stream.walk(start, end, backwards, |entry| {
        let mut elements = Vec::new();
        entry.each(|field, value| elements.extend([field.to_vec(), value.to_vec()]));
        assert_eq!(elements.len(), 2 * entry.pairs);
        all.push((entry.id, elements));
        ControlFlow::Continue(())
    });
    all
}

fn apply(stream: &mut Stream, model: &mut Model, op: Op) {
    match op {
        Op::Push { ms, seq, elements } => {
            let seq = if ms == 0 { stream.last.seq + seq } else { seq };
            let id = StreamId { ms: stream.last.ms + ms, seq };
            stream.push(id, &elements.iter().map(Vec::as_slice).collect::<Vec<_>>());
            model.insert(id, elements);
        }
        Op::Delete(which) if !model.is_empty() => {
            let id =
                *model.keys().nth(which.index(model.len())).expect("an index below the length");
            assert!(stream.delete(id));
            assert!(!stream.delete(id));
            model.remove(&id);
        }
        Op::Delete(_) => assert!(!stream.delete(StreamId { ms: 1, seq: 1 })),
        Op::Trim(trim) => {
            let before = stream.len;
            let removed = stream.trim(trim);
            assert_eq!(before - stream.len, removed);
            let wanted = match trim.keep {
                Keep::Newest(n) => model.len().saturating_sub(n),
                Keep::From(id) => model.range(..id).count(),
            };
            if trim.approximate {
                assert!(removed <= wanted && (trim.limit == 0 || removed <= trim.limit));
                assert!(trim.limit > 0 || wanted - removed < node::NODE_ENTRIES_MAX);
            } else {
                assert_eq!(removed, wanted);
            }
            for _ in 0..removed {
                model.pop_first();
            }
        }
    }
}

fn check(stream: &Stream, model: &Model) {
    let all = entries(stream, StreamId::MIN, StreamId::MAX, false);
    assert_eq!(all.iter().cloned().collect::<Model>(), *model);
    assert_eq!(stream.len, model.len());
    assert_eq!(stream.heap, stream.nodes.values().map(Node::heap).sum::<usize>());
    let mut backwards = entries(stream, StreamId::MIN, StreamId::MAX, true);
    backwards.reverse();
    assert_eq!(backwards, all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_a_map(
        ops in proptest::collection::vec(op(), 1..600),
        (from, to) in (0u64..500, 0u64..500),
    ) {
        let (mut stream, mut model) = (Stream::default(), Model::new());
        for (n, op) in ops.into_iter().enumerate() {
            apply(&mut stream, &mut model, op);
            if n % 50 == 0 {
                check(&stream, &model);
            }
        }
        check(&stream, &model);
        let (start, end) = (StreamId { ms: from, seq: 2 }, StreamId { ms: to, seq: 1 });
        if start <= end {
            let part: Model = model.range(start..=end).map(|(id, e)| (*id, e.clone())).collect();
            prop_assert_eq!(entries(&stream, start, end, false).into_iter().collect::<Model>(), part);
        } else {
            prop_assert!(entries(&stream, start, end, true).is_empty());
        }

        let mut bytes = Vec::new();
        stream.encode(&mut bytes);
        let mut read = Stream::decode(&bytes).expect("what was encoded");
        check(&read, &model);
        prop_assert_eq!(read.digest(), stream.digest());
        let trim = Trim { keep: Keep::Newest(50), approximate: true, limit: 0 };
        prop_assert_eq!(read.trim(trim), stream.trim(trim));
    }

    #[test]
    fn damage_is_refused_or_harmless(
        ops in proptest::collection::vec(op(), 1..12),
        at: prop::sample::Index,
        bit in 0u8..8,
    ) {
        let (mut stream, mut model) = (Stream::default(), Model::new());
        ops.into_iter().for_each(|op| apply(&mut stream, &mut model, op));
        let mut bytes = Vec::new();
        stream.encode(&mut bytes);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Some(read) = Stream::decode(&bytes) {
            let all = entries(&read, StreamId::MIN, StreamId::MAX, false);
            prop_assert_eq!(all.len(), read.len);
        }
        bytes.truncate(at);
        if let Some(read) = Stream::decode(&bytes) {
            prop_assert!(read.len < stream.len || stream.len == 0);
        }
    }
}

/// What a group knows of an entry must hold from both sides: the group's map and the consumers' sets.
fn check_group(group: &group::Group) {
    let owned: usize = group.consumers().values().map(|consumer| consumer.pending().len()).sum();
    assert_eq!(owned, group.pending().len());
    for (id, pending) in group.pending() {
        assert!(group.consumers()[&pending.consumer].pending().contains(id));
    }
}

proptest! {
    #[test]
    fn groups_stay_whole_and_survive_encoding(
        ops in prop::collection::vec((0u8..6, 0u8..3, 0u8..3, 1u64..20), 1..120),
    ) {
        let mut stream = Stream::default();
        stream.push(StreamId { ms: 1, seq: 1 }, &[b"f", b"v"]);
        for (op, group, consumer, n) in ops {
            let (name, consumer) = ([b'g', group], [b'c', consumer]);
            let (id, now) = (StreamId { ms: n, seq: 0 }, synod_types::Millis(n));
            if op == 0 {
                stream.groups_mut().add(&name, group::Group::new(id, Some(n)));
            } else if op == 1 && n < 3 {
                stream.groups_mut().remove(&name);
            }
            stream.change_group(&name, |_, group| {
                match op {
                    2 => {
                        group.acknowledge(id);
                    }
                    3 if n < 4 => {
                        group.remove_consumer(&consumer);
                    }
                    _ => {
                        let (consumer, _) = group.consumer(&consumer, now);
                        group.deliver(id, group::Pending { consumer, delivered: now, times: n });
                    }
                }
                check_group(group);
            });
            let mut bytes = Vec::new();
            stream.encode(&mut bytes);
            let read = Stream::decode(&bytes).expect("what was encoded");
            prop_assert_eq!(read.digest(), stream.digest());
            prop_assert_eq!(read.groups().heap(), stream.groups().heap());
            for cut in 1..bytes.len().min(9) {
                // A whole number of groups may be cut off; anything else is refused.
                let shorter = Stream::decode(&bytes[..bytes.len() - cut]);
                prop_assert!(shorter.is_none_or(|s| s.digest() != stream.digest()));
            }
        }
    }
}
