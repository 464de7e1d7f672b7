//! The names of namespaces of ZooKeeper's clients, and of the locks whose line is in the tree of one: those that begin with a
//! hash tag that no other lock's name should have.
//!
//! ```text
//! namespace   its tree lies in the slot of   its locks are
//! default     zookeeper                      {zookeeper}/path
//! NAME        zookeeper/NAME                 {zookeeper/NAME}/path
//! ```

/// The default namespace: the one without a name.
pub const DEFAULT_NAMESPACE: &str = "";
/// The longest name of a namespace, in bytes.
pub const NAMESPACE_BYTES_MAX: usize = 64;
/// The key of the default namespace, and what the others' begin with.
const KEY: &str = "zookeeper";

/// Whether a namespace may have this name: letters, digits, `-`, `_` and `.`.
#[must_use]
pub fn is_namespace(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=NAMESPACE_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

/// The key in whose slot the tree of a namespace lies.
#[must_use]
pub fn namespace_key(namespace: &str) -> Vec<u8> {
    match namespace {
        DEFAULT_NAMESPACE => KEY.into(),
        name => format!("{KEY}/{name}").into(),
    }
}

/// The name of the lock whose line is at this path of a namespace. The braces are a hash tag, so it lies in the slot of the tree.
#[must_use]
pub fn tree_lock(namespace: &str, path: &str) -> Vec<u8> {
    [b"{", &*namespace_key(namespace), b"}", path.as_bytes()].concat()
}

/// The namespace and the path of a lock of a tree; `None` for the name of another lock.
#[must_use]
pub fn tree_path(name: &[u8]) -> Option<(&str, &[u8])> {
    let rest = name.strip_prefix(b"{")?.strip_prefix(KEY.as_bytes())?;
    let end = rest.iter().position(|b| *b == b'}')?;
    let (tag, path) = (&rest[..end], &rest[end + 1..]);
    let namespace = match tag.split_first() {
        None => DEFAULT_NAMESPACE,
        Some((b'/', name)) => std::str::from_utf8(name).ok().filter(|name| is_namespace(name))?,
        Some(_) => return None,
    };
    path.starts_with(b"/").then_some((namespace, path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::key_slot;

    #[test]
    fn a_lock_of_a_tree_is_a_tag_and_a_path() {
        assert_eq!(tree_path(b"{zookeeper}/locks/a"), Some(("", &b"/locks/a"[..])));
        assert_eq!(tree_path(b"{zookeeper}/"), Some(("", &b"/"[..])));
        assert_eq!(tree_path(b"{zookeeper/jobs-1}/a"), Some(("jobs-1", &b"/a"[..])));
        for other in [
            &b"{zookeeper}"[..],
            b"{zookeeper}a",
            b"zookeeper/a",
            b"/a",
            b"",
            b"{zookeeper/}/a",
            b"{zookeeper/a b}/a",
            b"{zookeeper/a/b}/a",
            b"{zookeeper/\xff}/a",
            b"{zookeepers}/a",
            b"{zookeeper/a/a",
        ] {
            assert_eq!(tree_path(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_lock_lies_where_the_tree_of_its_namespace_lies() {
        for namespace in ["", "a", "kafka-2", "A.b_c"] {
            let name = tree_lock(namespace, "/locks/a");
            assert_eq!(tree_path(&name), Some((namespace, &b"/locks/a"[..])));
            assert_eq!(key_slot(&name), key_slot(&namespace_key(namespace)));
        }
        assert_ne!(key_slot(&namespace_key("a")), key_slot(&namespace_key("")));
    }

    #[test]
    fn names_that_could_be_taken_for_something_else_are_refused() {
        let long = "x".repeat(NAMESPACE_BYTES_MAX);
        assert!(is_namespace(&long) && is_namespace("a") && is_namespace("0.9_Z-"));
        for bad in ["", "a/b", "a}", "a b", "\u{e9}", &format!("{long}x")] {
            assert!(!is_namespace(bad), "{bad:?}");
        }
    }
}
