//! Properties: two ways to compute the same agree, the codec round-trips, and nothing from outside can stop a member.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use synod_consensus::log_view::{LogView, entry_bytes};
use synod_consensus::quorum::{self, Tally};
use synod_consensus::{
    Body, Config, Effect, Engine, Message, Protocol, Recovered, paxos, raft, zab,
};
use synod_types::{Entry, EntryKind, Index, Membership, NodeId, PartitionId, SnapshotMeta, Term};

fn nodes() -> impl Strategy<Value = Vec<NodeId>> {
    vec(1u64..8, 0..6).prop_map(|mut ids| {
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(NodeId).collect()
    })
}

fn membership() -> impl Strategy<Value = Membership> {
    (nodes(), nodes(), nodes(), proptest::option::of(protocols())).prop_map(
        |(voters, outgoing, learners, engine)| Membership { voters, outgoing, learners, engine },
    )
}

/// The halves that have to agree.
fn halves(membership: &Membership) -> Vec<&Vec<NodeId>> {
    let mut halves = vec![&membership.voters];
    if !membership.outgoing.is_empty() {
        halves.push(&membership.outgoing);
    }
    halves
}

fn payload() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

/// Entries after `prev`, right more often than not.
fn entries(prev: u64) -> impl Strategy<Value = Vec<Entry>> {
    vec((0u64..3, 0u8..3, payload(), membership()), 0..6).prop_map(move |list| {
        let mut term = 1;
        let mut index = prev;
        list.into_iter()
            .map(|(step, kind, payload, membership)| {
                term += step;
                index += 1;
                let kind = EntryKind::from_u8(kind).expect("there are three");
                let payload = match kind {
                    EntryKind::Commands => payload,
                    EntryKind::Noop => Bytes::new(),
                    EntryKind::Membership => {
                        let mut bytes = Vec::new();
                        membership.encode(&mut bytes);
                        Bytes::from(bytes)
                    }
                };
                Entry { term: Term(term), index: Index(index), kind, payload }
            })
            .collect()
    })
}

fn body() -> impl Strategy<Value = Body> {
    let index = || (0u64..12).prop_map(Index);
    let term = || (0u64..8).prop_map(Term);
    prop_oneof![
        (any::<bool>(), any::<bool>(), index(), term()).prop_map(
            |(pre, transfer, last, last_term)| Body::Raft(raft::Ask::Vote {
                pre,
                transfer,
                last,
                last_term
            })
        ),
        (any::<bool>(), any::<bool>())
            .prop_map(|(pre, granted)| Body::Raft(raft::Ask::VoteReply { pre, granted })),
        (0u64..8, term(), index(), index()).prop_flat_map(|(prev, prev_term, commit, shared)| {
            entries(prev).prop_map(move |entries| Body::Append {
                prev: Index(prev),
                prev_term,
                commit,
                shared,
                entries,
            })
        }),
        (index(), index()).prop_map(|(matched, commit)| Body::AppendReply { matched, commit }),
        (index(), index(), term()).prop_map(|(prev, hint, hint_term)| Body::AppendReject {
            prev,
            hint,
            hint_term
        }),
        (index(), index(), 0u64..5, proptest::option::of((index(), term()))).prop_map(
            |(commit, shared, round, sleep)| Body::Heartbeat { commit, shared, round, sleep }
        ),
        (0u64..5, index()).prop_map(|(round, commit)| Body::HeartbeatReply { round, commit }),
        (index(), term(), membership()).prop_map(|(index, term, membership)| Body::SnapshotOffer(
            SnapshotMeta { index, term, membership }
        )),
        Just(Body::TimeoutNow),
        (index(), term()).prop_map(|(commit, commit_term)| Body::Known { commit, commit_term }),
        index().prop_map(|commit| Body::Lacking { commit }),
        (0u64..8, term()).prop_flat_map(|(prev, prev_term)| {
            entries(prev).prop_map(move |entries| Body::Decided {
                prev: Index(prev),
                prev_term,
                entries,
            })
        }),
        (index(), term(), membership()).prop_map(
            |(index, term, membership)| Body::DecidedSnapshot(SnapshotMeta {
                index,
                term,
                membership
            })
        ),
        of_paxos().prop_map(Body::Paxos),
        of_zab().prop_map(Body::Zab),
    ]
}

fn of_paxos() -> impl Strategy<Value = paxos::Ask> {
    use paxos::Ask;
    let index = || (0u64..12).prop_map(Index);
    let term = || (0u64..8).prop_map(Term);
    prop_oneof![
        (0u64..3).prop_map(|round| Ask::Survey { round }),
        (0u64..3, any::<bool>()).prop_map(|(round, free)| Ask::SurveyReply { round, free }),
        (any::<bool>(), index()).prop_map(|(transfer, after)| Ask::Prepare { transfer, after }),
        (index(), term(), index(), 0u64..8, term()).prop_flat_map(
            |(last, last_term, commit, after, after_term)| {
                entries(after).prop_map(move |entries| Ask::Promise {
                    last,
                    last_term,
                    commit,
                    after: Index(after),
                    after_term,
                    entries,
                })
            }
        ),
        (index(), term(), membership()).prop_map(|(index, term, membership)| Ask::Offer(
            SnapshotMeta { index, term, membership }
        )),
    ]
}

fn of_zab() -> impl Strategy<Value = zab::Ask> {
    use zab::Ask;
    let index = || (0u64..12).prop_map(Index);
    let term = || (0u64..8).prop_map(Term);
    prop_oneof![
        (0u64..4, any::<bool>(), 0u64..6, index(), term()).prop_map(
            |(round, looking, leader, last, last_term)| Ask::Notification {
                round,
                looking,
                leader: NodeId(leader),
                last,
                last_term,
            }
        ),
        Just(Ask::FollowerInfo),
        (any::<bool>(), any::<bool>())
            .prop_map(|(transfer, leading)| Ask::NewEpoch { transfer, leading }),
        (index(), term()).prop_map(|(last, last_term)| Ask::AckEpoch { last, last_term }),
    ]
}

fn protocols() -> impl Strategy<Value = Protocol> {
    (0..Protocol::ALL.len()).prop_map(|n| Protocol::ALL[n])
}

fn message() -> impl Strategy<Value = Message> {
    (protocols(), 0u64..9, body()).prop_map(|(protocol, term, body)| {
        // Whoever speaks in an engine's own words is of that engine.
        let protocol = match &body {
            Body::Raft(_) => Protocol::Raft,
            Body::Paxos(_) => Protocol::Paxos,
            Body::Zab(_) => Protocol::Zab,
            _ => protocol,
        };
        Message { protocol, term: Term(term), body }
    })
}

/// What may happen to a member.
#[derive(Clone, Debug)]
enum Input {
    Message(NodeId, Message),
    Tick(u8),
    Campaign,
    Propose,
    Read,
    Change(Membership),
    Transfer(NodeId),
    Persist,
    Apply,
    Install,
    Fail,
    Wake,
}

fn input() -> impl Strategy<Value = Input> {
    let node = || (0u64..6).prop_map(NodeId);
    prop_oneof![
        8 => (node(), message()).prop_map(|(from, message)| Input::Message(from, message)),
        1 => (1u8..30).prop_map(Input::Tick),
        1 => Just(Input::Campaign),
        1 => Just(Input::Propose),
        1 => Just(Input::Read),
        1 => membership().prop_map(Input::Change),
        1 => node().prop_map(Input::Transfer),
        3 => Just(Input::Persist),
        2 => Just(Input::Apply),
        1 => Just(Input::Install),
        1 => Just(Input::Fail),
        1 => Just(Input::Wake),
    ]
}

fn member(protocol: Protocol, cache_bytes_max: usize, lease_reads: bool) -> Box<dyn Engine + Send> {
    let config = Config {
        id: NodeId(1),
        group: PartitionId(1),
        election_ticks: 10,
        heartbeat_ticks: 2,
        lease_reads,
        append_bytes_max: 200,
        inflight_bytes_max: 400,
        cache_bytes_max,
        seed: 1,
    };
    let membership = Membership::of_voters(vec![NodeId(1), NodeId(2), NodeId(3)]);
    let snapshot = SnapshotMeta { membership, ..SnapshotMeta::default() };
    synod_consensus::start(protocol, config, Recovered { snapshot, ..Recovered::default() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The value that a quorum has reached is the largest that a majority of each half has.
    #[test]
    fn reached_is_what_sorting_says(membership in membership(), values in vec(0u64..10, 8)) {
        let value = |node: NodeId| values[node.0 as usize];
        let naive = halves(&membership)
            .into_iter()
            .map(|voters| {
                let mut sorted: Vec<u64> = voters.iter().map(|node| value(*node)).collect();
                sorted.sort_unstable_by(|a, b| b.cmp(a));
                sorted.get(voters.len() / 2).copied().unwrap_or(0)
            })
            .min();
        prop_assert_eq!(Some(quorum::reached(&membership, value)), naive);
    }

    /// A vote is won or lost when no way to fill in the open answers changes it.
    #[test]
    fn a_tally_is_what_every_outcome_says(
        membership in membership(),
        answers in vec(proptest::option::of(any::<bool>()), 8),
    ) {
        let wins = |fill: u32| {
            let yes = |node: &&NodeId| {
                answers[node.0 as usize].unwrap_or(fill & (1 << node.0) != 0)
            };
            halves(&membership)
                .into_iter()
                .all(|voters| voters.iter().filter(yes).count() > voters.len() / 2)
        };
        let outcomes: Vec<bool> = (0..256).map(wins).collect();
        let expected = match (outcomes.contains(&true), outcomes.contains(&false)) {
            (true, false) => Tally::Won,
            (false, _) => Tally::Lost,
            (true, true) => Tally::Pending,
        };
        let tally = quorum::tally(&membership, |node| answers[node.0 as usize]);
        prop_assert_eq!(tally, expected);
    }

    /// The window is a list that forgets its beginning.
    #[test]
    fn a_log_view_is_a_list(steps in vec((0u8..4, 0u64..12, 0u64..12, 0usize..60), 1..60)) {
        let mut view = LogView::default();
        let mut list: Vec<Entry> = Vec::new();
        let mut base = 0u64;
        let mut term = 1;
        for (step, a, b, len) in steps {
            match step {
                0 | 1 => {
                    term += a / 10;
                    let index = Index(list.len() as u64 + 1);
                    let payload = Bytes::from(vec![0; len]);
                    let entry = Entry { term: Term(term), index, kind: EntryKind::Commands, payload };
                    list.push(entry.clone());
                    view.push(entry);
                }
                2 => {
                    let index = base + 1 + a;
                    view.truncate(Index(index));
                    list.truncate(index as usize - 1);
                }
                _ => {
                    let (unneeded, droppable) = (base + a.min(b), base + b);
                    view.compact(Index(unneeded), Index(droppable), len * 10);
                    let held = |base: u64| list[base as usize..].iter().map(entry_bytes).sum::<usize>();
                    while base < list.len() as u64
                        && (base < unneeded || (base < droppable && held(base) > len * 10))
                    {
                        base += 1;
                    }
                }
            }
            let window = &list[base as usize..];
            prop_assert_eq!(view.base(), Index(base));
            prop_assert_eq!(view.last(), Index(list.len() as u64));
            prop_assert_eq!(view.bytes(), window.iter().map(entry_bytes).sum::<usize>());
            let within = |from: u64, to: u64| {
                window.iter().filter(|e| e.index.0 >= from && e.index.0 <= to).cloned().collect::<Vec<_>>()
            };
            prop_assert_eq!(view.slice(Index(a), Index(b)), within(a, b));
            let term_at = |index: u64| list.get(index as usize - 1).map(|entry| entry.term);
            for index in base.max(1)..base + 15 {
                prop_assert_eq!(view.term_at(Index(index)), term_at(index));
            }
            let (batch, bytes) = view.batch(Index(base + 1 + a), len * 4);
            prop_assert_eq!(bytes, batch.iter().map(entry_bytes).sum::<usize>());
            prop_assert!(bytes <= len * 4 || batch.len() == 1);
            prop_assert_eq!(&batch[..], &within(base + 1 + a, base + a + batch.len() as u64)[..]);
            prop_assert_eq!(batch.is_empty(), base + 1 + a > list.len() as u64);
            let not_above = view.last_not_above(Index(base + a), Term(b));
            let naive = (base.max(1)..=(base + a).min(list.len() as u64))
                .rev()
                .find(|index| term_at(*index).is_some_and(|term| term <= Term(b)));
            if let Some(naive) = naive {
                prop_assert_eq!(not_above, Index(naive));
            } else {
                prop_assert!(not_above <= Index(base));
            }
        }
    }

    /// A message that could be right survives the codec; cut short, it is refused.
    #[test]
    fn messages_round_trip(message in message()) {
        let sane = message.is_sane();
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        let decoded = Message::decode(Bytes::from(bytes.clone()));
        prop_assert_eq!(decoded, sane.then_some(message));
        for cut in 0..bytes.len() {
            prop_assert_eq!(Message::decode(Bytes::copy_from_slice(&bytes[..cut])), None);
        }
    }

    /// Any bytes are a message or none; what is decoded encodes to the same bytes.
    #[test]
    fn garbage_is_refused(mut bytes in vec(any::<u8>(), 0..200), tag in 1u8..4, kind in 0u8..40) {
        if bytes.len() > 1 {
            (bytes[0], bytes[1]) = (tag, kind);
        }
        if let Some(message) = Message::decode(Bytes::from(bytes.clone())) {
            let mut again = Vec::new();
            message.encode(&mut again);
            prop_assert_eq!(again, bytes);
        }
    }

    /// Whatever arrives in whatever order, a member goes on, and what it handed out stays as it was.
    #[test]
    fn nothing_from_outside_stops_a_member(
        inputs in vec(input(), 1..120),
        cache in 0usize..400,
        lease in any::<bool>(),
        protocol in protocols(),
    ) {
        let mut engine = member(protocol, cache, lease);
        let mut handed = BTreeMap::<Index, Entry>::new();
        let (mut token, mut last, mut offer) = (None, Index(0), None);
        for (n, input) in inputs.into_iter().enumerate() {
            match input {
                Input::Message(from, message) => engine.step(from, message),
                Input::Tick(times) => (0..times).for_each(|_| engine.tick()),
                Input::Campaign => engine.campaign(),
                Input::Propose => drop(engine.propose(Bytes::from_static(b"x"))),
                Input::Read => drop(engine.read(n as u64)),
                Input::Change(target) => drop(engine.change_membership(target)),
                Input::Transfer(to) => drop(engine.transfer_leadership(to)),
                Input::Persist => token.take().into_iter().for_each(|token| engine.persisted(token)),
                Input::Apply => engine.applied(last),
                Input::Install => if let Some(meta) = offer.take() {
                    let meta: SnapshotMeta = meta;
                    last = last.max(meta.index);
                    engine.snapshot_installed(meta);
                },
                Input::Fail => {
                    offer = None;
                    engine.snapshot_failed();
                }
                Input::Wake => engine.wake(),
            }
            for effect in std::mem::take(engine.effects()) {
                match effect {
                    Effect::Persist { token: next, .. } => token = Some(next),
                    Effect::Commit(entries) => for entry in entries {
                        prop_assert_eq!(entry.index, last.next());
                        last = entry.index;
                        prop_assert_eq!(handed.insert(entry.index, entry), None);
                    },
                    Effect::FetchSnapshot { meta, .. } => offer = Some(meta),
                    _ => {}
                }
            }
            let status = engine.status();
            prop_assert!(status.applied <= status.commit && status.commit <= status.last);
        }
    }
}
