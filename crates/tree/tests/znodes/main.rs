//! What ZooKeeper's clients rely on, case by case.

#![allow(clippy::unwrap_used)]

mod quotas;
mod world;

use synod_machine::Machine;
use synod_tree::events::{Kind, What};
use synod_tree::{
    Acl, Answer, Call, Change, Code, DATA_BYTES_MAX, Fading, Id, Mode, Read, Request, Watched,
    perms,
};
use synod_types::Millis;
use world::*;

#[test]
fn each_refusal_has_zookeepers_code_and_changes_nothing() {
    let mut world = World::new();
    for (path, mode) in [("/a", PLAIN), ("/a/b", PLAIN), ("/e", EPHEMERAL)] {
        assert_eq!(world.create(path, mode), created(path));
    }
    let large = vec![0; DATA_BYTES_MAX + 1];
    let other = Change::Create {
        path: "/n",
        data: Some(b""),
        acl: vec![Acl { perms: perms::ALL, id: Id::new("digest", "no-colon") }],
        mode: PLAIN,
        with_stat: false,
    };
    let cases = [
        (create("/a", PLAIN), Code::NodeExists),
        (create("/", PLAIN), Code::NodeExists),
        (create("/no/child", PLAIN), Code::NoNode),
        (create("/e/child", PLAIN), Code::NoChildrenForEphemerals),
        (create("a", PLAIN), Code::BadArguments),
        (create("/a//b", PLAIN), Code::BadArguments),
        (other, Code::InvalidAcl),
        (Change::Delete { path: "/", version: -1 }, Code::BadArguments),
        (Change::Delete { path: "/a", version: -1 }, Code::NotEmpty),
        (Change::Delete { path: "/a/b", version: 1 }, Code::BadVersion),
        (Change::Delete { path: "/no", version: -1 }, Code::NoNode),
        (Change::SetData { path: "/a", data: Some(b""), version: 5 }, Code::BadVersion),
        (Change::SetData { path: "/no", data: Some(b""), version: -1 }, Code::NoNode),
        (Change::SetData { path: "/a", data: Some(&large), version: -1 }, Code::BadArguments),
        (Change::Check { path: "/a", version: 3 }, Code::BadVersion),
        (Change::Check { path: "/no", version: -1 }, Code::NoNode),
    ];
    let before = world.tree.digest();
    for (change, code) in cases {
        assert_eq!(world.change(change.clone()), Answer::Error(code), "{change:?}");
        assert_eq!(world.tree.digest(), before, "{change:?}");
    }
}

#[test]
fn a_stat_counts_as_zookeepers_does() {
    let mut world = World::new();
    world.create("/a", PLAIN);
    let zxid = world.tree.zxid();
    world.create("/a/x", PLAIN);
    world.create("/a/y", PLAIN);
    world.change(Change::Delete { path: "/a/x", version: 0 });
    let data = Change::SetData { path: "/a", data: Some(b"longer"), version: 0 };
    let Answer::Stat(stat) = world.change(data) else { panic!() };
    assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (zxid, zxid + 4, zxid + 3));
    assert_eq!((stat.version, stat.cversion, stat.aversion), (1, 3, 0));
    assert_eq!((stat.data_length, stat.num_children, stat.ephemeral_owner), (6, 1, 0));
    assert_eq!(stat.ctime, 1_700_000_000_000);
    let acl = Acl::open();
    let Answer::Stat(stat) = world.ask(Request::SetAcl { path: "/a", acl, version: 0 }) else {
        panic!()
    };
    assert_eq!((stat.aversion, stat.mzxid), (1, zxid + 4));
    let root = world.ask(Request::Exists("/"));
    assert!(matches!(root, Answer::Stat(stat) if stat.num_children == 2));
}

#[test]
fn sequences_count_creations_and_never_come_twice() {
    let mut world = World::new();
    world.create("/q", PLAIN);
    assert_eq!(world.create("/q/n-", SEQUENTIAL), created("/q/n-0000000000"));
    assert_eq!(world.create("/q/n-", SEQUENTIAL), created("/q/n-0000000001"));
    world.change(Change::Delete { path: "/q/n-0000000001", version: -1 });
    assert_eq!(world.create("/q/", SEQUENTIAL), created("/q/0000000002"));
    assert_eq!(world.create("/q/plain", PLAIN), created("/q/plain"));
    assert_eq!(world.create("/q/n-", SEQUENTIAL), created("/q/n-0000000004"));
}

#[test]
fn a_multi_happens_as_a_whole_or_not_at_all() {
    let mut world = World::new();
    world.create("/a", PLAIN);
    let before = (world.ask(Request::GetChildren("/")), world.tree.zxid());
    let changes = |last| {
        vec![
            create("/m", PLAIN),
            create("/m/e", EPHEMERAL),
            Change::SetData { path: "/m", data: Some(b"2"), version: 0 },
            Change::Delete { path: "/a", version: -1 },
            Change::Check { path: "/m", version: last },
            create("/z", PLAIN),
        ]
    };
    let failed = world.ask(Request::Multi(changes(9)));
    let codes = [0, 0, 0, 0, -103, -2].map(|n| Answer::Error(Code::from_number(n).unwrap()));
    assert_eq!(failed, Answer::Multi(codes.to_vec()));
    assert_eq!(world.ask(Request::GetChildren("/")), before.0);
    assert_eq!(world.told(before.1), []);
    assert_eq!(world.ask(Request::GetEphemerals("/")), Answer::Paths(vec![]));

    let zxid = world.tree.zxid();
    let Answer::Multi(answers) = world.ask(Request::Multi(changes(1))) else { panic!() };
    assert_eq!(answers[1], created("/m/e"));
    assert_eq!((answers.len(), &answers[3]), (6, &Answer::Done));
    assert_eq!(world.tree.zxid(), zxid + 1, "one change");
    let kinds = [Kind::Created, Kind::Created, Kind::DataChanged, Kind::Deleted, Kind::Created];
    let told: Vec<Kind> = world
        .told(zxid)
        .into_iter()
        .map(|what| match what {
            What::Node(kind, _) => kind,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, kinds);
}

#[test]
fn a_session_takes_its_ephemerals_along_in_one_change() {
    let mut world = World::new();
    let (other, _) = open(&mut world.tree, 2);
    world.create("/p", PLAIN);
    world.create("/p/e", EPHEMERAL);
    world.create("/f", EPHEMERAL);
    assert_eq!(world.ask(Request::GetEphemerals("/p")), Answer::Paths(vec!["/p/e".to_owned()]));
    let zxid = world.tree.zxid();
    let expire = Request::Expire(vec![world.session, 999]);
    run(&mut world.tree, &Call { session: 0, owner: 0, ids: vec![], request: expire });
    assert_eq!(world.tree.zxid(), zxid + 1);
    let deleted = |path: &str| What::Node(Kind::Deleted, path.into());
    let ended = What::SessionEnded(world.session);
    assert_eq!(world.told(zxid), [deleted("/f"), deleted("/p/e"), ended]);
    assert_eq!(world.create("/late", PLAIN), Answer::Error(Code::SessionExpired));
    world.session = other;
    assert_eq!(world.create("/late", PLAIN), Answer::Error(Code::SessionMoved), "owner 2's");
}

#[test]
fn a_session_moves_with_its_password_and_leaves_the_old_connection_powerless() {
    let mut world = World::new();
    let attach = |password| Request::Attach { password, timeout_ms: 5_000 };
    let call = |session, request| Call { session, owner: 9, ids: vec![], request };
    let (session, password) = (world.session, world.password);
    let wrong = run(&mut world.tree, &call(session, attach([0; 16])));
    assert_eq!(wrong, Answer::Error(Code::SessionExpired));
    assert_eq!(world.create("/still", PLAIN), created("/still"));
    let moved = run(&mut world.tree, &call(session, attach(password)));
    assert_eq!(moved, Answer::Session { id: session, password, timeout_ms: 5_000 });
    assert_eq!(world.create("/gone", PLAIN), Answer::Error(Code::SessionMoved));
    let change = Request::Change(create("/there", PLAIN));
    assert_eq!(run(&mut world.tree, &call(session, change)), created("/there"));
}

#[test]
fn access_lists_are_kept_to() {
    let mut world = World::new();
    world.ids = vec![Id::new("digest", "me:hash")];
    let acl = vec![
        Acl { perms: perms::READ, id: Id::new("world", "anyone") },
        Acl { perms: perms::ALL, id: Id::new("auth", "") },
    ];
    let path = "/mine";
    let mine = Change::Create { path, data: Some(b"d"), acl, mode: PLAIN, with_stat: false };
    assert_eq!(world.change(mine), created(path));
    world.ids.clear();
    let no = Answer::Error(Code::NoAuth);
    assert!(matches!(world.ask(Request::GetData(path)), Answer::Data { .. }));
    assert_eq!(world.change(Change::SetData { path, data: Some(b""), version: -1 }), no);
    assert_eq!(world.create("/mine/child", PLAIN), no);
    assert_eq!(world.ask(Request::SetAcl { path, acl: Acl::open(), version: -1 }), no);
    world.ids = vec![Id::new("digest", "me:hash")];
    assert_eq!(world.create("/mine/child", PLAIN), created("/mine/child"));
    let Answer::Acl { acl, .. } = world.ask(Request::GetAcl(path)) else { panic!() };
    assert_eq!(acl[1].id, Id::new("digest", "me:hash"), "`auth` became who created it");
}

#[test]
fn a_connection_that_was_away_is_told_what_it_missed() {
    let mut world = World::new();
    for path in ["/same", "/set", "/parent", "/gone"] {
        world.create(path, PLAIN);
    }
    let since = world.tree.zxid();
    world.change(Change::SetData { path: "/set", data: Some(b""), version: -1 });
    world.create("/parent/child", PLAIN);
    world.change(Change::Delete { path: "/gone", version: -1 });
    world.create("/new", PLAIN);
    let watched = Watched {
        data: vec!["/same", "/set", "/gone"],
        exist: vec!["/new", "/not-yet"],
        child: vec!["/same", "/parent", "/gone"],
    };
    let missed = [
        (Kind::DataChanged, "/set"),
        (Kind::Deleted, "/gone"),
        (Kind::Created, "/new"),
        (Kind::ChildrenChanged, "/parent"),
        (Kind::Deleted, "/gone"),
    ];
    let missed = missed.map(|(kind, path)| (kind, path.to_owned())).to_vec();
    assert_eq!(world.ask(Request::Missed { since, watched }), Answer::Missed(missed));
}

const DAY: u64 = 86_400_000;

#[test]
fn containers_go_when_their_last_child_has_gone_and_others_when_their_time_is_over() {
    let mut world = World::new();
    let now = Millis(1_700_000_000_000);
    let fading = |fading| Mode { fading, ..Mode::default() };
    for (path, mode) in [
        ("/c", fading(Fading::Childless)),
        ("/unused", fading(Fading::Childless)),
        ("/c/x", PLAIN),
        ("/t", fading(Fading::After(DAY))),
        ("/full", fading(Fading::After(1))),
        ("/full/x", PLAIN),
    ] {
        assert_eq!(world.create(path, mode), created(path));
    }
    for ms in [0, 1 << 40] {
        let refused = world.create("/bad", fading(Fading::After(ms)));
        assert_eq!(refused, Answer::Error(Code::BadArguments), "{ms}");
    }
    let Answer::Stat(stat) = world.ask(Request::Exists("/t")) else { panic!() };
    assert_eq!(stat.ephemeral_owner as u64, 0xff00_0000_0526_5c00);
    let later = Millis(now.0 + DAY + 1);
    assert!(world.tree.faded(now, 9).is_empty());
    assert_eq!(world.tree.faded(later, 9), ["/t"]);
    world.change(Change::Delete { path: "/c/x", version: -1 });
    assert_eq!(world.tree.faded(now, 9), ["/c"]);
    assert_eq!(world.tree.faded(later, 1), ["/c"]);
    // What an operation names is looked at again when it is applied.
    let before = world.tree.zxid();
    let reap = Request::Reap(vec!["/c", "/t", "/unused", "/full", "/absent"]);
    assert_eq!(
        run(&mut world.tree, &Call { session: 0, owner: 0, ids: vec![], request: reap }),
        Answer::Done
    );
    assert_eq!(world.told(before), [What::Node(Kind::Deleted, "/c".into())]);
    assert!(world.tree.faded(now, 9).is_empty());
}

#[test]
fn no_data_is_not_empty_data() {
    let mut world = World::new();
    let make =
        |data| Change::Create { path: "/n", data, acl: Acl::open(), mode: PLAIN, with_stat: false };
    assert_eq!(world.change(make(None)), created("/n"));
    for data in [None, Some(&b""[..]), Some(&b"x"[..]), None] {
        let set = Change::SetData { path: "/n", data, version: -1 };
        assert!(matches!(world.change(set), Answer::Stat(_)));
        let Answer::Data { data: found, stat } = world.ask(Request::GetData("/n")) else {
            panic!()
        };
        assert_eq!(found.as_deref(), data);
        assert_eq!(stat.data_length as usize, data.map_or(0, <[u8]>::len));
    }
}

#[test]
fn several_reads_are_answered_each_for_itself() {
    let mut world = World::new();
    world.create("/a", PLAIN);
    world.create("/a/b", PLAIN);
    let reads = vec![Read::Data("/a/b"), Read::Children("/absent"), Read::Children("/a")];
    let Answer::Multi(answers) = world.ask(Request::MultiRead(reads)) else { panic!() };
    assert!(matches!(&answers[0], Answer::Data { data: Some(data), .. } if data == b"d"));
    assert_eq!(answers[1], Answer::Error(Code::NoNode));
    assert!(matches!(&answers[2], Answer::Children { names, .. } if names == &["b"]));
}

#[test]
fn what_znodes_take_is_counted_and_forgotten_with_them() {
    let mut world = World::new();
    let before = world.tree.memory();
    let large = vec![7; 10_000];
    let make =
        |data| Change::Create { path: "/l", data, acl: Acl::open(), mode: PLAIN, with_stat: false };
    world.change(make(Some(b"")));
    let small = world.tree.memory();
    assert!(small > before);
    world.change(Change::SetData { path: "/l", data: Some(&large), version: -1 });
    assert_eq!(world.tree.memory(), small + large.len());
    let both = vec![
        Change::SetData { path: "/l", data: None, version: -1 },
        Change::Delete { path: "/absent", version: -1 },
    ];
    world.ask(Request::Multi(both));
    assert_eq!(world.tree.memory(), small + large.len(), "it was taken back");
    world.change(Change::Delete { path: "/l", version: -1 });
    assert_eq!(world.tree.memory(), before);
    world.create("/e", EPHEMERAL);
    world.ask(Request::Close);
    assert_eq!(world.tree.memory(), before);
}
