//! Quotas, and multis that are taken back.

use crate::world::*;
use synod_tree::{Acl, Answer, Call, Change, Code, Id, Request};

fn set<'a>(path: &'a str, data: &'a [u8]) -> Change<'a> {
    Change::SetData { path, data: Some(data), version: -1 }
}

fn delete(path: &str) -> Change<'_> {
    Change::Delete { path, version: -1 }
}

fn quota(world: &mut World, of: &str, limits: &[u8]) {
    let mut path = "/zookeeper/quota".to_owned();
    for name in of.split('/').skip(1) {
        path = format!("{path}/{name}");
        world.create(&path, PLAIN);
    }
    for (end, data) in [("zookeeper_limits", limits), ("zookeeper_stats", b"count=-1,bytes=-1")] {
        let path = &format!("{path}/{end}");
        let acl = Acl::open();
        let made = Change::Create { path, data: Some(data), acl, mode: PLAIN, with_stat: false };
        assert_eq!(world.change(made), created(path));
    }
}

fn stats(world: &mut World, of: &str) -> String {
    match world.ask(Request::GetData(&format!("/zookeeper/quota{of}/zookeeper_stats"))) {
        Answer::Data { data: Some(data), stat } => {
            assert_eq!(stat.version, 0, "what the tree keeps up is not a change");
            assert_eq!(stat.data_length as usize, data.len());
            String::from_utf8(data).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_quota_counts_what_there_is_and_its_hard_limits_refuse_more() {
    let mut world = World::new();
    for path in ["/q", "/q/a", "/qq", "/q/a/b"] {
        assert_eq!(world.create(path, PLAIN), created(path));
    }
    quota(&mut world, "/q", b"count=1,bytes=1;countHardLimit=5;byteHardLimit=12");
    assert_eq!(stats(&mut world, "/q"), "count=3,bytes=3", "itself and all below, each one byte");
    world.create("/q/c", PLAIN);
    world.create("/qq/not-counted", PLAIN);
    assert_eq!(stats(&mut world, "/q"), "count=4,bytes=4");
    world.change(set("/q/c", b"12345"));
    assert_eq!(stats(&mut world, "/q"), "count=4,bytes=8");
    assert_eq!(world.change(set("/q/c", b"1234567890")), Answer::Error(Code::QuotaExceeded));
    world.create("/q/d", EPHEMERAL);
    assert_eq!(world.create("/q/e", PLAIN), Answer::Error(Code::QuotaExceeded), "a sixth");
    assert_eq!(stats(&mut world, "/q"), "count=5,bytes=9");
    let (zxid, bytes) = (world.tree.zxid(), world.tree.memory());
    let parts = vec![delete("/q/a/b"), create("/q/x", PLAIN), create("/q/y", PLAIN)];
    assert!(matches!(world.ask(Request::Multi(parts)), Answer::Multi(all)
        if all.last() == Some(&Answer::Error(Code::QuotaExceeded))));
    assert_eq!((stats(&mut world, "/q").as_str(), world.tree.memory()), ("count=5,bytes=9", bytes));
    assert_eq!(world.tree.zxid(), zxid + 1);
    let session = world.session;
    run(
        &mut world.tree,
        &Call { session: 0, owner: 0, ids: Vec::new(), request: Request::Expire(vec![session]) },
    );
    let (session, _) = open(&mut world.tree, 1);
    world.session = session;
    assert_eq!(stats(&mut world, "/q"), "count=4,bytes=8", "an ephemeral goes with its session");
    // The nearest one counts.
    quota(&mut world, "/q/a", b"count=-1,bytes=-1");
    world.create("/q/a/z", PLAIN);
    assert_eq!(stats(&mut world, "/q/a"), "count=3,bytes=3");
    assert_eq!(stats(&mut world, "/q"), "count=4,bytes=8");
    for end in ["zookeeper_limits", "zookeeper_stats"] {
        world.change(delete(&format!("/zookeeper/quota/q/{end}")));
    }
    assert_eq!(world.create("/q/free", PLAIN), created("/q/free"));
}

#[test]
fn what_the_servers_keep_for_themselves_cannot_be_taken_away() {
    let mut world = World::new();
    for path in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
        assert_eq!(world.change(delete(path)), Answer::Error(Code::BadArguments), "{path}");
    }
    assert_eq!(world.change(set("/zookeeper/config", b"x")), Answer::Error(Code::NoAuth));
    world.ids = vec![Id::new("super", "")];
    assert!(matches!(world.change(set("/zookeeper/config", b"x")), Answer::Stat(_)));
}

#[test]
fn a_multi_that_fails_is_taken_back_whatever_its_changes_were_to_each_other() {
    let mut world = World::new();
    for (path, mode) in [("/a", PLAIN), ("/a/b", PLAIN), ("/a/b/c", EPHEMERAL), ("/d", EPHEMERAL)] {
        world.create(path, mode);
    }
    let (other, _) = open(&mut world.tree, 2);
    let fails = || Change::Check { path: "/none", version: 0 };
    let cases = [
        vec![delete("/a/b/c"), delete("/a/b"), delete("/a")],
        vec![create("/n", PLAIN), create("/n/m", EPHEMERAL), delete("/n/m"), delete("/n")],
        vec![create("/n", PLAIN), create("/n/m", EPHEMERAL)],
        vec![delete("/d"), create("/d", PLAIN), create("/d/e", PLAIN)],
        vec![delete("/a/b/c"), create("/a/b/c", PLAIN), set("/a/b/c", b"x"), set("/a/b", b"y")],
        vec![create("/a/s", SEQUENTIAL), create("/a/s", SEQUENTIAL), set("/a", b"z")],
    ];
    for mut changes in cases {
        // Somebody else tries, so that whose ephemerals they are matters.
        changes.push(fails());
        let request = Request::Multi(changes.clone());
        let call = Call { session: other, owner: 2, ids: Vec::new(), request };
        let answer = run(&mut world.tree, &call);
        assert!(matches!(answer, Answer::Multi(all) if all.contains(&Answer::Error(Code::NoNode))));
        assert_eq!(content(&mut world), START, "{changes:?}");
    }
    for path in ["/a/b/c", "/d"] {
        assert!(matches!(world.ask(Request::Exists(path)), Answer::Stat(_)), "{path}");
    }
    let session = world.session;
    let request = Request::Expire(vec![session]);
    run(&mut world.tree, &Call { session: 0, owner: 0, ids: Vec::new(), request });
    let left: Vec<_> = world.tree.iter().map(|(path, ..)| path.to_owned()).collect();
    assert!(!left.contains(&"/d".to_owned()) && !left.contains(&"/a/b/c".to_owned()));
}

const START: &str = "/:2 /a:1 /a/b:1 /a/b/c:0 /d:0 ephemerals:[\"/a/b/c\", \"/d\"]";

/// The znodes with how many children each has, and the session's ephemerals.
fn content(world: &mut World) -> String {
    let names: Vec<String> = world.tree.iter().map(|(path, ..)| path.to_owned()).collect();
    let mut text = String::new();
    for path in names.iter().filter(|path| !path.starts_with("/zookeeper")) {
        let Answer::Children { names, .. } = world.ask(Request::GetChildren(path)) else {
            panic!()
        };
        let count = names.iter().filter(|name| *name != "zookeeper").count();
        text.push_str(&format!("{path}:{count} "));
    }
    let Answer::Paths(mut mine) = world.ask(Request::GetEphemerals("/")) else { panic!() };
    mine.sort();
    format!("{text}ephemerals:{mine:?}")
}
