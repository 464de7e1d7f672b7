//! The copy: znodes level by level, parents before their children, many on their way at a time.
//!
//! A znode that has children gets its access list once everything below it is there, since it might forbid to create
//! them. Until then it has the same list with one entry more, by which anybody may create and change the list, and
//! nobody may read.

use super::place::Place;
use super::session::Session;
use anyhow::{Result, bail};
use std::collections::VecDeque;
use std::fmt;
use synod_wire::jute::{AclEntry, Op, Stat, opcode};

/// How many znodes are asked about at a time.
const BATCH: usize = 64;
const NO_NODE: i32 = -101;
const NO_AUTH: i32 = -102;
const NODE_EXISTS: i32 = -110;
const CREATE_AND_ADMIN: i32 = 4 | 16;
const CONTAINER: i64 = i64::MIN;
const FLAG_CONTAINER: i32 = 4;
const FLAG_TTL: i32 = 5;
/// The part of an owner that is a time to live, in milliseconds.
const TTL_BITS: i64 = (1 << 40) - 1;

/// What has been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub copied: u64,
    pub bytes: u64,
    pub kept: u64,
    pub ephemeral: u64,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { copied, bytes, kept, ephemeral } = self;
        write!(
            f,
            "{copied} znodes with {bytes} bytes copied, {kept} left as they were, {ephemeral} ephemeral ones left out"
        )
    }
}

/// One entry of an access list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    perms: i32,
    scheme: String,
    id: String,
}

impl Entry {
    fn is_open(entries: &[Self]) -> bool {
        matches!(entries, [one] if one.perms == 31 && one.scheme == "world")
    }

    fn told(&self) -> AclEntry<'_> {
        AclEntry { perms: self.perms, scheme: &self.scheme, id: &self.id }
    }
}

/// A znode as it was read.
struct Read {
    /// Its path below the base.
    below: String,
    data: Option<Vec<u8>>,
    stat: Stat,
    acl: Vec<Entry>,
    children: Vec<String>,
}

impl Read {
    fn is_special(&self) -> bool {
        !Entry::is_open(&self.acl) && !self.children.is_empty()
    }
}

/// From where to where, and how.
pub struct Copy<'a> {
    pub from: &'a Place,
    pub to: &'a Place,
    /// Whether what is there already gets the data and the access list of what is copied.
    pub overwrite: bool,
}

impl Copy<'_> {
    /// Copies everything; `progress` is told now and then how far it is.
    pub fn run(
        &self,
        source: &mut Session,
        target: &mut Session,
        progress: &mut dyn FnMut(&Count),
    ) -> Result<Count> {
        let mut count = Count::default();
        self.make_way(target)?;
        let mut todo = VecDeque::from([String::new()]);
        let mut special = Vec::new();
        while !todo.is_empty() {
            let batch: Vec<String> = todo.drain(..todo.len().min(BATCH)).collect();
            let read = self.read(source, batch, &mut count)?;
            for node in self.write(target, &read, &mut count)? {
                special.push((node.below.clone(), node.acl.clone()));
            }
            for node in read {
                todo.extend(node.children.iter().map(|name| format!("{}/{name}", node.below)));
            }
            progress(&count);
        }
        self.restrict(target, &special)?;
        Ok(count)
    }

    /// Creates what lies above the target's base.
    fn make_way(&self, target: &mut Session) -> Result<()> {
        let mut way = self.to.way();
        way.pop();
        for path in way {
            target.ask(create(path, Some(&[]), vec![anybody(31)], &Stat::default()));
            match target.answer()?.code {
                0 | NODE_EXISTS => {}
                code => bail!("{path} cannot be created: {}", meaning(code)),
            }
        }
        Ok(())
    }

    fn read(
        &self,
        source: &mut Session,
        batch: Vec<String>,
        count: &mut Count,
    ) -> Result<Vec<Read>> {
        for below in &batch {
            let path = &self.from.path(below);
            source.ask(Op::GetData { path, watch: false });
            source.ask(Op::GetAcl { path });
            source.ask(Op::GetChildren { path, watch: false, with_stat: false });
        }
        let mut all = Vec::new();
        for below in batch {
            if let Some(node) = self.read_one(source, below)? {
                if node.stat.ephemeral_owner > 0 {
                    count.ephemeral += 1;
                } else {
                    all.push(node);
                }
            }
        }
        Ok(all)
    }

    /// What was asked about one znode; `None` when it is gone meanwhile.
    fn read_one(&self, source: &mut Session, below: String) -> Result<Option<Read>> {
        let path = self.from.path(&below);
        let sound = |code: i32| match code {
            0 => Ok(true),
            NO_NODE if !below.is_empty() => Ok(false),
            code => bail!("{path} cannot be read: {}", meaning(code)),
        };
        let answer = source.answer()?;
        let data = match sound(answer.code)? {
            true => Some(answer.data()?),
            false => None,
        };
        let data = data.map(|(data, stat)| (data.map(<[u8]>::to_vec), stat));
        let answer = source.answer()?;
        let acl = match sound(answer.code)? {
            true => answer.acl()?,
            false => Vec::new(),
        };
        let own = |entry: &AclEntry<'_>| Entry {
            perms: entry.perms,
            scheme: entry.scheme.to_owned(),
            id: entry.id.to_owned(),
        };
        let acl: Vec<Entry> = acl.iter().map(own).collect();
        let answer = source.answer()?;
        let children = match sound(answer.code)? {
            true => answer.names()?,
            false => Vec::new(),
        };
        // What the servers keep for themselves.
        let ours = |name: &&str| path != "/" || *name != "zookeeper";
        let children = children.into_iter().filter(ours).map(str::to_owned).collect();
        let gone = acl.is_empty();
        Ok(data.filter(|_| !gone).map(|(data, stat)| Read { below, data, stat, acl, children }))
    }

    /// Writes znodes; those whose access lists have to wait.
    fn write<'a>(
        &self,
        target: &mut Session,
        nodes: &'a [Read],
        count: &mut Count,
    ) -> Result<Vec<&'a Read>> {
        for node in nodes {
            let mut acl: Vec<AclEntry<'_>> = node.acl.iter().map(Entry::told).collect();
            if node.is_special() {
                acl.push(anybody(CREATE_AND_ADMIN));
            }
            let path = self.to.path(&node.below);
            target.ask(create(&path, node.data.as_deref(), acl, &node.stat));
        }
        let (mut special, mut present) = (Vec::new(), Vec::new());
        for node in nodes {
            match target.answer()?.code {
                0 => {
                    count.copied += 1;
                    count.bytes += node.data.as_ref().map_or(0, |data| data.len() as u64);
                    special.extend(node.is_special().then_some(node));
                }
                NODE_EXISTS => present.push(node),
                code => {
                    bail!("{} cannot be created: {}", self.to.path(&node.below), meaning(code))
                }
            }
        }
        if self.overwrite {
            special.extend(self.replace(target, &present, count)?);
        } else {
            count.kept += present.len() as u64;
        }
        Ok(special)
    }

    /// Gives znodes that are there already the data of those that are copied; their access lists come last.
    fn replace<'a>(
        &self,
        target: &mut Session,
        nodes: &[&'a Read],
        count: &mut Count,
    ) -> Result<Vec<&'a Read>> {
        for node in nodes {
            let path = &self.to.path(&node.below);
            target.ask(Op::SetData { path, data: node.data.as_deref(), version: -1 });
        }
        for node in nodes {
            match target.answer()?.code {
                0 => {
                    count.copied += 1;
                    count.bytes += node.data.as_ref().map_or(0, |data| data.len() as u64);
                }
                code => {
                    bail!("{} cannot be written: {}", self.to.path(&node.below), meaning(code))
                }
            }
        }
        Ok(nodes.to_vec())
    }

    /// Sets the access lists that had to wait, those farthest below first.
    fn restrict(&self, target: &mut Session, special: &[(String, Vec<Entry>)]) -> Result<()> {
        for batch in special.rchunks(BATCH) {
            for (below, acl) in batch.iter().rev() {
                let path = &self.to.path(below);
                let acl = acl.iter().map(Entry::told).collect();
                target.ask(Op::SetAcl { path, acl, version: -1 });
            }
            for (below, _) in batch.iter().rev() {
                match target.answer()?.code {
                    0 => {}
                    code => {
                        let path = self.to.path(below);
                        bail!("the access list of {path} cannot be set: {}", meaning(code))
                    }
                }
            }
        }
        Ok(())
    }
}

const fn anybody(perms: i32) -> AclEntry<'static> {
    AclEntry { perms, scheme: "world", id: "anyone" }
}

/// Creates a znode of the kind that a stat tells.
fn create<'a>(
    path: &'a str,
    data: Option<&'a [u8]>,
    acl: Vec<AclEntry<'a>>,
    stat: &Stat,
) -> Op<'a> {
    let (flags, ttl, number) = match stat.ephemeral_owner {
        CONTAINER => (FLAG_CONTAINER, None, opcode::CREATE_CONTAINER),
        owner if owner < 0 => (FLAG_TTL, Some(owner & TTL_BITS), opcode::CREATE_TTL),
        _ => (0, None, opcode::CREATE),
    };
    Op::Create { path, data, acl, flags, ttl, number }
}

fn meaning(code: i32) -> String {
    match code {
        NO_NODE => "there is no such znode".to_owned(),
        NO_AUTH => "the access list forbids it; --auth gives an identity".to_owned(),
        -1 => "the server has no room, on its disk or in memory".to_owned(),
        code => format!("ZooKeeper's error {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_znode_is_created_as_what_its_owner_says() {
        let kind = |ephemeral_owner| match create(
            "/a",
            None,
            Vec::new(),
            &Stat { ephemeral_owner, ..Stat::default() },
        ) {
            Op::Create { flags, ttl, number, .. } => (flags, ttl, number),
            _ => unreachable!(),
        };
        assert_eq!(kind(0), (0, None, opcode::CREATE));
        assert_eq!(kind(i64::MIN), (4, None, opcode::CREATE_CONTAINER));
        assert_eq!(kind(0xff00_0000_0000_03e8_u64 as i64), (5, Some(1000), opcode::CREATE_TTL));
    }
}
