//! Who may know whom. The table is the layering of ARCHITECTURE.md; an import that is not in it points
//! up or sideways.

use super::{Findings, PURE};
use crate::program::output;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use serde::Deserialize;

/// A crate and the crates of this workspace it may import. Tests may import more.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("checker", &[]),
    ("consensus", &["types"]),
    ("hotkeys", &["types"]),
    ("machine", &["types"]),
    ("locks", &["types", "machine"]),
    ("txn", &["types", "machine"]),
    ("coordinator", &[]),
    ("acl", &["types"]),
    ("data", &["types", "acl", "machine", "locks", "txn"]),
    ("tree", &["types", "machine"]),
    ("ring", &["types", "acl"]),
    ("wire", &["types"]),
    ("zookeeper", &["types", "machine", "tree", "wire"]),
    ("redis", &["types", "data", "hotkeys", "txn", "wire"]),
    ("script", &["types", "data", "wire"]),
    ("log", &["types"]),
    (
        "replica",
        &["types", "machine", "consensus", "data", "ring", "script", "tree", "txn", "wire"],
    ),
    (
        "node",
        &[
            "types",
            "acl",
            "hotkeys",
            "machine",
            "consensus",
            "data",
            "ring",
            "wire",
            "redis",
            "replica",
            "tree",
            "txn",
        ],
    ),
    ("worker", &["types", "consensus", "ring", "wire", "log", "replica", "node"]),
    (
        "server",
        &[
            "types",
            "acl",
            "consensus",
            "coordinator",
            "hotkeys",
            "data",
            "ring",
            "wire",
            "log",
            "replica",
            "node",
            "tree",
            "zookeeper",
            "worker",
        ],
    ),
    (
        "sim",
        &[
            "types",
            "consensus",
            "data",
            "ring",
            "txn",
            "wire",
            "zookeeper",
            "log",
            "replica",
            "node",
            "worker",
            "checker",
        ],
    ),
    ("synod", &["types", "wire", "server", "sim"]),
    ("chaos", &["types", "checker"]),
    ("xtask", &[]),
];

/// What a pure crate may import from outside: arithmetic, containers, derive macros. Anything with a
/// runtime, a clock or a syscall in it stays out.
const PURE_EXTERNAL: &[&str] = &[
    "bytes",
    "crc32c",
    "foldhash",
    "hashbrown",
    "itoa",
    "memchr",
    "sha2",
    "smallvec",
    "thiserror",
    "zmij",
];

/// What one pure crate imports beyond that, and why it may: crate, import, reason.
const PURE_EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("checker", "serde", "histories are read from files that tests in other languages write"),
    ("checker", "serde_json", "the format of those files"),
    ("coordinator", "serde", "its records are stored and told as JSON"),
    ("coordinator", "serde_json", "the format of those records"),
    (
        "script",
        "mlua",
        "PUC Lua 5.1, stepped by instructions and without a library that reaches outside",
    ),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None for an ordinary dependency, else "dev" or "build".
    kind: Option<String>,
    /// Set when it lives in this workspace.
    path: Option<String>,
}

/// Applies the table to every Cargo.toml of the workspace.
pub fn check(workspace: &Workspace, findings: &mut Findings) -> Result<()> {
    let mut metadata = workspace.cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let text = output(metadata)?;
    let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata")?;
    for package in &metadata.packages {
        package_imports(package, findings);
    }
    Ok(())
}

fn short(name: &str) -> &str {
    name.strip_prefix("synod-").unwrap_or(name)
}

fn package_imports(package: &Package, findings: &mut Findings) {
    let name = short(&package.name);
    let manifest = match name {
        "xtask" => "xtask/Cargo.toml".to_owned(),
        _ => format!("crates/{name}/Cargo.toml"),
    };
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(of, _)| *of == name) else {
        let wanted =
            format!("give `{name}` a row in xtask/src/tidy/imports.rs and ARCHITECTURE.md");
        findings.error(&manifest, 0, wanted);
        return;
    };
    for dependency in package.dependencies.iter().filter(|d| d.kind.as_deref() != Some("dev")) {
        let wants = short(&dependency.name);
        if dependency.path.is_some() {
            if !allowed.contains(&wants) {
                let what = format!(
                    "`{name}` may not import `{wants}`: imports point down the list in \
                     ARCHITECTURE.md; pass a value, or move the shared part down"
                );
                findings.error(&manifest, 0, what);
            }
        } else if PURE.contains(&name) && !may_import_external(name, wants) {
            let what = format!(
                "`{name}` is pure and `{wants}` is not on the list of what pure crates import \
                 (xtask/src/tidy/imports.rs): show that it has no clock, file, socket or thread"
            );
            findings.error(&manifest, 0, what);
        }
    }
}

fn may_import_external(name: &str, wants: &str) -> bool {
    PURE_EXTERNAL.contains(&wants)
        || PURE_EXCEPTIONS.iter().any(|(krate, import, _)| (*krate, *import) == (name, wants))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_cycle() {
        for (at, (name, imports)) in MAY_IMPORT.iter().enumerate() {
            for import in *imports {
                let below = MAY_IMPORT[..at].iter().any(|(other, _)| other == import);
                assert!(below, "{name} imports {import}, which stands after it");
            }
        }
    }

    #[test]
    fn an_import_that_points_up_is_found() {
        let import = |name: &str, kind: Option<&str>, path: Option<&str>| Dependency {
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
            path: path.map(str::to_owned),
        };
        let cases = [
            (import("synod-types", None, Some("x")), 0),
            (import("synod-server", None, Some("x")), 1),
            (import("synod-server", Some("dev"), Some("x")), 0),
            (import("bytes", None, None), 0),
            (import("tokio", None, None), 1),
        ];
        for (dependency, want) in cases {
            let mut findings = Findings::default();
            let package = Package { name: "synod-data".to_owned(), dependencies: vec![dependency] };
            package_imports(&package, &mut findings);
            assert_eq!(findings.errors.len(), want, "{:?}", findings.errors);
        }
    }
}
