//! Which paths there may be, and how they lie in each other.

use crate::code::Code;

/// Whether a path keeps ZooKeeper's rules (`PathUtils.validatePath`).
pub(crate) fn check(path: &str) -> Result<(), Code> {
    let Some(rest) = path.strip_prefix('/') else { return Err(Code::BadArguments) };
    if rest.is_empty() {
        return Ok(());
    }
    let names_ok = rest.split('/').all(|name| !matches!(name, "" | "." | ".."));
    let chars_ok = path.chars().all(|c| {
        !matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}')
    });
    if names_ok && chars_ok { Ok(()) } else { Err(Code::BadArguments) }
}

/// Whether the znode is there for good.
pub(crate) fn is_special(path: &str) -> bool {
    matches!(path, "/" | "/zookeeper" | "/zookeeper/quota" | "/zookeeper/config")
}

/// The path above, and the name in it; `None` for the root.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    let at = path.rfind('/')?;
    let name = &path[at + 1..];
    if name.is_empty() {
        return None;
    }
    Some((if at == 0 { "/" } else { &path[..at] }, name))
}

/// The path of a name in another path.
pub(crate) fn join(above: &str, name: &str) -> String {
    let slash = if above.ends_with('/') { "" } else { "/" };
    [above, slash, name].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_keep_the_rules_and_paths_that_do_not() {
        for good in ["/", "/a", "/a/b", "/a.b/..c", "/ä/日本"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in
            ["", "a", "/a/", "//", "/a//b", "/.", "/a/..", "/a/./b", "/a\0", "/\u{1}", "/\u{85}"]
        {
            assert_eq!(check(bad), Err(Code::BadArguments), "{bad:?}");
        }
    }

    #[test]
    fn a_path_lies_in_the_one_above() {
        assert_eq!(split("/"), None);
        assert_eq!(split("/a"), Some(("/", "a")));
        assert_eq!(split("/a/b"), Some(("/a", "b")));
        for path in ["/a", "/a/b"] {
            assert_eq!(split(path).map(|(above, name)| join(above, name)).as_deref(), Some(path));
        }
    }
}
