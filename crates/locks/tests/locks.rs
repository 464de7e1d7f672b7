//! What a lock promises, against a model that is too simple to be wrong, and by hand where the order matters.

// A test says what is wrong by failing.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use std::collections::BTreeMap;
use synod_locks::{Fenced, LOCKS_MAX, Locks};

fn grant(locks: &mut Locks, name: &[u8], shared: bool) -> Option<u64> {
    locks.acquire(name, 1000, shared).unwrap()
}

#[test]
fn a_token_writes_until_somebody_else_has_got_the_lock() {
    let mut locks = Locks::default();
    assert_eq!(locks.check(b"l", 1), Err(Fenced::NoLock));
    let first = grant(&mut locks, b"l", false).unwrap();
    assert_eq!(grant(&mut locks, b"l", false), None, "it is held");
    assert_eq!(locks.check(b"l", first), Ok(()));
    assert_eq!(locks.check(b"l", first + 1), Err(Fenced::Unknown));
    assert_eq!(locks.check(b"l", 0), Err(Fenced::Unknown));
    assert!(locks.release(b"l", first));
    assert!(!locks.release(b"l", first), "once");
    assert_eq!(locks.check(b"l", first), Ok(()), "nobody else has got it");
    let second = grant(&mut locks, b"l", false).unwrap();
    assert!(second > first);
    assert_eq!(locks.check(b"l", first), Err(Fenced::Stale));
    assert!(!locks.renew(b"l", first, 9));
    assert_eq!(locks.check(b"l", second), Ok(()));
}

#[test]
fn shared_holders_do_not_fence_each_other_and_an_exclusive_one_fences_them_all() {
    let mut locks = Locks::default();
    let before = grant(&mut locks, b"l", false).unwrap();
    assert_eq!(grant(&mut locks, b"l", true), None);
    locks.release(b"l", before);
    let readers = [(); 2].map(|()| grant(&mut locks, b"l", true).unwrap());
    assert_eq!(grant(&mut locks, b"l", false), None);
    assert_eq!(readers.map(|token| locks.check(b"l", token)), [Ok(()); 2]);
    assert_eq!(locks.check(b"l", before), Err(Fenced::Stale));
    readers.iter().for_each(|token| assert!(locks.release(b"l", *token)));
    let alone = grant(&mut locks, b"l", false).unwrap();
    assert_eq!(readers.map(|token| locks.check(b"l", token)), [Err(Fenced::Stale); 2]);
    assert_eq!(locks.check(b"l", alone), Ok(()));
}

#[test]
fn a_renewal_that_came_in_between_keeps_the_lease() {
    let mut locks = Locks::default();
    let token = grant(&mut locks, b"l", false).unwrap();
    let counted = locks.leases().next().unwrap().renewals;
    assert!(locks.renew(b"l", token, 50));
    assert!(!locks.expire(b"l", token, counted));
    assert_eq!(grant(&mut locks, b"l", false), None);
    assert!(locks.expire(b"l", token, counted + 1));
    assert!(grant(&mut locks, b"l", false).is_some());
}

#[test]
fn the_lock_granted_longest_ago_is_forgotten_first_and_its_token_is_refused_then() {
    let mut locks = Locks::default();
    let name = |n: usize| n.to_string().into_bytes();
    for n in 0..LOCKS_MAX {
        let token = grant(&mut locks, &name(n), false).unwrap();
        if n < 2 {
            locks.release(&name(n), token);
        }
    }
    let again = grant(&mut locks, &name(0), false).unwrap();
    locks.release(&name(0), again);
    let newest = grant(&mut locks, b"new", false).unwrap();
    assert_eq!(locks.check(&name(1), 2), Err(Fenced::NoLock), "0 was granted later than 1");
    assert_eq!(locks.check(&name(0), again), Ok(()));
    assert!(newest > again, "tokens grow over all locks");
    assert!(grant(&mut locks, b"newer", false).is_some());
    assert!(locks.acquire(b"newest", 1, false).is_err(), "all are held");
}

#[derive(Clone, Debug)]
enum Step {
    Acquire(u8, bool),
    Release(usize),
    Renew(usize),
    Expire(usize, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, any::<bool>()).prop_map(|(name, shared)| Step::Acquire(name, shared)),
        2 => (0..9usize).prop_map(Step::Release),
        1 => (0..9usize).prop_map(Step::Renew),
        1 => (0..9usize, 0..2u64).prop_map(|(at, renewals)| Step::Expire(at, renewals)),
    ]
}

/// Every grant ever made: the lock, whether shared, whether it stands, its renewals.
type Grants = BTreeMap<u64, (u8, bool, bool, u64)>;

proptest! {
    #[test]
    fn grants_exclude_each_other_and_only_the_newest_may_write(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let (mut locks, mut grants) = (Locks::default(), Grants::new());
        for step in steps {
            let nth = |grants: &Grants, at: usize| {
                let count = grants.len().max(1);
                grants.iter().nth(at % count).map(|(token, grant)| (*token, *grant))
            };
            match step {
                Step::Acquire(name, shared) => {
                    let free = grants
                        .values()
                        .filter(|(of, _, stands, _)| *of == name && *stands)
                        .all(|(_, other, ..)| *other && shared);
                    let token = grant(&mut locks, &[name], shared);
                    prop_assert_eq!(token.is_some(), free);
                    if let Some(token) = token {
                        prop_assert!(grants.keys().all(|older| *older < token));
                        grants.insert(token, (name, shared, true, 0));
                    }
                }
                Step::Release(at) => if let Some((token, (name, _, stands, _))) = nth(&grants, at) {
                    prop_assert_eq!(locks.release(&[name], token), stands);
                    grants.entry(token).and_modify(|grant| grant.2 = false);
                },
                Step::Renew(at) => if let Some((token, (name, _, stands, _))) = nth(&grants, at) {
                    prop_assert_eq!(locks.renew(&[name], token, 7), stands);
                    grants.entry(token).and_modify(|grant| grant.3 += 1);
                },
                Step::Expire(at, renewals) => {
                    if let Some((token, (name, _, stands, renewed))) = nth(&grants, at) {
                        let ends = stands && renewed == renewals;
                        prop_assert_eq!(locks.expire(&[name], token, renewals), ends);
                        grants.entry(token).and_modify(|grant| grant.2 &= !ends);
                    }
                }
            }
            for (token, (name, shared, stands, _)) in &grants {
                let overtaken = grants
                    .range(token + 1..)
                    .any(|(_, (of, other, ..))| of == name && !(*shared && *other));
                let good = locks.check(&[*name], *token).is_ok();
                prop_assert_eq!(good, !overtaken, "{}", token);
                prop_assert!(good || !stands, "a holder can write");
            }
            let mut restored = Locks::default();
            for record in locks.records() {
                for cut in 0..record.len() {
                    prop_assert!(restored.clone().take_record(&record[..cut]).is_err());
                }
                prop_assert_eq!(restored.take_record(&record), Ok(()));
            }
            prop_assert_eq!(restored.digest(3), locks.digest(3));
            prop_assert_eq!(restored, locks.clone());
        }
    }
}

#[test]
fn a_lock_of_a_tree_is_checked_by_who_holds_it_and_elsewhere_by_their_tokens() {
    const NAME: &[u8] = b"{zookeeper}/l";
    let mut locks = Locks::default();
    assert_eq!(locks.check(NAME, 4), Err(Fenced::NoLock));
    locks.follow(NAME, &[4]);
    assert_eq!((locks.check(NAME, 4), locks.check(NAME, 3)), (Ok(()), Err(Fenced::NoHolder)));
    assert_eq!((locks.check(NAME, 5), locks.tokens(NAME)), (Err(Fenced::NoHolder), (4, 4)));
    let mut elsewhere = Locks::default();
    elsewhere.put_tokens(NAME, locks.tokens(NAME)).unwrap();
    assert_eq!(elsewhere.check(NAME, 4), Ok(()));
    assert!(elsewhere.check(NAME, 3).is_err() && elsewhere.check(NAME, 5).is_err());
    locks.follow(NAME, &[6, 9]);
    assert_eq!((locks.check(NAME, 9), locks.check(NAME, 4)), (Ok(()), Err(Fenced::NoHolder)));
    assert_eq!(locks.tokens(NAME), (9, 6));
    locks.follow(NAME, &[]);
    assert_eq!((locks.check(NAME, 9), locks.tokens(NAME)), (Err(Fenced::NoLock), (0, 0)));
    let mut elsewhere = Locks::default();
    elsewhere.put_tokens(NAME, locks.tokens(NAME)).unwrap();
    assert_eq!(elsewhere.check(NAME, 9), Err(Fenced::NoLock));
}

#[test]
fn tokens_go_on_where_a_split_leaves_no_lock() {
    let mut locks = Locks::default();
    let token = locks.acquire(b"n", 1_000, false).expect("a name").expect("free");
    let gone = locks.split_off(|_| true);
    assert_eq!((gone.granted(), locks.granted()), (token, token));
    let records: Vec<_> = locks.records().collect();
    let [record] = &records[..] else { panic!("one record, of the tokens: {records:?}") };
    let mut restored = Locks::default();
    for cut in 0..record.len() {
        assert!(restored.clone().take_record(&record[..cut]).is_err());
    }
    assert_eq!(restored.take_record(record), Ok(()));
    assert_eq!((&restored, restored.granted()), (&locks, token));
    assert!(restored.take_record(record).is_err(), "there is such a record already");
}
