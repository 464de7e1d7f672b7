//! The four-letter words, and what a gate tells of those around it.

use crate::world::*;
use std::net::{IpAddr, Ipv4Addr};
use synod_machine::{Context, Machine, Operation};
use synod_zookeeper::{Hearing, Mode, Outcome, Submit, Surroundings};

#[test]
fn words_are_answered_instead_of_a_session() {
    let mut world = World::new();
    for (word, answer) in [(b"ruok", "imok"), (b"isro", "rw"), (b"envi", "zookeeper.version=3.8.0")]
    {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        let (output, close) = world.gate.output(id).unwrap();
        assert!(String::from_utf8_lossy(output).contains(answer) && close);
    }
}

#[test]
fn words_tell_how_it_is_around_the_gate_and_those_that_are_not_served_are_refused() {
    let mut world = World::new();
    world.gate.surround(Surroundings { mode: Mode::Follower, ..Surroundings::default() });
    let (a, ..) = world.session();
    world.send(a, 1, CREATE, &create("/e", 1));
    world.settle();
    for (word, answer) in [
        (b"srvr", "Mode: follower\nNode count: 5\n"),
        (b"mntr", "zk_server_state\tfollower\n"),
        (b"mntr", "zk_ephemerals_count\t1\n"),
        (b"stat", "Clients:\n /127.0.0.1"),
        (b"dirs", "dirs is not executed"),
    ] {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        world.settle();
        let (output, close) = world.gate.output(id).unwrap();
        let text = String::from_utf8_lossy(output);
        assert!(text.contains(answer) && close, "{text}");
        world.gate.close(id);
    }
}

#[test]
fn without_a_leader_the_words_say_so_and_the_gate_looks_for_one() {
    let mut world = World::new();
    let answer = |world: &mut World, word: &[u8]| {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        for Submit { ticket, .. } in world.gate.take_submits() {
            world.gate.outcome(ticket, Outcome::Lost);
        }
        let (output, close) = world.gate.output(id).unwrap();
        assert!(close);
        String::from_utf8_lossy(output).into_owned()
    };
    assert_eq!(answer(&mut world, b"isro"), "rw");
    for word in [b"srvr", b"stat", b"mntr", b"dump"] {
        assert!(answer(&mut world, word).contains("not currently serving requests"));
    }
    assert_eq!(answer(&mut world, b"isro"), "null");
    world.gate.tick(1_000_000, Hearing::AtOnce);
    world.gate.tick(2_000_000, Hearing::AtOnce);
    let asked = world.gate.take_submits();
    assert_eq!(asked.len(), 1, "one question at a time");
    world.gate.outcome(asked[0].ticket, Outcome::Lost);
    assert_eq!(answer(&mut world, b"isro"), "null");
    world.gate.tick(3_000_000, Hearing::AtOnce);
    world.settle();
    assert_eq!(answer(&mut world, b"isro"), "rw");
}

/// The tree has no leader; what the replica here has is there all the same.
fn lose_the_leader(world: &mut World) {
    for _ in 0..5 {
        for Submit { ticket, op, local, .. } in world.gate.take_submits() {
            if !local {
                world.gate.outcome(ticket, Outcome::Lost);
                continue;
            }
            let operation = Operation::take(&mut &op[..]).unwrap();
            let mut taken = Taken(Vec::new());
            world.tree.read(operation.body, &Context::default(), &mut taken);
            world.gate.outcome(ticket, Outcome::Done(&taken.0));
        }
        world.tell_news();
    }
}

#[test]
fn without_a_leader_those_who_take_it_are_served_what_the_replica_here_has() {
    let mut world = World::new();
    let (id, mut client, session, password) = world.session();
    world.send(id, 1, CREATE, &create("/a", 0));
    world.settle();
    assert_eq!(world.read(id, &mut client), [Got::Reply(1, 0)]);
    let (other, mut takes_it) = world.connect_as(0, [0; 16], true);
    world.settle();
    assert!(matches!(world.read(other, &mut takes_it)[..], [Got::Connected(..)]));
    for now_us in (1_000_000..3_600_000).step_by(500_000) {
        assert!(!world.is_closed(other), "it may be over in a moment");
        world.gate.tick(now_us, Hearing::AtOnce);
        lose_the_leader(&mut world);
    }
    world.gate.tick(3_600_000, Hearing::AtOnce);
    assert!(world.is_closed(other), "it comes again and is served what there is");
    assert!(!world.is_closed(id), "this one waits");
    let word = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
    world.gate.input(word, b"isro");
    assert_eq!(world.gate.output(word).unwrap().0, b"ro");

    let (id, mut client) = world.connect_as(0, [0; 16], true);
    lose_the_leader(&mut world);
    let got = world.read(id, &mut client);
    assert!(matches!(got[..], [Got::Connected(fresh, _)] if fresh != session), "{got:?}");
    world.send(id, 1, GET_DATA, &watching("/a"));
    world.send(id, 2, SET_DATA, &set("/a"));
    world.send(id, 3, CREATE, &create("/b", 0));
    world.send(id, -2, PING, &[]);
    lose_the_leader(&mut world);
    let all = [Got::Reply(1, 0), Got::Reply(2, -119), Got::Reply(3, -119), Got::Reply(-2, 0)];
    assert_eq!(world.read(id, &mut client), all);
    for (password, expected) in [(password, true), ([9; 16], false)] {
        let (id, mut client) = world.connect_as(session, password, true);
        lose_the_leader(&mut world);
        let got = world.read(id, &mut client);
        assert_eq!(!got.is_empty(), expected, "{got:?}");
        assert_eq!(world.is_closed(id), !expected, "it is not told that its session is over");
    }
    let (leaves, mut leaving) = world.connect_as(0, [0; 16], true);
    lose_the_leader(&mut world);
    world.send(leaves, 9, CLOSE, &[]);
    assert!(matches!(world.read(leaves, &mut leaving)[..], [Got::Connected(..), Got::Reply(9, 0)]));

    world.gate.tick(4_600_000, Hearing::AtOnce);
    world.settle();
    world.gate.tick(5_200_000, Hearing::AtOnce);
    assert!(world.is_closed(id), "there is a leader, and where it may write it can come again");
    assert!(world.tree.sessions().count() == 2, "what was only read left nothing in the tree");
}

#[test]
fn how_long_requests_took_is_told_until_it_is_told_to_begin_anew() {
    let mut world = World::new();
    let (id, ..) = world.session();
    for took_us in [0, 3_000, 9_000] {
        world.gate.pass_time(1_000_000);
        world.send(id, 1, GET_DATA, &watching("/"));
        world.gate.pass_time(1_000_000 + took_us);
        world.settle();
    }
    let ask = |world: &mut World, word: &[u8]| {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        world.settle();
        String::from_utf8_lossy(world.gate.output(id).unwrap().0).into_owned()
    };
    let told = ask(&mut world, b"srvr");
    assert!(told.contains("Latency min/avg/max: 0/2.400/9\n"), "{told}");
    let told = ask(&mut world, b"mntr");
    assert!(told.contains("zk_min_latency\t0\n") && told.contains("zk_max_latency\t9\n"), "{told}");
    ask(&mut world, b"srst");
    let told = ask(&mut world, b"srvr");
    assert!(told.contains("Latency min/avg/max: 0/0.000/0\n"), "{told}");
}

#[test]
fn the_list_of_members_is_what_the_process_says_and_its_watchers_are_told_of_another_one() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    let config =
        |config: &str| Surroundings { config: config.to_owned(), ..Surroundings::default() };
    world.gate.surround(config("server.1=a:1:1:participant\nversion=1"));
    world.send(a, 1, GET_DATA, &watching("/zookeeper/config"));
    world.settle();
    let (output, _) = world.gate.output(a).unwrap();
    assert!(String::from_utf8_lossy(output).contains("server.1=a:1:1:participant\nversion=1"));
    assert_eq!(world.read(a, &mut client), [Got::Reply(1, 0)]);
    world.gate.surround(config("server.1=a:1:1:participant\nversion=1"));
    assert_eq!(world.read(a, &mut client), []);
    world.gate.surround(config("version=2"));
    assert_eq!(world.read(a, &mut client), [event(3, "/zookeeper/config")]);
    world.gate.surround(config("version=3"));
    assert_eq!(world.read(a, &mut client), [], "a watch is told once");
}
