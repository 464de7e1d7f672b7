//! The scripts that EVALSHA finds: part of a partition's state, so that every replica knows the same ones and a
//! snapshot brings them along.
//!
//! SCRIPT LOAD writes a script into every partition, where it stays until SCRIPT FLUSH. EVAL leaves its script in the
//! partition where it ran; of those the oldest go when there are too many.

use super::sha1_hex;
use crate::digest;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use synod_types::limits;

/// A digest in lower-case hexadecimal digits.
type Sha = String;

/// The scripts of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scripts {
    by_sha: BTreeMap<Sha, Stored>,
    /// Those that EVAL left, the oldest first; no loaded one is among them.
    passing: VecDeque<Sha>,
    /// The bytes of the bodies of `by_sha`.
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    body: Arc<[u8]>,
    loaded: bool,
}

impl Scripts {
    /// A script by its name in any case: the name as it is spelled, and the body.
    pub fn find(&self, sha: &[u8]) -> Option<(String, Arc<[u8]>)> {
        let sha = std::str::from_utf8(sha).ok()?.to_ascii_lowercase();
        let body = self.by_sha.get(&sha)?.body.clone();
        Some((sha, body))
    }

    /// Remembers a script that ran.
    pub fn pass(&mut self, sha: &str, body: &[u8]) {
        if self.by_sha.contains_key(sha) || body.len() > limits::SCRIPTS_BYTES_MAX {
            return;
        }
        while self.passing.len() >= limits::SCRIPTS_PASSING_MAX
            || self.bytes + body.len() > limits::SCRIPTS_BYTES_MAX
        {
            let Some(oldest) = self.passing.pop_front() else { return };
            self.forget(&oldest);
        }
        self.passing.push_back(sha.to_owned());
        self.insert(sha, body, false);
    }

    /// Keeps a script for good; `None` when there is no room.
    pub fn load(&mut self, body: &[u8]) -> Option<String> {
        let sha = sha1_hex(body);
        if let Some(stored) = self.by_sha.get_mut(&sha) {
            if !std::mem::replace(&mut stored.loaded, true) {
                self.passing.retain(|passing| *passing != sha);
            }
            return Some(sha);
        }
        while self.bytes + body.len() > limits::SCRIPTS_BYTES_MAX {
            let oldest = self.passing.pop_front()?;
            self.forget(&oldest);
        }
        self.insert(&sha, body, true);
        Some(sha)
    }

    /// Forgets all of them.
    /// How many there are, and the bytes of their bodies.
    pub fn sizes(&self) -> (usize, usize) {
        (self.by_sha.len(), self.bytes)
    }

    pub fn flush(&mut self) {
        *self = Self::default();
    }

    fn insert(&mut self, sha: &str, body: &[u8], loaded: bool) {
        self.bytes += body.len();
        self.by_sha.insert(sha.to_owned(), Stored { body: body.into(), loaded });
    }

    fn forget(&mut self, sha: &str) {
        if let Some(stored) = self.by_sha.remove(sha) {
            self.bytes -= stored.body.len();
        }
    }

    /// Folds them into a hash of the keyspace.
    pub fn digest(&self, state: u64) -> u64 {
        self.each().fold(state, |state, (loaded, body)| {
            digest::bytes(digest::mix(state, u64::from(loaded)), body)
        })
    }

    /// Each body, and whether it was loaded, in an order in which [`Self::restore`] makes the same of them.
    pub fn each(&self) -> impl Iterator<Item = (bool, &[u8])> {
        let loaded = self.by_sha.values().filter(|stored| stored.loaded);
        let passing = self.passing.iter().filter_map(|sha| self.by_sha.get(sha));
        loaded.chain(passing).map(|stored| (stored.loaded, &*stored.body))
    }

    /// Takes those of a partition in that becomes part of this one, as far as there is room.
    pub fn absorb(&mut self, other: &Self) {
        for (loaded, body) in other.each() {
            match loaded {
                true => _ = self.load(body),
                false => self.pass(&sha1_hex(body), body),
            }
        }
    }

    /// Takes one back; `None` when it comes twice or there is no room for it.
    pub fn restore(&mut self, loaded: bool, body: &[u8]) -> Option<()> {
        let sha = sha1_hex(body);
        let fits = self.bytes + body.len() <= limits::SCRIPTS_BYTES_MAX;
        if !fits || self.by_sha.contains_key(&sha) {
            return None;
        }
        if !loaded {
            self.passing.push_back(sha.clone());
        }
        self.insert(&sha, body, loaded);
        (self.passing.len() <= limits::SCRIPTS_PASSING_MAX).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(scripts: &mut Scripts, body: &str) -> String {
        let sha = sha1_hex(body.as_bytes());
        scripts.pass(&sha, body.as_bytes());
        sha
    }

    #[test]
    fn scripts_that_passed_make_room_for_others_and_loaded_ones_stay() {
        let mut scripts = Scripts::default();
        let loaded = scripts.load(b"return 0").unwrap();
        let first = pass(&mut scripts, "return 1");
        for n in 0..limits::SCRIPTS_PASSING_MAX {
            pass(&mut scripts, &format!("return 'x{n}'"));
        }
        assert_eq!(scripts.find(first.as_bytes()), None, "the oldest is gone");
        assert!(scripts.find(loaded.to_uppercase().as_bytes()).is_some());
        assert_eq!(scripts.by_sha.len(), limits::SCRIPTS_PASSING_MAX + 1);
        let bytes: usize = scripts.by_sha.values().map(|stored| stored.body.len()).sum();
        assert_eq!(scripts.bytes, bytes);
    }

    #[test]
    fn a_script_that_is_loaded_later_is_kept_from_then_on() {
        let mut scripts = Scripts::default();
        let sha = pass(&mut scripts, "return 1");
        assert_eq!(scripts.load(b"return 1").as_ref(), Some(&sha));
        assert!(scripts.passing.is_empty() && scripts.by_sha[&sha].loaded);
    }

    #[test]
    fn too_large_a_script_is_not_kept() {
        let mut scripts = Scripts::default();
        let body = vec![b' '; limits::SCRIPTS_BYTES_MAX + 1];
        assert_eq!(scripts.load(&body), None);
        pass(&mut scripts, std::str::from_utf8(&body).unwrap());
        assert_eq!(scripts, Scripts::default());
    }

    #[test]
    fn a_snapshot_brings_them_back_as_they_were() {
        let mut scripts = Scripts::default();
        scripts.load(b"return 0").unwrap();
        pass(&mut scripts, "return 2");
        pass(&mut scripts, "return 1");
        let mut again = Scripts::default();
        for (loaded, body) in scripts.each() {
            again.restore(loaded, body).unwrap();
        }
        assert_eq!(again, scripts);
        assert_eq!(again.digest(1), scripts.digest(1));
        assert_eq!(again.restore(true, b"return 0"), None, "it comes twice");
    }
}
