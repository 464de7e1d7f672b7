//! The znodes that stand in line for a lock, as ZooKeeper's recipes name them: who holds it follows from their names alone.
//!
//! A queue is a znode whose children end with the name of a recipe and a number of ten digits. What a client of a recipe sees
//! by listing the children is seen here without that, for the writes that a lock fences and for those who wait from other
//! protocols.

use crate::path;
use std::collections::{BTreeMap, BTreeSet};

/// How many digits a sequence has.
const DIGITS: usize = 10;
/// What stands before the number: of one that wants the lock alone, and of one that shares it.
const ALONE: [&str; 3] = ["__lock__", "lock-", "__WRIT__"];
const SHARED: [&str; 2] = ["__rlock__", "__READ__"];

/// A place in line: the number, and the name for those that have one number.
type Place = (u64, Box<str>);

/// One that stands in line.
#[derive(Clone, Copy, Debug)]
struct Contender {
    /// When it came: its czxid.
    token: i64,
    shared: bool,
}

/// What a znode's name says about a place in line: the number, and whether it shares the lock.
fn parse(name: &str) -> Option<(u64, bool)> {
    let at = name.len().checked_sub(DIGITS).filter(|at| name.is_char_boundary(*at))?;
    let (recipe, digits) = name.split_at(at);
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    let ends = |words: &[&str]| words.iter().any(|word| recipe.ends_with(word));
    match (ends(&ALONE), ends(&SHARED)) {
        (true, _) => Some((number, false)),
        (false, true) => Some((number, true)),
        (false, false) => None,
    }
}

/// The name of a contender, which every recipe reads alike: each finds its own word with the number behind it.
pub(crate) fn name_of(number: i32, shared: bool) -> String {
    match shared {
        false => format!("synod-lock-{number:010}__WRIT__{number:010}__lock__{number:010}"),
        true => format!("synod-lock-{number:010}__READ__{number:010}__rlock__{number:010}"),
    }
}

/// Where one stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It holds the lock.
    Holds,
    /// Others are before it.
    Waits,
    /// It is not in line.
    Gone,
}

/// Those who want one lock.
///
/// Invariants: `alone` names those in `line` that do not share; `tokens` has every one in line, the first to come of those
/// with one token.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    line: BTreeMap<Place, Contender>,
    alone: BTreeSet<Place>,
    tokens: BTreeMap<i64, Place>,
}

impl Queue {
    /// Where the one with this token stands.
    pub fn standing(&self, token: i64) -> Standing {
        let Some(place) = self.tokens.get(&token) else { return Standing::Gone };
        let holds = match self.alone.contains(place) {
            true => self.line.first_key_value().is_some_and(|(first, _)| first == place),
            false => self.alone.first().is_none_or(|first| place < first),
        };
        if holds { Standing::Holds } else { Standing::Waits }
    }

    /// Whether one that comes now holds the lock at once.
    pub fn admits(&self, shared: bool) -> bool {
        if shared { self.alone.is_empty() } else { self.line.is_empty() }
    }

    /// The holders, and whether they share: names and tokens, in line.
    pub fn holders(&self) -> impl Iterator<Item = (&str, i64)> {
        let until = match self.alone.first() {
            Some(alone) if self.line.first_key_value().is_some_and(|(first, _)| first == alone) => {
                1
            }
            Some(alone) => self.line.range(..alone).count(),
            None => self.line.len(),
        };
        self.line.iter().take(until).map(|((_, name), contender)| (&**name, contender.token))
    }

    /// Whether those who hold it share it.
    pub fn is_shared(&self) -> bool {
        self.line.first_key_value().is_some_and(|(_, contender)| contender.shared)
    }

    /// The name of the one with this token.
    pub fn name(&self, token: i64) -> Option<&str> {
        self.tokens.get(&token).map(|(_, name)| &**name)
    }

    pub fn len(&self) -> usize {
        self.line.len()
    }
}

/// All queues of a tree, by the path of the znode that they stand under, and those that have changed.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: BTreeMap<Box<str>, Queue>,
    changed: BTreeSet<Box<str>>,
}

impl Queues {
    pub fn get(&self, path: &str) -> Option<&Queue> {
        self.queues.get(path)
    }

    /// A znode came to be at this path with this czxid, or (`None`) is there no longer.
    pub fn put(&mut self, at: &str, token: Option<i64>) {
        let Some((above, name)) = path::split(at) else { return };
        let Some((number, shared)) = parse(name) else { return };
        let place: Place = (number, name.into());
        let queue = match token {
            Some(_) => self.queues.entry(above.into()).or_default(),
            None => match self.queues.get_mut(above) {
                Some(queue) => queue,
                None => return,
            },
        };
        let contender = token.map(|token| Contender { token, shared });
        let before = match contender {
            Some(contender) => queue.line.insert(place.clone(), contender),
            None => queue.line.remove(&place),
        };
        if before.map(|before| before.token) == token {
            return;
        }
        if let Some(before) = before
            && queue.tokens.get(&before.token) == Some(&place)
        {
            queue.tokens.remove(&before.token);
        }
        queue.alone.remove(&place);
        if let Some(contender) = contender {
            queue.tokens.entry(contender.token).or_insert_with(|| place.clone());
            if !contender.shared {
                queue.alone.insert(place);
            }
        }
        if queue.line.is_empty() {
            self.queues.remove(above);
        }
        self.changed.insert(above.into());
    }

    /// The paths of the queues that have changed since this was asked last.
    pub fn take_changed(&mut self) -> BTreeSet<Box<str>> {
        std::mem::take(&mut self.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_recipes_are_places_in_line_and_other_names_are_none() {
        for (name, place) in [
            ("0123456789abcdef__lock__0000000007", Some((7, false))),
            ("0123456789abcdef__rlock__0000000008", Some((8, true))),
            ("_c_8a-lock-0000000009", Some((9, false))),
            ("lock-0000000010", Some((10, false))),
            ("_c_8a-__READ__0000000011", Some((11, true))),
            ("_c_8a-__WRIT__0000000012", Some((12, false))),
            ("n_0000000001", None),
            ("lock-000000001", None),
            ("lock-000000000x", None),
            ("__lock__-000000001", None),
            ("\u{1d11e}000000001", None),
            ("", None),
        ] {
            assert_eq!(parse(name), place, "{name}");
        }
    }

    #[test]
    fn each_recipe_finds_the_number_behind_its_own_word() {
        for (shared, words) in
            [(false, ["lock-", "__WRIT__", "__lock__"]), (true, ["lock-", "__READ__", "__rlock__"])]
        {
            let name = name_of(7, shared);
            assert_eq!(parse(&name), Some((7, shared)));
            for word in words {
                // Curator sorts by what stands behind its word, kazoo by the ten digits at the end.
                let behind = &name[name.rfind(word).unwrap() + word.len()..];
                assert!(behind.starts_with("0000000007"), "{word} in {name}");
            }
        }
        assert!(!name_of(7, true).contains("__lock__"), "kazoo's readers look for writers by that");
    }

    #[test]
    fn the_first_in_line_holds_and_those_who_share_hold_together() {
        let mut queues = Queues::default();
        let mut put = |name: &str, token| {
            queues.put(&format!("/l/{name}"), token);
            let queue = queues.get("/l");
            queue.map_or(Vec::new(), |queue| queue.holders().map(|(_, token)| token).collect())
        };
        assert_eq!(put("a__rlock__0000000001", Some(5)), [5]);
        assert_eq!(put("b__rlock__0000000002", Some(6)), [5, 6]);
        assert_eq!(put("c__lock__0000000003", Some(7)), [5, 6]);
        assert_eq!(put("d__rlock__0000000004", Some(8)), [5, 6]);
        assert_eq!(put("plain", Some(9)), [5, 6]);
        assert_eq!(put("a__rlock__0000000001", None), [6]);
        assert_eq!(put("b__rlock__0000000002", None), [7]);
        assert_eq!(put("c__lock__0000000003", None), [8]);
        assert_eq!(put("d__rlock__0000000004", None), []);
        assert!(queues.get("/l").is_none());
        assert_eq!(queues.take_changed().len(), 1);
        assert!(queues.take_changed().is_empty());
    }

    #[test]
    fn where_one_stands_says_the_same_as_the_list_of_holders() {
        let mut queues = Queues::default();
        for (number, recipe) in
            ["rlock", "lock", "rlock", "lock"].iter().enumerate().map(|(at, r)| (at + 1, r))
        {
            let path = format!("/l/x__{recipe}__{number:010}");
            queues.put(&path, Some(number as i64 * 10));
        }
        let queue = queues.get("/l").unwrap();
        assert_eq!(queue.standing(10), Standing::Holds);
        for waits in [20, 30, 40] {
            assert_eq!(queue.standing(waits), Standing::Waits);
        }
        assert_eq!(queue.standing(15), Standing::Gone);
        assert!(!queue.admits(true) && !queue.admits(false));
        assert!(Queue::default().admits(true) && Queue::default().admits(false));
        assert!(queue.is_shared());
        assert_eq!(queue.name(20), Some("x__lock__0000000002"));
    }
}
