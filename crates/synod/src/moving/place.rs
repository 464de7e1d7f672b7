//! `zookeeper://HOST:PORT[,HOST:PORT...][/PATH]`: which servers, and from which znode on.

use crate::settings::Usage;
use std::fmt;
use std::str::FromStr;

const SCHEME: &str = "zookeeper://";

/// A tree, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    servers: Vec<String>,
    /// Empty for the whole tree, else a path without a slash at its end.
    base: String,
}

impl Place {
    /// The servers, each `HOST:PORT`.
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// Where a znode lies whose path below the base is this one; that of the base itself is empty.
    pub fn path(&self, below: &str) -> String {
        match (&*self.base, below) {
            ("", "") => "/".to_owned(),
            (base, below) => format!("{base}{below}"),
        }
    }

    /// The znodes above the base, and the base, from the top: those that have to be there first.
    pub fn way(&self) -> Vec<&str> {
        let ends = self.base.match_indices('/').map(|(at, _)| at).skip(1);
        ends.chain([self.base.len()]).filter(|end| *end > 0).map(|end| &self.base[..end]).collect()
    }
}

impl FromStr for Place {
    type Err = Usage;

    fn from_str(text: &str) -> Result<Self, Usage> {
        let wrong = || Usage(format!("`{text}` is not {SCHEME}HOST:PORT[,HOST:PORT...][/PATH]"));
        let rest = text.strip_prefix(SCHEME).ok_or_else(wrong)?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (servers, base) = rest.split_at(at);
        let servers: Vec<String> = servers.split(',').map(str::to_owned).collect();
        let sound = |server: &String| {
            server
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        let base = base.trim_end_matches('/');
        if !servers.iter().all(sound) || base.contains("//") {
            return Err(wrong());
        }
        Ok(Self { servers, base: base.to_owned() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}{}", self.servers.join(","), self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_servers_and_a_part_of_their_tree() {
        let whole: Place = "zookeeper://a:2181,[::1]:2182/".parse().unwrap();
        assert_eq!(whole.servers(), ["a:2181", "[::1]:2182"]);
        assert_eq!((whole.path(""), whole.path("/x")), ("/".to_owned(), "/x".to_owned()));
        assert!(whole.way().is_empty());
        let part: Place = "zookeeper://a:1/x/y".parse().unwrap();
        assert_eq!((part.path(""), part.path("/z")), ("/x/y".to_owned(), "/x/y/z".to_owned()));
        assert_eq!(part.way(), ["/x", "/x/y"]);
        assert_eq!(part.to_string(), "zookeeper://a:1/x/y");
        for wrong in
            ["a:1", "zookeeper://", "zookeeper://a", "zookeeper://a:1,", "zookeeper://a:1//x"]
        {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
