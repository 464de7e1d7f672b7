//! What changes a tree: one znode at a time, several at once, and the sessions.

use crate::acl::{Acl, Id, permits, perms, settled};
use crate::answer::Answer;
use crate::call::{Call, Change, Fading, Mode, Request};
use crate::code::Code;
use crate::events::{Kind, What};
use crate::limits::{DATA_BYTES_MAX, SESSIONS_MAX, TTL_MS_MAX};
use crate::path;
use crate::quota;
use crate::session::Session;
use crate::stat::Stat;
use crate::tree::{Tree, Znode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use synod_machine::{Context, digest};
use synod_types::Millis;
use synod_types::plant::planted;

/// Who changes, and when.
pub(crate) struct Author<'a> {
    pub session: i64,
    pub ids: &'a [Id],
    pub now: i64,
}

impl Tree {
    /// Runs a changing request.
    pub(crate) fn execute(&mut self, call: &Call<'_>, ctx: &Context) -> Answer {
        let result = match &call.request {
            Request::Open { timeout_ms } => self.open(call.owner, *timeout_ms, ctx),
            Request::Expire(sessions) => self.expire(sessions),
            Request::Reap(paths) => Ok(self.reap(paths, ctx.now)),
            _ => self.check_session(call).and_then(|()| {
                let now = ctx.now.0 as i64;
                let author = Author { session: call.session, ids: &call.ids, now };
                self.execute_in_session(call, &author)
            }),
        };
        match result {
            Ok(answer) => {
                if changes(&call.request) {
                    self.commit();
                }
                answer
            }
            Err(code) => Answer::Error(code),
        }
    }

    fn execute_in_session(&mut self, call: &Call<'_>, author: &Author<'_>) -> Result<Answer, Code> {
        match &call.request {
            Request::Attach { password, timeout_ms } => self.attach(call, password, *timeout_ms),
            Request::Close => {
                self.end(call.session);
                Ok(Answer::Done)
            }
            Request::Change(change) => self.one(change, author),
            Request::SetAcl { path, acl, version } => self.set_acl(path, acl, *version, author),
            Request::Multi(changes) => self.all(changes, author),
            _ => Err(Code::Unimplemented),
        }
    }

    /// Whether the session is there and this connection speaks for it.
    pub(crate) fn check_session(&self, call: &Call<'_>) -> Result<(), Code> {
        let session = self.sessions.get(&call.session).ok_or(Code::SessionExpired)?;
        let takes_over = matches!(call.request, Request::Attach { .. });
        if takes_over || session.owner == call.owner { Ok(()) } else { Err(Code::SessionMoved) }
    }

    fn open(&mut self, owner: u64, timeout_ms: u32, ctx: &Context) -> Result<Answer, Code> {
        if self.sessions.len() >= SESSIONS_MAX {
            return Err(Code::BadArguments);
        }
        let id = self.open_session(owner, timeout_ms, ctx);
        let password = self.sessions.get(&id).map(|session| session.password).unwrap_or_default();
        Ok(Answer::Session { id, password, timeout_ms })
    }

    /// A new session; its id.
    pub(crate) fn open_session(&mut self, owner: u64, timeout_ms: u32, ctx: &Context) -> i64 {
        // Positive, unique, and different from tree to tree by its time.
        let mut id = (ctx.now.0 << 16 & 0x7fff_ffff_ffff_0000) as i64 | (self.zxid & 0xffff);
        while id == 0 || self.sessions.contains_key(&id) {
            id += 1;
        }
        let mut password = [0; 16];
        password[..8].copy_from_slice(&digest::mix(ctx.seed, 1).to_be_bytes());
        password[8..].copy_from_slice(&digest::mix(ctx.seed, 2).to_be_bytes());
        let session = Session { password, timeout_ms, owner, ephemerals: BTreeSet::new() };
        self.sessions.insert(id, session);
        id
    }

    fn attach(
        &mut self,
        call: &Call<'_>,
        password: &[u8; 16],
        timeout_ms: u32,
    ) -> Result<Answer, Code> {
        let session = self.sessions.get_mut(&call.session).ok_or(Code::SessionExpired)?;
        if session.password != *password {
            return Err(Code::SessionExpired);
        }
        (session.owner, session.timeout_ms) = (call.owner, timeout_ms);
        self.told.push(What::SessionMoved(call.session, call.owner));
        Ok(Answer::Session { id: call.session, password: *password, timeout_ms })
    }

    fn expire(&mut self, sessions: &[i64]) -> Result<Answer, Code> {
        for session in sessions {
            self.end(*session);
        }
        Ok(Answer::Done)
    }

    /// Deletes those of these znodes that have faded by now.
    fn reap(&mut self, paths: &[&str], now: Millis) -> Answer {
        for path in paths {
            if self.nodes.get(path).is_some_and(|node| node.has_faded(now)) {
                self.unlink(path);
            }
        }
        Answer::Done
    }

    /// Ends a session and deletes its ephemerals, all in this one change.
    pub(crate) fn end(&mut self, id: i64) {
        let Some(session) = self.sessions.remove(&id) else { return };
        let spared = usize::from(planted("ephemerals-outlive"));
        for path in session.ephemerals.iter().skip(spared) {
            self.unlink(path);
        }
        self.told.push(What::SessionEnded(id));
    }

    /// All of the changes, or none. A multi that fails uses its zxid up all the same, as ZooKeeper's does.
    fn all(&mut self, changes: &[Change<'_>], author: &Author<'_>) -> Result<Answer, Code> {
        self.undo = Some(BTreeMap::new());
        let mut answers = Vec::with_capacity(changes.len());
        for (at, change) in changes.iter().enumerate() {
            match self.one(change, author) {
                Ok(answer) => answers.push(answer),
                Err(code) => {
                    self.take_back();
                    return Ok(failed(changes.len(), at, code));
                }
            }
        }
        self.undo = None;
        Ok(Answer::Multi(answers))
    }

    pub(crate) fn one(&mut self, change: &Change<'_>, author: &Author<'_>) -> Result<Answer, Code> {
        match change {
            Change::Create { path, data, acl, mode, with_stat } => {
                let path = self.create(path, *data, acl, *mode, author)?;
                let stat = self.nodes.get(&path).map(Znode::stat).filter(|_| *with_stat);
                Ok(Answer::Created { path, stat })
            }
            Change::Delete { path, version } => self.delete(path, *version, author),
            Change::SetData { path, data, version } => self.set_data(path, *data, *version, author),
            Change::Check { path, version } => {
                let node = self.node(path)?;
                allow(node, author, perms::READ)?;
                check_version(*version, node.stat.version)?;
                Ok(Answer::Done)
            }
        }
    }

    pub(crate) fn node(&self, path: &str) -> Result<&Znode, Code> {
        // A znode that is there has a path that keeps the rules.
        self.nodes.get(path).ok_or_else(|| path::check(path).err().unwrap_or(Code::NoNode))
    }

    fn create(
        &mut self,
        wanted: &str,
        data: Option<&[u8]>,
        acl: &[Acl],
        mode: Mode,
        author: &Author<'_>,
    ) -> Result<String, Code> {
        if mode.sequential {
            path::check(&format!("{wanted}1"))?;
        } else {
            path::check(wanted)?;
        }
        let fades_late =
            matches!(mode.fading, Fading::After(ms) if !(1..=TTL_MS_MAX).contains(&ms));
        if fades_late || data.is_some_and(|data| data.len() > DATA_BYTES_MAX) {
            return Err(Code::BadArguments);
        }
        let above = match wanted.rfind('/') {
            _ if wanted == "/" && !mode.sequential => return Err(Code::NodeExists),
            Some(0) | None => "/",
            Some(at) => &wanted[..at],
        };
        let parent = self.nodes.get(above).ok_or(Code::NoNode)?;
        allow(parent, author, perms::CREATE)?;
        let acl = settled(acl, author.ids)?;
        let number = match planted("sequence-by-children") {
            true => parent.children.len() as i32,
            false => parent.stat.cversion,
        };
        let path = match mode.sequential {
            true => format!("{wanted}{number:010}"),
            false => wanted.to_owned(),
        };
        if self.nodes.contains_key(&path) {
            return Err(Code::NodeExists);
        }
        if parent.is_ephemeral() {
            return Err(Code::NoChildrenForEphemerals);
        }
        let more = quota::Change { count: 1, bytes: data.map_or(0, |data| data.len() as i64) };
        self.check_quota(&path, more)?;
        self.link(&path, data, acl, mode, author);
        self.count_quota(&path, more);
        self.begin_quota(&path);
        Ok(path)
    }

    /// Puts a znode in whose creation was checked.
    fn link(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: Vec<Acl>,
        mode: Mode,
        author: &Author<'_>,
    ) {
        let zxid = self.zxid + 1;
        let owner = if mode.ephemeral { author.session } else { mode.fading.owner() };
        let stat = Stat {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: author.now,
            mtime: author.now,
            ephemeral_owner: owner,
            ..Stat::default()
        };
        let acl = if *acl == *self.open_acl { Arc::clone(&self.open_acl) } else { Arc::from(acl) };
        self.insert(
            path,
            Znode { data: data.map(Box::from), acl, stat, children: BTreeSet::new() },
        );
        if let Some((above, name)) = path::split(path)
            && let Some(parent) = self.change(above)
        {
            parent.children.insert(name.into());
            parent.stat.cversion = parent.stat.cversion.wrapping_add(1);
            parent.stat.pzxid = zxid;
        }
        if let Some(session) = self.sessions.get_mut(&owner) {
            session.ephemerals.insert(path.into());
        }
        self.told.push(What::Node(Kind::Created, path.into()));
    }

    fn delete(&mut self, path: &str, version: i32, author: &Author<'_>) -> Result<Answer, Code> {
        path::check(path)?;
        if path::is_special(path) {
            return Err(Code::BadArguments);
        }
        let (above, _) = path::split(path).ok_or(Code::BadArguments)?;
        let parent = self.nodes.get(above).ok_or(Code::NoNode)?;
        let node = self.nodes.get(path).ok_or(Code::NoNode)?;
        allow(parent, author, perms::DELETE)?;
        check_version(version, node.stat.version)?;
        if !node.children.is_empty() {
            return Err(Code::NotEmpty);
        }
        self.unlink(path);
        Ok(Answer::Done)
    }

    /// Takes a znode out whose deletion was checked.
    fn unlink(&mut self, path: &str) {
        let zxid = self.zxid + 1;
        let Some(node) = self.remove(path) else { return };
        if let Some(session) = self.sessions.get_mut(&node.stat.ephemeral_owner) {
            session.ephemerals.remove(path);
        }
        if let Some((above, name)) = path::split(path)
            && let Some(parent) = self.change(above)
        {
            parent.children.remove(name);
            parent.stat.pzxid = zxid;
        }
        let bytes = node.data.as_ref().map_or(0, |data| data.len() as i64);
        self.count_quota(path, quota::Change { count: -1, bytes: -bytes });
        self.told.push(What::Node(Kind::Deleted, path.into()));
    }

    fn set_data(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        version: i32,
        author: &Author<'_>,
    ) -> Result<Answer, Code> {
        let node = self.node(path)?;
        allow(node, author, perms::WRITE)?;
        check_version(version, node.stat.version)?;
        if data.is_some_and(|data| data.len() > DATA_BYTES_MAX) {
            return Err(Code::BadArguments);
        }
        let len = |data: Option<&[u8]>| data.map_or(0, <[u8]>::len);
        let (before, after) = (len(node.data.as_deref()), len(data));
        let more = quota::Change { count: 0, bytes: after as i64 - before as i64 };
        self.check_quota(path, more)?;
        let (zxid, now) = (self.zxid + 1, author.now);
        self.weigh_data(before, after);
        let node = self.change(path).ok_or(Code::NoNode)?;
        node.data = data.map(Box::from);
        node.stat.version = node.stat.version.wrapping_add(1);
        (node.stat.mzxid, node.stat.mtime) = (zxid, now);
        let stat = node.stat();
        self.count_quota(path, more);
        self.told.push(What::Node(Kind::DataChanged, path.into()));
        Ok(Answer::Stat(stat))
    }

    fn set_acl(
        &mut self,
        path: &str,
        acl: &[Acl],
        version: i32,
        author: &Author<'_>,
    ) -> Result<Answer, Code> {
        let node = self.node(path)?;
        let acl = settled(acl, author.ids)?;
        allow(node, author, perms::ADMIN)?;
        check_version(version, node.stat.aversion)?;
        let node = self.change(path).ok_or(Code::NoNode)?;
        node.acl = Arc::from(acl);
        node.stat.aversion = node.stat.aversion.wrapping_add(1);
        Ok(Answer::Stat(node.stat()))
    }
}

/// Whether the author may do this with the znode.
fn allow(node: &Znode, author: &Author<'_>, wanted: i32) -> Result<(), Code> {
    if permits(&node.acl, author.ids, wanted) { Ok(()) } else { Err(Code::NoAuth) }
}

fn check_version(wanted: i32, found: i32) -> Result<(), Code> {
    if wanted == -1 || wanted == found { Ok(()) } else { Err(Code::BadVersion) }
}

/// Whether a request that succeeded has used a zxid up. A check on its own has not.
fn changes(request: &Request<'_>) -> bool {
    !matches!(request, Request::Change(Change::Check { .. }))
}

/// The answers to a multi of which one change failed: those before it would have been fine, those behind it were not tried.
fn failed(len: usize, at: usize, code: Code) -> Answer {
    let one = |n: usize| match n.cmp(&at) {
        std::cmp::Ordering::Less => Answer::Error(Code::Ok),
        std::cmp::Ordering::Equal => Answer::Error(code),
        std::cmp::Ordering::Greater => Answer::Error(Code::RuntimeInconsistency),
    };
    Answer::Multi((0..len).map(one).collect())
}
