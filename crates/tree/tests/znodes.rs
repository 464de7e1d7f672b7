//! What ZooKeeper's clients rely on, case by case.

#![allow(clippy::unwrap_used)]

use synod_machine::{Context, Machine};
use synod_tree::events::{Kind, What};
use synod_tree::{
    Acl, Answer, Call, Change, Code, DATA_BYTES_MAX, Fading, Id, Mode, Read, Reply, Request, Tree,
    Watched, perms,
};
use synod_types::{Millis, ReplySink};

/// Takes the one bulk that a tree answers.
struct Taken(Vec<u8>);

impl ReplySink for Taken {
    fn bulk(&mut self, bytes: &[u8]) {
        self.0 = bytes.to_vec();
    }
    fn simple(&mut self, _: &str) {}
    fn error(&mut self, text: &str) {
        panic!("{text}");
    }
    fn integer(&mut self, _: i64) {}
    fn null(&mut self) {}
    fn null_array(&mut self) {}
    fn array(&mut self, _: usize) {}
    fn map(&mut self, _: usize) {}
    fn set(&mut self, _: usize) {}
    fn double(&mut self, _: f64) {}
    fn boolean(&mut self, _: bool) {}
    fn verbatim(&mut self, _: &str) {}
    fn is_resp3(&self) -> bool {
        false
    }
}

fn run(tree: &mut Tree, call: &Call<'_>) -> Answer {
    let (mut body, mut taken) = (Vec::new(), Taken(Vec::new()));
    call.encode(&mut body);
    tree.apply(&body, &Context { now: Millis(1_700_000_000_000), seed: 7 }, &mut taken);
    let reply = Reply::decode(&taken.0).expect("a tree answers a reply");
    assert_eq!(reply.zxid, tree.zxid());
    reply.answer
}

/// A tree with one session, and calls in its name.
struct World {
    tree: Tree,
    session: i64,
    password: [u8; 16],
    ids: Vec<Id>,
}

impl World {
    fn new() -> Self {
        let mut tree = Tree::default();
        let (session, password) = open(&mut tree, 1);
        Self { tree, session, password, ids: Vec::new() }
    }

    fn ask(&mut self, request: Request<'_>) -> Answer {
        let call = Call { session: self.session, owner: 1, ids: self.ids.clone(), request };
        run(&mut self.tree, &call)
    }

    fn change(&mut self, change: Change<'_>) -> Answer {
        self.ask(Request::Change(change))
    }

    fn create(&mut self, path: &str, mode: Mode) -> Answer {
        self.change(create(path, mode))
    }

    fn told(&self, since: i64) -> Vec<What> {
        self.tree.events_since(since).unwrap().map(|event| event.what.clone()).collect()
    }
}

fn open(tree: &mut Tree, owner: u64) -> (i64, [u8; 16]) {
    let request = Request::Open { timeout_ms: 10_000 };
    match run(tree, &Call { session: 0, owner, ids: Vec::new(), request }) {
        Answer::Session { id, password, .. } => (id, password),
        other => panic!("{other:?}"),
    }
}

fn create(path: &str, mode: Mode) -> Change<'_> {
    Change::Create { path, data: Some(b"d"), acl: Acl::open(), mode, with_stat: false }
}

fn created(path: &str) -> Answer {
    Answer::Created { path: path.to_owned(), stat: None }
}

const PLAIN: Mode = Mode { ephemeral: false, sequential: false, fading: Fading::No };
const EPHEMERAL: Mode = Mode { ephemeral: true, sequential: false, fading: Fading::No };
const SEQUENTIAL: Mode = Mode { ephemeral: false, sequential: true, fading: Fading::No };

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
