//! Which locks have their line in the tree of ZooKeeper's clients: those whose name begins with a hash tag that no other
//! lock's name should have.

/// What the name of such a lock begins with: its path follows. The braces are a hash tag, so the name lies in the slot of the
/// tree of the default namespace.
pub const TREE_TAG: &[u8] = b"{zookeeper}";

/// The path of a lock of the tree; `None` for the name of another lock.
#[must_use]
pub fn tree_path(name: &[u8]) -> Option<&[u8]> {
    name.strip_prefix(TREE_TAG).filter(|path| path.first() == Some(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_the_tree_is_a_tag_and_a_path() {
        assert_eq!(tree_path(b"{zookeeper}/locks/a"), Some(&b"/locks/a"[..]));
        assert_eq!(tree_path(b"{zookeeper}/"), Some(&b"/"[..]));
        for other in [&b"{zookeeper}"[..], b"{zookeeper}a", b"zookeeper/a", b"/a", b""] {
            assert_eq!(tree_path(other), None);
        }
    }
}
