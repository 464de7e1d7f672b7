//! Random changes against a model that is too simple to be wrong, and snapshots taken in the middle of them.

use proptest::prelude::*;
use std::collections::BTreeMap;
use synod_machine::{Context, Machine, Restore};
use synod_tree::{Acl, Call, Change, Fading, Mode, Request, Restorer, Tree};
use synod_types::Millis;

/// Few names, so that changes meet.
fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(0..3usize, 1..4)
        .prop_map(|names| names.iter().map(|n| ["/a", "/b", "/a-"][*n]).collect())
}

#[derive(Clone, Debug)]
enum Step {
    Create(String, bool),
    Delete(String),
    Set(String, u8),
    Multi(Vec<(String, bool)>),
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (path(), any::<bool>()).prop_map(|(path, ephemeral)| Step::Create(path, ephemeral)),
        2 => path().prop_map(Step::Delete),
        2 => (path(), any::<u8>()).prop_map(|(path, byte)| Step::Set(path, byte)),
        2 => prop::collection::vec((path(), any::<bool>()), 1..4).prop_map(Step::Multi),
        1 => Just(Step::Expire),
    ]
}

/// Paths with their data and whether they are ephemeral.
type Model = BTreeMap<String, (Vec<u8>, bool)>;

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}

fn create(model: &mut Model, path: &str, ephemeral: bool) -> bool {
    let above = parent(path);
    let fits = above.is_empty() || model.get(above).is_some_and(|(_, ephemeral)| !ephemeral);
    let ok = fits && !model.contains_key(path);
    if ok {
        model.insert(path.to_owned(), (b"d".to_vec(), ephemeral));
    }
    ok
}

fn delete(model: &mut Model, path: &str) -> bool {
    let ok = model.contains_key(path) && !model.keys().any(|other| parent(other) == path);
    if ok {
        model.remove(path);
    }
    ok
}

fn play(model: &mut Model, step: &Step) {
    match step {
        Step::Create(path, ephemeral) => drop(create(model, path, *ephemeral)),
        Step::Delete(path) => drop(delete(model, path)),
        Step::Set(path, byte) => {
            if let Some((data, _)) = model.get_mut(path) {
                *data = vec![*byte];
            }
        }
        Step::Multi(parts) => {
            let mut tried = model.clone();
            let done = |(path, make): &(String, bool)| match make {
                true => create(&mut tried, path, true),
                false => delete(&mut tried, path),
            };
            if parts.iter().all(done) {
                *model = tried;
            }
        }
        Step::Expire => model.retain(|_, (_, ephemeral)| !*ephemeral),
    }
}

fn change(path: &str, ephemeral: bool) -> Change<'_> {
    let mode = Mode { ephemeral, sequential: false, fading: Fading::No };
    Change::Create { path, data: Some(b"d"), acl: Acl::open(), mode, with_stat: false }
}

fn apply(tree: &mut Tree, step: &Step) {
    let data = match step {
        Step::Set(_, byte) => vec![*byte],
        _ => Vec::new(),
    };
    if tree.sessions().next().is_none() {
        send(tree, 0, Request::Open { timeout_ms: 1 });
    }
    let session = tree.sessions().next().map_or(0, |(id, _)| id);
    let request = match step {
        Step::Create(path, ephemeral) => Request::Change(change(path, *ephemeral)),
        Step::Delete(path) => Request::Change(Change::Delete { path, version: -1 }),
        Step::Set(path, _) => {
            Request::Change(Change::SetData { path, data: Some(&data), version: -1 })
        }
        Step::Multi(parts) => {
            let changes = parts
                .iter()
                .map(|(path, make)| match make {
                    true => change(path, true),
                    false => Change::Delete { path, version: -1 },
                })
                .collect();
            return send(tree, session, Request::Multi(changes));
        }
        Step::Expire => Request::Expire(vec![session]),
    };
    send(tree, session, request);
}

fn send(tree: &mut Tree, session: i64, request: Request<'_>) {
    let mut body = Vec::new();
    Call { session, owner: 0, ids: Vec::new(), request }.encode(&mut body);
    tree.apply(&body, &Context { now: Millis(5), seed: 1 }, &mut ());
}

fn content(tree: &Tree) -> Model {
    tree.iter()
        .filter(|(path, ..)| *path != "/" && !path.starts_with("/zookeeper"))
        .map(|(path, data, stat)| (path.to_owned(), (data.to_vec(), stat.ephemeral_owner != 0)))
        .collect()
}

proptest! {
    #[test]
    fn a_tree_holds_what_the_model_holds(steps in prop::collection::vec(step(), 1..60)) {
        let (mut tree, mut model) = (Tree::default(), Model::new());
        for step in &steps {
            apply(&mut tree, step);
            play(&mut model, step);
            prop_assert_eq!(&content(&tree), &model, "{:?}", step);
            for (path, _, stat) in tree.iter() {
                let children = tree.iter().filter(|(other, ..)| {
                    *other != "/" && parent(other) == path.trim_end_matches('/')
                });
                prop_assert_eq!(stat.num_children as usize, children.count(), "{}", path);
            }
        }
    }

    #[test]
    fn a_snapshot_is_the_tree_as_it_was_at_its_begin_whatever_happens_meanwhile(
        before in prop::collection::vec(step(), 0..40),
        during in prop::collection::vec(step(), 0..40),
        chunk in 1usize..200,
    ) {
        let mut tree = Tree::default();
        before.iter().for_each(|step| apply(&mut tree, step));
        let digest = tree.digest();
        tree.snapshot_begin();
        let mut restorer = Restorer::default();
        let mut during = during.iter();
        while let Some(bytes) = tree.snapshot_next(chunk) {
            prop_assert_eq!(restorer.chunk(&bytes), Ok(()));
            during.by_ref().take(2).for_each(|step| apply(&mut tree, step));
        }
        let restored = restorer.finish();
        prop_assert_eq!(restored.map(|tree| tree.digest()), Ok(digest));
    }
}
