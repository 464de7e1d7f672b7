//! Which commands of Redis there are here, which not and why, and which besides.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// What `COMMAND LIST` of redis-server 7.0.15 answers.
const GENUINE: &str = include_str!("redis-7.0.15.txt");
/// Where the node's tests have recorded what ours answers.
const RECORDED: &str = "crates/node/tests/scripts/command.txt";

/// Why a command is not there, by the beginning of its name.
const ABSENT: &[(&str, &str)] = &[
    (
        "cluster|",
        "Answers an error: slots, members and epochs are replicated by the metadata group; `synod node` changes them.",
    ),
    ("failover", "Leaders are elected; a node that stops hands its partitions over."),
    ("pfselftest", "A test of Redis's own code."),
    (
        "psync",
        "Followers are sent entries of the log; keys move by `MIGRATE`, or `DUMP` and `RESTORE`.",
    ),
    ("replconf", "As `PSYNC`."),
    ("script|debug", "There is no debugger of scripts."),
    ("shutdown", "A node is stopped by SIGTERM: it hands its leaderships over first."),
    ("sync", "As `PSYNC`."),
];

/// There, and refused whatever the arguments.
const REFUSED: &[(&str, &str)] = &[
    ("config|rewrite", "There is no file that the node could write."),
    ("replicaof", "Replicas are placed by the cluster."),
    ("slaveof", "Replicas are placed by the cluster."),
    ("save", "`BGSAVE` takes the same snapshots without stopping anyone."),
    ("move", "There is one database, 0, as in Redis Cluster."),
    ("swapdb", "There is one database, 0, as in Redis Cluster."),
    ("acl|load", "Users are state of the cluster, in no file."),
    ("acl|save", "Users are state of the cluster, in no file."),
    ("module|load", "There are no modules."),
    ("module|loadex", "There are no modules."),
    ("module|unload", "There are no modules."),
    ("memory|purge", "The allocator gives back by itself what is not used for a while."),
];

/// Commands of later versions, and of which.
const LATER: &[(&str, &[&str])] = &[
    ("Redis 7.2", &["client|no-touch", "client|setinfo"]),
    (
        "Redis 7.4",
        &[
            "hexpire",
            "hexpireat",
            "hexpiretime",
            "hpersist",
            "hpexpire",
            "hpexpireat",
            "hpexpiretime",
            "hpttl",
            "httl",
        ],
    ),
    ("Redis 8.0", &["hgetdel", "hgetex", "hsetex"]),
    ("Redis 8.4", &["msetex"]),
    ("Valkey 9.0", &["delifeq"]),
];

/// The part of the page.
pub fn section(root: &Path) -> Result<String> {
    let recorded = std::fs::read_to_string(root.join(RECORDED)).context(RECORDED)?;
    let ours = names_of(&recorded).with_context(|| format!("{RECORDED} has no COMMAND LIST"))?;
    let genuine: BTreeSet<&str> = GENUINE.lines().collect();
    let absent: Vec<&str> = genuine.difference(&ours).copied().collect();
    let refused = REFUSED.iter().filter(|(name, _)| ours.contains(name)).count();
    let there = genuine.len() - absent.len();
    let mut text = format!(
        "Of the {} commands and subcommands of Redis 7.0.15, {there} are there, {refused} of these only to say why not.\n\n\
         | not there | why |\n|---|---|\n",
        genuine.len()
    );
    for (prefix, why) in ABSENT {
        let names: Vec<String> =
            absent.iter().filter(|n| is_of(n, prefix)).map(|n| shown(n)).collect();
        if names.is_empty() {
            bail!("{prefix} is there: strike it from the list of those that are not");
        }
        writeln!(text, "| {} | {why} |", names.join(", "))?;
    }
    if let Some(name) = absent.iter().find(|name| !ABSENT.iter().any(|(p, _)| is_of(name, p))) {
        bail!("{name} is not there, and nothing says why");
    }
    text.push_str("\n| always refused | why |\n|---|---|\n");
    for (name, why) in REFUSED {
        writeln!(text, "| {} | {why} |", shown(name))?;
    }
    text.push_str("\n| from | |\n|---|---|\n");
    let mut more: BTreeSet<&str> = ours.difference(&genuine).copied().collect();
    more.retain(|name| !name.starts_with("debug|")); // COMMAND of Redis does not tell of DEBUG's
    for (version, names) in LATER {
        for name in *names {
            if !more.remove(name) {
                bail!("{name} of {version} is not there, or Redis 7.0 has it");
            }
        }
        let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
        writeln!(text, "| {version} | {} |", names.join(", "))?;
    }
    let own: Vec<String> = more.iter().map(|name| shown(name)).collect();
    writeln!(text, "| Synod alone | {} |", own.join(", "))?;
    Ok(text)
}

/// The names in the reply to COMMAND LIST, CR LF written as a space: `*2 $3 get $3 set`.
fn names_of(recorded: &str) -> Option<BTreeSet<&str>> {
    let reply = recorded.lines().find(|line| line.starts_with('*') && line.contains(" append "))?;
    Some(
        reply.split(' ').filter(|word| !word.starts_with(['*', '$']) && !word.is_empty()).collect(),
    )
}

/// Whether a name is this one, or one of its subcommands; a family ends with the bar.
fn is_of(name: &str, prefix: &str) -> bool {
    match name.strip_prefix(prefix) {
        Some(rest) => rest.is_empty() || prefix.ends_with('|') || rest.starts_with('|'),
        None => false,
    }
}

fn shown(name: &str) -> String {
    format!("`{}`", name.to_ascii_uppercase().replace('|', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_of_a_recorded_reply() {
        let recorded = "> COMMAND LIST\n*3 $6 append $6 client $9 client|id\n> PING\n+PONG\n";
        let names: Vec<&str> = names_of(recorded).expect("a reply").into_iter().collect();
        assert_eq!(names, ["append", "client", "client|id"]);
        assert!(is_of("script|debug", "script|debug") && is_of("cluster|meet", "cluster|"));
        assert!(!is_of("move", "mo") && !is_of("cluster", "cluster|"));
        assert_eq!(shown("client|id"), "`CLIENT ID`");
    }
}
