//! A tree and one who asks it.

use synod_machine::{Context, Machine};
use synod_tree::events::What;
use synod_tree::{Acl, Answer, Call, Change, Fading, Id, Mode, Reply, Request, Tree};
use synod_types::{Millis, ReplySink};

/// Takes the one bulk that a tree answers.
pub(crate) struct Taken(pub(crate) Vec<u8>);

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

pub(crate) fn run(tree: &mut Tree, call: &Call<'_>) -> Answer {
    let (mut body, mut taken) = (Vec::new(), Taken(Vec::new()));
    call.encode(&mut body);
    tree.apply(&body, &Context { now: Millis(1_700_000_000_000), seed: 7 }, &mut taken);
    let reply = Reply::decode(&taken.0).expect("a tree answers a reply");
    assert_eq!(reply.zxid, tree.zxid());
    reply.answer
}

/// A tree with one session, and calls in its name.
pub(crate) struct World {
    pub(crate) tree: Tree,
    pub(crate) session: i64,
    pub(crate) password: [u8; 16],
    pub(crate) ids: Vec<Id>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut tree = Tree::default();
        let (session, password) = open(&mut tree, 1);
        Self { tree, session, password, ids: Vec::new() }
    }

    pub(crate) fn ask(&mut self, request: Request<'_>) -> Answer {
        let call = Call { session: self.session, owner: 1, ids: self.ids.clone(), request };
        run(&mut self.tree, &call)
    }

    pub(crate) fn change(&mut self, change: Change<'_>) -> Answer {
        self.ask(Request::Change(change))
    }

    pub(crate) fn create(&mut self, path: &str, mode: Mode) -> Answer {
        self.change(create(path, mode))
    }

    pub(crate) fn told(&self, since: i64) -> Vec<What> {
        self.tree.events_since(since).unwrap().map(|event| event.what.clone()).collect()
    }
}

pub(crate) fn open(tree: &mut Tree, owner: u64) -> (i64, [u8; 16]) {
    let request = Request::Open { timeout_ms: 10_000 };
    match run(tree, &Call { session: 0, owner, ids: Vec::new(), request }) {
        Answer::Session { id, password, .. } => (id, password),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn create(path: &str, mode: Mode) -> Change<'_> {
    Change::Create { path, data: Some(b"d"), acl: Acl::open(), mode, with_stat: false }
}

pub(crate) fn created(path: &str) -> Answer {
    Answer::Created { path: path.to_owned(), stat: None }
}

pub(crate) const PLAIN: Mode = Mode { ephemeral: false, sequential: false, fading: Fading::No };
pub(crate) const EPHEMERAL: Mode = Mode { ephemeral: true, sequential: false, fading: Fading::No };
pub(crate) const SEQUENTIAL: Mode = Mode { ephemeral: false, sequential: true, fading: Fading::No };
