//! A gate, a tree behind it, and clients: what leaves when, whatever the order in which outcomes and news come in.

#![allow(clippy::unwrap_used)]

mod words;
mod world;

use std::net::{IpAddr, Ipv4Addr};
use synod_tree::Reply;
use synod_zookeeper::{Gate, Hearing, Outcome};
use world::*;

#[test]
fn a_watch_is_told_before_the_reply_that_shows_its_cause_even_if_the_reply_comes_first() {
    let mut world = World::new();
    let (a, mut reads, ..) = world.session();
    let (b, mut writes, ..) = world.session();
    world.send(b, 1, CREATE, &create("/x", 0));
    world.settle();
    world.send(a, 1, GET_DATA, &watching("/x"));
    world.settle();
    assert_eq!(world.read(a, &mut reads), [Got::Reply(1, 0)]);
    assert_eq!(world.read(b, &mut writes), [Got::Reply(1, 0)]);

    world.send(b, 2, SET_DATA, &set("/x"));
    world.execute();
    world.send(a, 2, EXISTS, &[string("/x"), vec![0]].concat());
    world.execute();
    world.tell_replies();
    assert_eq!(world.read(b, &mut writes), [Got::Reply(2, 0)], "it watches nothing");
    assert_eq!(world.read(a, &mut reads), [], "the reply shows what the watch has not told");
    world.settle();
    assert_eq!(world.read(a, &mut reads), [event(3, "/x"), Got::Reply(2, 0)]);
}

#[test]
fn a_watch_whose_read_is_answered_late_is_told_what_happened_in_between() {
    let mut world = World::new();
    let (a, mut reads, ..) = world.session();
    let (b, ..) = world.session();
    world.send(a, 1, EXISTS, &watching("/x"));
    world.send(a, 2, GET_CHILDREN, &watching("/"));
    world.execute();
    let late = std::mem::take(&mut world.replies);
    world.send(b, 1, CREATE, &create("/x", 0));
    world.settle();
    assert_eq!(world.read(a, &mut reads), []);
    world.replies = late;
    world.tell_replies();
    let expected = [Got::Reply(1, -101), event(1, "/x"), Got::Reply(2, 0), event(4, "/")];
    assert_eq!(world.read(a, &mut reads), expected);
}

#[test]
fn who_hears_late_keeps_a_question_at_the_leader_while_somebody_watches() {
    for hearing in [Hearing::AtOnce, Hearing::Late, Hearing::Never] {
        let mut world = World::new();
        let (a, mut reads, ..) = world.session();
        let (b, ..) = world.session();
        world.send(b, 1, CREATE, &create("/x", 0));
        world.settle();
        world.gate.tick(1_000, hearing);
        let asks = hearing != Hearing::AtOnce;
        let unwatched = world.gate.take_submits();
        assert_eq!(unwatched.len(), usize::from(hearing == Hearing::Never), "{hearing:?}");
        unwatched.iter().for_each(|asked| world.gate.outcome(asked.ticket, Outcome::Lost));

        world.send(a, 1, GET_DATA, &watching("/x"));
        world.execute();
        world.tell_replies();
        assert_eq!(world.read(a, &mut reads), [Got::Reply(1, 0)]);
        let mut questions = world.gate.take_submits();
        assert_eq!(questions.len(), usize::from(asks), "{hearing:?}");
        let Some(question) = questions.pop() else { continue };
        world.gate.tick(60_000, hearing);
        assert_eq!(world.gate.take_submits(), [], "it is on its way");

        // The replica here has not heard of the change when the leader tells it.
        world.send(b, 2, SET_DATA, &set("/x"));
        world.execute();
        world.ask_again(&question);
        assert_eq!(world.read(a, &mut reads), [event(3, "/x")], "{hearing:?}");
        assert_eq!(world.gate.take_submits(), [], "nobody watches any more");
    }
}

#[test]
fn a_question_that_found_no_place_to_wait_is_not_asked_again_before_the_next_tick() {
    let mut world = World::new();
    let (a, ..) = world.session();
    world.gate.tick(1_000, Hearing::Late);
    world.send(a, 1, EXISTS, &watching("/x"));
    world.execute();
    world.tell_replies();
    for (at_us, again) in [(1_000, 0), (51_000, 0), (160_000, 1)] {
        let mut questions = world.gate.take_submits();
        if questions.is_empty() {
            world.gate.tick(51_000, Hearing::Late);
            questions = world.gate.take_submits();
        }
        world.gate.pass_time(at_us);
        world.ask_again(&questions[0]);
        let asked = world.gate.take_submits();
        assert_eq!(asked.len(), again, "{at_us}");
    }
}

#[test]
fn replies_leave_in_order_and_a_read_waits_for_the_write_before_it() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    world.send(a, 1, CREATE, &create("/x", 0));
    world.send(a, 2, GET_DATA, &[string("/x"), vec![0]].concat());
    world.send(a, -2, PING, &[]);
    world.send(a, 3, 999, b"whatever");
    world.send(a, 4, SET_DATA, &set("/x"));
    let reads: Vec<bool> = world.gate.take_submits().iter().map(|submit| submit.read).collect();
    assert_eq!(reads, [false], "the read is not on its way, and the write behind it not either");
    // Sent again, for this test took them.
    let mut world = World::new();
    let (a, mut again, ..) = world.session();
    world.send(a, 1, CREATE, &create("/x", 0));
    world.send(a, 2, GET_DATA, &[string("/x"), vec![0]].concat());
    world.send(a, -2, PING, &[]);
    world.send(a, 3, 999, b"whatever");
    world.send(a, 4, SET_DATA, &set("/x"));
    world.settle();
    let order = [(1, 0), (2, 0), (-2, 0), (3, -6), (4, 0)].map(|(xid, code)| Got::Reply(xid, code));
    assert_eq!(world.read(a, &mut again), order);
    assert_eq!(world.read(a, &mut client), []);
}

#[test]
fn a_session_goes_on_at_another_connection_and_the_old_one_is_closed() {
    let mut world = World::new();
    let (a, _, session, password) = world.session();
    world.send(a, 1, CREATE, &create("/e", 1));
    world.settle();
    let (b, mut client) = world.connect(session, password);
    world.settle();
    assert_eq!(world.read(b, &mut client), [Got::Connected(session, password)]);
    assert!(world.is_closed(a) && !world.is_closed(b));
    // The client says what it watches and what it has seen; some of it has changed since.
    let paths = |all: &[&str]| {
        let strings: Vec<u8> = all.iter().flat_map(|path| string(path)).collect();
        [(all.len() as i32).to_be_bytes().to_vec(), strings].concat()
    };
    let seen = 0i64.to_be_bytes().to_vec();
    let fields = [seen, paths(&["/e", "/gone"]), paths(&["/later"]), paths(&[])].concat();
    world.send(b, -8, SET_WATCHES, &fields);
    world.settle();
    let told = [event(3, "/e"), event(2, "/gone"), Got::Reply(-8, 0)];
    assert_eq!(world.read(b, &mut client), told);
    world.send(b, 2, CREATE, &create("/later", 0));
    world.settle();
    assert_eq!(world.read(b, &mut client), [event(1, "/later"), Got::Reply(2, 0)]);
    // With a wrong password there is no session to go on with.
    let (c, mut client) = world.connect(session, [1; 16]);
    world.settle();
    assert_eq!(world.read(c, &mut client), [Got::Expired]);
    assert!(world.is_closed(c) && !world.is_closed(b));
}

#[test]
fn a_session_that_has_moved_on_before_its_connection_is_told_of_it_is_not_kept_here() {
    let mut world = World::new();
    let (_stays, _, session, password) = world.session();
    let (other, ..) = world.session();
    let (late, mut client) = world.connect(session, password);
    world.execute();
    world.move_elsewhere(session, password);
    world.tell_news();
    world.tell_replies();
    assert_eq!(world.read(late, &mut client), []);
    assert!(world.is_closed(late) && !world.is_closed(other));
}

#[test]
fn who_asks_for_a_session_that_is_elsewhere_is_closed_without_an_answer() {
    let mut world = World::new();
    let (a, mut client, session, password) = world.session();
    let (other, ..) = world.session();
    world.move_elsewhere(session, password);
    world.send(a, 1, CREATE, &create("/x", 0));
    world.execute();
    world.tell_replies();
    world.tell_news();
    assert_eq!(world.read(a, &mut client), []);
    assert!(world.is_closed(a) && !world.is_closed(other));
}

#[test]
fn the_end_of_a_session_is_answered_and_closes_its_connection() {
    let mut world = World::new();
    let (a, mut leaving, ..) = world.session();
    let (b, mut watches, ..) = world.session();
    world.send(a, 1, CREATE, &create("/e", 1));
    world.settle();
    world.send(b, 1, EXISTS, &watching("/e"));
    world.settle();
    world.read(a, &mut leaving);
    world.send(a, 2, CLOSE, &[]);
    world.settle();
    assert_eq!(world.read(a, &mut leaving), [Got::Reply(2, 0)]);
    assert!(world.is_closed(a));
    assert_eq!(world.read(b, &mut watches), [Got::Reply(1, 0), event(2, "/e")]);
    assert!(!world.is_closed(b));
}

#[test]
fn a_fate_that_is_not_known_and_a_message_that_is_none_close_the_connection_alone() {
    let mut world = World::new();
    let (a, ..) = world.session();
    let (b, ..) = world.session();
    let (c, ..) = world.session();
    world.send(a, 1, CREATE, &create("/x", 0));
    for submit in world.gate.take_submits() {
        world.gate.outcome(submit.ticket, Outcome::Lost);
    }
    world.gate.input(b, &i32::MAX.to_be_bytes());
    world.send(c, 1, CREATE, b"no path");
    assert!(world.is_closed(a) && world.is_closed(b) && world.is_closed(c));
    let (d, mut client, ..) = world.session();
    world.send(d, 1, CREATE, &create("/y", 0));
    for submit in world.gate.take_submits() {
        world.gate.outcome(submit.ticket, Outcome::DiskFull);
    }
    assert_eq!(world.read(d, &mut client), [Got::Reply(1, -1)]);
    assert!(!world.is_closed(d));
}

#[test]
fn a_session_that_the_leader_does_not_confirm_is_let_go() {
    let mut world = World::new();
    let (a, ..) = world.session();
    let (b, ..) = world.session();
    for second in 1..=9u64 {
        world.send(a, -2, PING, &[]);
        world.gate.tick(second * 1_000_000, Hearing::AtOnce);
        world.settle();
    }
    assert!(!world.is_closed(a) && !world.is_closed(b));
    world.gate.tick(11_500_000, Hearing::AtOnce);
    assert!(!world.is_closed(a), "it was heard from and confirmed");
    assert!(world.is_closed(b), "it was silent");
    world.send(a, -2, PING, &[]);
    world.gate.tick(12_000_000, Hearing::AtOnce);
    world.gate.tick(20_000_000, Hearing::AtOnce);
    assert!(world.is_closed(a), "nobody confirmed it");
}

fn auth(text: &str) -> Vec<u8> {
    [vec![0; 4], string("digest"), string(text)].concat()
}

#[test]
fn who_proves_to_be_the_superuser_may_do_everything() {
    let mut world = World::new();
    // The digest of super:test.
    let gate = Gate::new(7).with_superuser(Some("super:D/InIHSb7yEEbrWz8b9l71RjZJU=".to_owned()));
    world.gate = gate;
    for (user, code) in [("super:wrong", -102), ("other:test", -102), ("super:test", 0)] {
        let (a, mut client, ..) = world.session();
        world.send(a, -4, AUTH, &auth(user));
        world.send(a, 1, SET_DATA, &set("/zookeeper/config"));
        world.settle();
        assert_eq!(world.read(a, &mut client), [Got::Reply(-4, 0), Got::Reply(1, code)], "{user}");
    }
}

fn add_watch(path: &str, mode: i32) -> Vec<u8> {
    [string(path), mode.to_be_bytes().to_vec()].concat()
}

#[test]
fn watches_that_stay_are_told_in_order_and_from_the_change_on_at_which_they_were_added() {
    let mut world = World::new();
    let (a, mut watches, ..) = world.session();
    let (b, ..) = world.session();
    world.send(b, 1, CREATE, &create("/x", 0));
    world.execute();
    world.send(a, 1, ADD_WATCH, &add_watch("/", 1));
    world.send(a, 2, ADD_WATCH, &add_watch("/x", 0));
    world.execute();
    // The answers come before the news of what was there already.
    world.tell_replies();
    world.settle();
    assert_eq!(world.read(a, &mut watches), [Got::Reply(1, 0), Got::Reply(2, 0)]);
    world.send(b, 2, CREATE, &create("/x/y", 0));
    world.send(b, 3, SET_DATA, &set("/x/y"));
    world.send(b, 4, SET_DATA, &set("/x"));
    world.settle();
    let expected = [event(1, "/x/y"), event(4, "/x"), event(3, "/x/y"), event(3, "/x")];
    assert_eq!(world.read(a, &mut watches), expected);
    world.gate.close(a);
    world.send(b, 5, SET_DATA, &set("/x"));
    world.settle();
}

#[test]
fn a_connection_is_told_who_it_is_and_sasl_is_refused() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    world.send(a, 1, WHO_AM_I, &[]);
    world.send(a, 2, SASL, &string("token"));
    world.settle();
    assert_eq!(world.read(a, &mut client), [Got::Reply(1, 0), Got::Reply(2, -115)]);
    assert!(world.is_closed(a));
}

#[test]
fn words_list_sessions_connections_and_watches() {
    let mut world = World::new();
    let (a, _, session, _) = world.session();
    world.send(a, 1, CREATE, &create("/e", 1));
    world.send(a, 2, GET_DATA, &watching("/e"));
    world.settle();
    let session = format!("{session:#x}");
    for (word, parts) in [
        (b"dump", ["Sessions with Ephemerals (1)", &session, "\t/e"]),
        (b"cons", [" /127.0.0.1[1](", &session, "watches=1"]),
        (b"wchp", ["/e", "\t", &session]),
        (b"wchc", ["\t", "/e", &session]),
        (b"conf", ["tickTime=2000", "minSessionTimeout=4000", "jute.maxbuffer=1048575"]),
    ] {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        world.settle();
        let (output, close) = world.gate.output(id).unwrap();
        let text = String::from_utf8_lossy(output).into_owned();
        assert!(close && parts.iter().all(|part| text.contains(part)), "{text}");
        world.gate.close(id);
    }
}

#[test]
fn no_reply_shows_less_than_the_one_before_it() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    world.send(a, 1, GET_DATA, &[string("/"), vec![0]].concat());
    world.send(a, 2, GET_DATA, &[string("/"), vec![0]].concat());
    world.execute();
    // The first one was lost with its leader and executed again later than the second.
    let (_, first) = &mut world.replies[0];
    let mut later = Reply::decode(first).unwrap();
    later.zxid += 1;
    first.clear();
    later.encode(first);
    world.tell_replies();
    assert_eq!(world.read(a, &mut client), [Got::Reply(1, 0)]);
    assert!(world.is_closed(a));
}

#[test]
fn nothing_is_told_behind_the_end_of_a_session() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    let (b, ..) = world.session();
    world.send(b, 1, CREATE, &create("/x", 0));
    world.settle();
    world.send(a, 1, GET_DATA, &watching("/x"));
    world.send(a, 2, CLOSE, &[]);
    world.settle();
    world.send(b, 2, SET_DATA, &set("/x"));
    world.settle();
    assert_eq!(world.read(a, &mut client), [Got::Reply(1, 0), Got::Reply(2, 0)]);
}
