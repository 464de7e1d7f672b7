//! What can be read of a tree.

use crate::acl::{Id, permits, perms};
use crate::answer::{Answer, Census};
use crate::call::{Call, Read, Request, Watched};
use crate::code::Code;
use crate::events::Kind;
use crate::session::{READER, Session};
use crate::tree::{Tree, Znode};
use synod_types::plant::planted;

impl Tree {
    /// Runs a reading request.
    pub(crate) fn query(&self, call: &Call<'_>) -> Answer {
        self.ask(call).unwrap_or_else(Answer::Error)
    }

    fn ask(&self, call: &Call<'_>) -> Result<Answer, Code> {
        match &call.request {
            Request::Events { since } => {
                return Ok(Answer::Events(
                    self.events.since(*since).map(|all| all.cloned().collect()),
                ));
            }
            Request::Touch(_) => return Ok(Answer::Done),
            Request::Dump => return Ok(Answer::Sessions(self.dump())),
            Request::Census => return Ok(Answer::Census(self.census())),
            Request::Recognise { password } => return self.recognise(call.session, password),
            _ if call.owner == READER => {}
            _ => self.check_session(call)?,
        }
        match &call.request {
            Request::Exists(path) => Ok(Answer::Stat(self.node(path)?.stat())),
            Request::GetData(path) => self.data(path, &call.ids),
            Request::GetChildren(path) => self.children(path, &call.ids),
            Request::MultiRead(reads) => {
                let one = |read: &Read<'_>| match read {
                    Read::Data(path) => self.data(path, &call.ids),
                    Read::Children(path) => self.children(path, &call.ids),
                };
                let answers = reads.iter().map(|read| one(read).unwrap_or_else(Answer::Error));
                Ok(Answer::Multi(answers.collect()))
            }
            Request::GetAcl(path) => {
                let node = self.node(path)?;
                if !permits(&node.acl, &call.ids, perms::READ | perms::ADMIN) {
                    return Err(Code::NoAuth);
                }
                Ok(Answer::Acl { acl: node.acl.to_vec(), stat: node.stat() })
            }
            Request::GetEphemerals(prefix) => {
                let session = self.sessions.get(&call.session).ok_or(Code::SessionExpired)?;
                let below = session.ephemerals.iter().filter(|path| path.starts_with(prefix));
                Ok(Answer::Paths(below.map(ToString::to_string).collect()))
            }
            Request::CountChildren(path) => {
                self.readable(path, &call.ids)?;
                Ok(Answer::Number(self.count_below(path)))
            }
            Request::Sync => Ok(Answer::Done),
            Request::Missed { since, watched } => Ok(Answer::Missed(self.missed(*since, watched))),
            _ => Err(Code::Unimplemented),
        }
    }

    fn recognise(&self, id: i64, password: &[u8; 16]) -> Result<Answer, Code> {
        let session = self.sessions.get(&id).filter(|session| session.password == *password);
        let Session { password, timeout_ms, .. } = session.ok_or(Code::SessionExpired)?;
        Ok(Answer::Session { id, password: *password, timeout_ms: *timeout_ms })
    }

    fn data(&self, path: &str, ids: &[Id]) -> Result<Answer, Code> {
        let node = self.readable(path, ids)?;
        Ok(Answer::Data { data: node.data.as_deref().map(<[u8]>::to_vec), stat: node.stat() })
    }

    fn children(&self, path: &str, ids: &[Id]) -> Result<Answer, Code> {
        let node = self.readable(path, ids)?;
        let names = node.children.iter().map(ToString::to_string).collect();
        Ok(Answer::Children { names, stat: node.stat() })
    }

    fn census(&self) -> Census {
        let ephemerals: usize = self.sessions.values().map(|s| s.ephemerals.len()).sum();
        Census {
            znodes: self.nodes.len() as u64,
            ephemerals: ephemerals as u64,
            bytes: self.bytes as u64,
            sessions: self.sessions.len() as u64,
        }
    }

    fn dump(&self) -> Vec<(i64, Vec<String>)> {
        let paths = |session: &crate::session::Session| {
            session.ephemerals.iter().map(ToString::to_string).collect()
        };
        self.sessions.iter().map(|(id, session)| (*id, paths(session))).collect()
    }

    fn readable(&self, path: &str, ids: &[Id]) -> Result<&Znode, Code> {
        let node = self.node(path)?;
        if permits(&node.acl, ids, perms::READ) { Ok(node) } else { Err(Code::NoAuth) }
    }

    fn count_below(&self, path: &str) -> i32 {
        self.nodes.below(path).count() as i32
    }

    /// What has happened to watched paths since (`DataTree.setWatches`).
    fn missed(&self, since: i64, watched: &Watched<'_>) -> Vec<(Kind, String)> {
        let mut missed = Vec::new();
        if planted("missed-not-told") {
            return missed;
        }
        for path in &watched.data {
            match self.nodes.get(path) {
                None => missed.push((Kind::Deleted, (*path).to_owned())),
                Some(node) if node.stat.mzxid > since => {
                    missed.push((Kind::DataChanged, (*path).to_owned()));
                }
                Some(_) => {}
            }
        }
        for path in watched.exist.iter().filter(|path| self.nodes.contains_key(path)) {
            missed.push((Kind::Created, (*path).to_owned()));
        }
        for path in &watched.child {
            match self.nodes.get(path) {
                None => missed.push((Kind::Deleted, (*path).to_owned())),
                Some(node) if node.stat.pzxid > since => {
                    missed.push((Kind::ChildrenChanged, (*path).to_owned()));
                }
                Some(_) => {}
            }
        }
        missed
    }
}
