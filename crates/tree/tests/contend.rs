//! Locks of the tree: those who take them by `LOCK` and those who follow one of ZooKeeper's recipes stand in one line.

#![allow(clippy::unwrap_used)]

use spoken::Spoken;
use synod_machine::{Context, Machine, Restore};
use synod_tree::{
    Acl, Answer, Call, Change, Code, Contend, Mode, Reply, Request, Restorer, Tree, perms,
};
use synod_types::{Millis, ReplySink};

/// What a tree answers, in words.
mod spoken {
    use super::ReplySink;

    #[derive(Default)]
    pub struct Spoken {
        pub words: Vec<String>,
        pub bulk: Vec<u8>,
    }

    impl ReplySink for Spoken {
        fn bulk(&mut self, bytes: &[u8]) {
            self.bulk = bytes.to_vec();
            self.words.push(String::from_utf8_lossy(bytes).into_owned());
        }
        fn simple(&mut self, text: &str) {
            self.words.push(text.to_owned());
        }
        fn error(&mut self, text: &str) {
            self.words.push(text.to_owned());
        }
        fn integer(&mut self, n: i64) {
            self.words.push(n.to_string());
        }
        fn null(&mut self) {
            self.words.push("null".to_owned());
        }
        fn null_array(&mut self) {
            self.null();
        }
        fn array(&mut self, len: usize) {
            self.words.push(format!("[{len}]"));
        }
        fn map(&mut self, len: usize) {
            self.words.push(format!("{{{len}}}"));
        }
        fn set(&mut self, _: usize) {}
        fn double(&mut self, _: f64) {}
        fn boolean(&mut self, _: bool) {}
        fn verbatim(&mut self, _: &str) {}
        fn is_resp3(&self) -> bool {
            false
        }
    }
}

fn run(tree: &mut Tree, call: &Call<'_>) -> Spoken {
    let (mut body, mut spoken) = (Vec::new(), Spoken::default());
    call.encode(&mut body);
    let ctx = Context { now: Millis(1_700_000_000_000), seed: 7 };
    match call.request.is_read() {
        true => tree.read(&body, &ctx, &mut spoken),
        false => tree.apply(&body, &ctx, &mut spoken),
    }
    spoken
}

fn contend(tree: &mut Tree, ask: Contend<'_>) -> String {
    let request = Request::Contend(ask);
    run(tree, &Call { session: 0, owner: 0, ids: Vec::new(), request }).words.join(" ")
}

fn take(tree: &mut Tree, wait: bool, shared: bool) -> String {
    contend(tree, Contend::Enqueue { path: "/locks/a", lease_ms: 500, shared, wait })
}

fn leave(tree: &mut Tree, token: i64) -> String {
    contend(tree, Contend::Leave { path: "/locks/a", token })
}

fn awaits(tree: &mut Tree, token: i64) -> String {
    contend(tree, Contend::Await { path: "/locks/a", token })
}

/// A client of ZooKeeper's with its session.
struct Client(i64);

impl Client {
    fn new(tree: &mut Tree) -> Self {
        let call = Call {
            session: 0,
            owner: 1,
            ids: Vec::new(),
            request: Request::Open { timeout_ms: 4_000 },
        };
        match Reply::decode(&run(tree, &call).bulk).unwrap().answer {
            Answer::Session { id, .. } => Self(id),
            other => panic!("{other:?}"),
        }
    }

    fn ask(&self, tree: &mut Tree, request: Request<'_>) -> Answer {
        let call = Call { session: self.0, owner: 1, ids: Vec::new(), request };
        Reply::decode(&run(tree, &call).bulk).unwrap().answer
    }

    /// Stands in line as kazoo does; the path and the token.
    fn enqueue(&self, tree: &mut Tree, recipe: &str) -> (String, i64) {
        let path = &*format!("/locks/a/0123456789abcdef{recipe}");
        let mode = Mode { ephemeral: true, sequential: true, ..Mode::default() };
        let acl = Acl::open();
        let change = Change::Create { path, data: Some(b""), acl, mode, with_stat: true };
        match self.ask(tree, Request::Change(change)) {
            Answer::Created { path, stat: Some(stat) } => (path, stat.czxid),
            other => panic!("{other:?}"),
        }
    }

    fn delete(&self, tree: &mut Tree, path: &str) -> Answer {
        self.ask(tree, Request::Change(Change::Delete { path, version: -1 }))
    }
}

#[test]
fn a_lock_is_granted_at_once_or_not_at_all_without_a_wait() {
    let mut tree = Tree::default();
    let token = take(&mut tree, false, false);
    assert_eq!(token, "1");
    assert_eq!(tree.holders("/locks/a"), [1]);
    let zxid = tree.zxid();
    assert_eq!(take(&mut tree, false, false), "null");
    assert_eq!(tree.zxid(), zxid, "nothing has changed");
    assert_eq!(tree.sessions().count(), 1);
    assert_eq!(leave(&mut tree, 1), "1");
    assert_eq!(leave(&mut tree, 1), "0");
    assert_eq!((tree.holders("/locks/a"), tree.sessions().count()), (vec![], 0));
}

#[test]
fn those_of_a_recipe_and_those_of_the_command_stand_in_one_line_with_tokens_that_grow() {
    let mut tree = Tree::default();
    let client = Client::new(&mut tree);
    assert_eq!(take(&mut tree, true, false), "2");
    let (second, second_token) = client.enqueue(&mut tree, "__lock__");
    assert_eq!(take(&mut tree, true, false), "[1] 4", "it stands in line");
    let (fourth, fourth_token) = client.enqueue(&mut tree, "-lock-");
    assert_eq!((second_token, fourth_token), (3, 5));
    assert!(second.ends_with("0000000001") && fourth.ends_with("0000000003"), "{second} {fourth}");
    assert_eq!(awaits(&mut tree, 4), "null");
    assert_eq!(take(&mut tree, false, false), "null");
    assert_eq!(tree.holders("/locks/a"), [2]);
    assert_eq!(leave(&mut tree, 2), "1");
    assert_eq!(tree.holders("/locks/a"), [3], "the recipe's is next");
    assert_eq!(client.delete(&mut tree, &second), Answer::Done);
    assert_eq!((awaits(&mut tree, 4), tree.holders("/locks/a")), ("1".to_owned(), vec![4]));
    assert_eq!(leave(&mut tree, 4), "1");
    assert_eq!(tree.holders("/locks/a"), [5]);
    assert_eq!(awaits(&mut tree, 4), "0");
}

#[test]
fn nobody_ends_or_renews_what_a_client_of_zookeeper_holds_and_none_speaks_for_a_lease() {
    let mut tree = Tree::default();
    let client = Client::new(&mut tree);
    let _made = take(&mut tree, false, false);
    assert_eq!(leave(&mut tree, 2), "1");
    let (_, token) = client.enqueue(&mut tree, "__lock__");
    let renew = Contend::Renew { path: "/locks/a", token, lease_ms: 9 };
    assert_eq!(
        (leave(&mut tree, token), contend(&mut tree, renew)),
        ("0".to_owned(), "0".to_owned())
    );
    assert_eq!(take(&mut tree, true, false), "[1] 5");
    let lease = tree.sessions().map(|(id, _)| id).find(|id| *id != client.0).unwrap();
    let attach = Request::Attach { password: [0; 16], timeout_ms: 4_000 };
    let call = Call { session: lease, owner: 1, ids: Vec::new(), request: attach };
    let answer = Reply::decode(&run(&mut tree, &call).bulk).unwrap().answer;
    assert_eq!(answer, Answer::Error(Code::SessionExpired), "nobody was told the password");
    assert_eq!(client.ask(&mut tree, Request::Close), Answer::Done);
    assert_eq!(tree.holders("/locks/a"), [5], "the recipe's session has ended");
}

#[test]
fn a_lease_is_as_long_as_the_newest_renewal_says_and_longer_while_one_waits() {
    let mut tree = Tree::default();
    let timeouts = |tree: &Tree| -> Vec<u32> {
        let mut all: Vec<u32> = tree.sessions().map(|(_, session)| session.timeout_ms()).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(
        (take(&mut tree, true, false), take(&mut tree, true, false)),
        ("1".into(), "[1] 2".into())
    );
    assert_eq!(timeouts(&tree), [500, 4_000]);
    let renew = |token| Contend::Renew { path: "/locks/a", token, lease_ms: 300 };
    assert_eq!(contend(&mut tree, renew(2)), "0", "it does not hold the lock");
    assert_eq!(contend(&mut tree, renew(1)), "1");
    assert_eq!(timeouts(&tree), [300, 4_000]);
    let first = tree.sessions().next().unwrap().0;
    let expire = Request::Expire(vec![first]);
    run(&mut tree, &Call { session: 0, owner: 0, ids: Vec::new(), request: expire });
    assert_eq!(contend(&mut tree, renew(2)), "1");
    assert_eq!((timeouts(&tree), tree.holders("/locks/a")), (vec![300], vec![2]));
    assert_eq!(contend(&mut tree, renew(1)), "0");
}

#[test]
fn those_who_share_hold_together_and_pass_none_that_wants_it_alone() {
    let mut tree = Tree::default();
    let client = Client::new(&mut tree);
    assert_eq!(
        (take(&mut tree, false, true), take(&mut tree, false, true)),
        ("2".into(), "3".into())
    );
    let (_, reader) = client.enqueue(&mut tree, "__rlock__");
    assert_eq!(tree.holders("/locks/a"), [2, 3, 4]);
    assert_eq!(reader, 4);
    assert_eq!(take(&mut tree, true, false), "[1] 5");
    assert_eq!(take(&mut tree, false, true), "null", "one before wants it alone");
    let info = contend(&mut tree, Contend::Inspect { path: "/locks/a" });
    assert!(info.starts_with("{4} mode shared token 4 holders [3] {3} token 2 ttl 500"), "{info}");
    assert!(info.ends_with("waiting 1"), "{info}");
}

#[test]
fn a_lock_that_the_tree_refuses_leaves_nothing_behind() {
    let mut tree = Tree::default();
    let client = Client::new(&mut tree);
    let acl = vec![Acl { perms: perms::READ, ..Acl::open()[0].clone() }];
    let mode = Mode::default();
    let change = Change::Create { path: "/shut", data: None, acl, mode, with_stat: false };
    let _made = client.ask(&mut tree, Request::Change(change));
    let (zxid, digest) = (tree.zxid(), tree.digest());
    for (path, says) in [
        ("/shut", "NOPERM"),
        ("/shut/below", "NOPERM"),
        ("/zookeeper", "ERR a lock of the tree"),
        ("/a//b", "ERR a lock of the tree"),
        ("/new/.", "ERR a lock of the tree"),
        ("", "ERR a lock of the tree"),
    ] {
        let ask = Contend::Enqueue { path, lease_ms: 500, shared: false, wait: true };
        let said = contend(&mut tree, ask);
        assert!(said.starts_with(says), "{path}: {said}");
        assert_eq!((tree.zxid(), tree.digest()), (zxid, digest), "{path}");
    }
}

#[test]
fn the_line_is_there_after_a_snapshot() {
    let mut tree = Tree::default();
    let client = Client::new(&mut tree);
    let _token = take(&mut tree, true, false);
    let (_, second) = client.enqueue(&mut tree, "__lock__");
    assert_eq!(take(&mut tree, true, false), "[1] 4");
    tree.snapshot_begin();
    let mut restorer = Restorer::default();
    while let Some(chunk) = tree.snapshot_next(64) {
        restorer.chunk(&chunk).unwrap();
    }
    let mut restored = restorer.finish().unwrap();
    assert_eq!(restored.take_changed_locks().collect::<Vec<_>>(), [Box::from("/locks/a")]);
    assert_eq!(restored.holders("/locks/a"), [2]);
    assert_eq!(leave(&mut restored, 2), "1");
    assert_eq!(restored.holders("/locks/a"), [second.unsigned_abs()]);
    assert_eq!(awaits(&mut restored, 4), "null");
}
