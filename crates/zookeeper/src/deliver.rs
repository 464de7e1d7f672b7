//! Replies and events on their way out, in the order that clients rely on.

use crate::connection::{Connection, ConnectionId, Phase, Waiting};
use crate::gate::Gate;
use crate::pending::{Pending, WatchWish};
use crate::render::render;
use crate::watches::{WATCHES_MAX, Watches};
use synod_tree::events::{Event, Kind, What};
use synod_tree::{Answer, Code, Reply};
use synod_types::plant::planted;
use synod_wire::jute::{Body, put_connect_reply, put_event, put_reply};

/// ZooKeeper's number for a watch that is not there.
const NO_WATCHER: i32 = -121;

impl Gate {
    /// Writes the replies that may leave: in order, and none before the events that it shows.
    pub(crate) fn deliver(&mut self, id: ConnectionId) {
        while let Some(connection) = self.connections.get_mut(&id) {
            let Some(zxid) = connection.front_zxid() else { return };
            let behind = self.follower.seen().is_some_and(|seen| seen < zxid);
            // A watch must not be told of what its own read has shown already.
            let told_later = behind && !planted("watch-after-reply");
            if told_later && (!connection.watches.is_empty() || connection.front_watches()) {
                self.held.insert(id);
                return self.ask();
            }
            let Some((waiting, reply)) = connection.pop() else { return };
            // Reads that were on their way together may have been executed by two leaders. What the gate answers by
            // itself has no zxid of its own.
            if reply.zxid > 0 && reply.zxid < connection.shown {
                return self.hang_up(id);
            }
            // The session is served elsewhere, though its move may have been told before this connection had it: whoever
            // stays here is answered nothing else and never told of anything (ZOOKEEPER-710).
            if reply.answer == Answer::Error(Code::SessionMoved) {
                return self.hang_up(id);
            }
            self.dirty.insert(id);
            self.count_reply(waiting.since_us);
            let expired = reply.answer == Answer::Error(Code::SessionExpired);
            self.write(id, waiting, reply);
            if expired {
                return self.hang_up(id);
            }
        }
    }

    fn write(&mut self, id: ConnectionId, waiting: Waiting, mut reply: Reply) {
        let Waiting { xid, pending, .. } = waiting;
        if let (Pending::Config(_), Answer::Data { data, stat }) = (&pending, &mut reply.answer) {
            let config = self.around.config.as_bytes();
            *data = Some(config.to_vec());
            // Its versions are the members' and not the znode's (ZooKeeper: -1).
            (stat.version, stat.aversion, stat.data_length) = (-1, -1, config.len() as i32);
        }
        match &pending {
            Pending::Connect { read_only, last_zxid } => {
                self.write_connect(id, *read_only, *last_zxid, reply);
            }
            Pending::ConnectReadOnly { last_zxid, timeout_ms } => {
                self.write_connect_read_only(id, *last_zxid, *timeout_ms, &reply);
            }
            Pending::Close => {
                self.put(id, xid, reply.zxid, &render(&reply.answer, &pending));
                self.hang_up(id);
            }
            Pending::Local(result) => {
                let zxid = self.shown(id);
                self.put(id, xid, zxid, &result.map(|()| Body::Empty));
            }
            Pending::Refused(code) => {
                let zxid = self.shown(id);
                self.put(id, xid, zxid, &Err(*code));
                self.hang_up(id);
            }
            Pending::Unwatch { path, which, check_only } => {
                let Some(connection) = self.connections.get_mut(&id) else { return };
                let found = connection.watches.remove(path, *which, *check_only);
                if !connection.watches.has(path) {
                    self.watchers.remove(path, id);
                }
                if !connection.watches.recursive().any(|at| at == path) {
                    self.watchers.remove_recursive(path, id);
                }
                let zxid = self.shown(id);
                self.put(id, xid, zxid, &found.then_some(Body::Empty).ok_or(NO_WATCHER));
            }
            Pending::Who(all) => {
                let zxid = self.shown(id);
                let all = all.iter().map(|(scheme, name)| (&**scheme, &**name)).collect();
                self.put(id, xid, zxid, &Ok(Body::Who(all)));
            }
            Pending::Word(word) => self.write_word(id, *word, &reply),
            Pending::AddWatch { path, recursive } => {
                let result = render(&reply.answer, &pending);
                self.put(id, xid, reply.zxid, &result);
                if result.is_ok() {
                    self.watch_standing(id, reply.zxid, path, *recursive);
                }
            }
            Pending::SetWatches { data, exist, child, persistent, recursive } => {
                let Answer::Missed(missed) = &reply.answer else {
                    return self.put(id, xid, reply.zxid, &render(&reply.answer, &pending));
                };
                self.set_watches(id, reply.zxid, missed, (data, exist, child));
                for (paths, recursive) in [(persistent, false), (recursive, true)] {
                    for path in paths {
                        self.watch_standing(id, reply.zxid, path, recursive);
                    }
                }
                self.put(id, xid, reply.zxid, &Ok(Body::Empty));
            }
            pending => {
                self.put(id, xid, reply.zxid, &render(&reply.answer, pending));
                if let Some(wish) = pending.wish().filter(|wish| stands(&reply.answer, wish)) {
                    self.watch(id, reply.zxid, &wish.path, wish.child);
                }
            }
        }
    }

    /// What a reply shows that the gate gives by itself: no less than those before it.
    fn shown(&self, id: ConnectionId) -> i64 {
        let shown = self.connections.get(&id).map_or(0, |connection| connection.shown);
        shown.max(self.follower.seen().unwrap_or_default())
    }

    fn put(&mut self, id: ConnectionId, xid: i32, zxid: i64, result: &Result<Body<'_>, i32>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.shown = connection.shown.max(zxid);
            put_reply(&mut connection.output, xid, zxid, result);
        }
    }

    fn write_connect(
        &mut self,
        id: ConnectionId,
        read_only: Option<bool>,
        last_zxid: i64,
        reply: Reply,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let read_only = read_only.map(|_| false);
        let Answer::Session { id: session, password, timeout_ms } = reply.answer else {
            put_connect_reply(&mut connection.output, 0, &[0; 16], 0, read_only);
            return self.hang_up(id);
        };
        if last_zxid > reply.zxid {
            // This is not the tree that the client knows.
            return self.hang_up(id);
        }
        let lost = |event: &Event| match event.what {
            What::SessionEnded(of) => of == session,
            What::SessionMoved(of, owner) => of == session && owner != id.0,
            What::Node(..) => false,
        };
        // What was told before this answer came is not told again: the session may be elsewhere by now.
        if self.follower.since(reply.zxid).is_none_or(|mut since| since.any(lost)) {
            return self.hang_up(id);
        }
        let timeout = i32::try_from(timeout_ms).unwrap_or(i32::MAX);
        put_connect_reply(&mut connection.output, session, &password, timeout, read_only);
        connection.phase = Phase::Connected;
        connection.session = session;
        connection.timeout_us = u64::from(timeout_ms) * 1_000;
        connection.confirmed_us = self.now_us;
        (connection.since, connection.shown) = (reply.zxid, reply.zxid);
        if self.sessions.is_empty() {
            self.follower.begin(reply.zxid);
        }
        if let Some(before) = self.sessions.insert(session, id).filter(|before| *before != id) {
            self.hang_up(before);
        }
    }

    /// A watch stands from a zxid on. What has happened since is told at once.
    fn watch(&mut self, id: ConnectionId, zxid: i64, path: &str, child: bool) {
        let Some(since) = self.follower.since(zxid) else { return self.hang_up(id) };
        let told = since
            .filter_map(|event| match &event.what {
                What::Node(kind, at) => Watches::would_fire(*kind, at, path, child),
                _ => None,
            })
            .next()
            .filter(|_| !planted("watch-begins-late"));
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match told {
            Some(kind) => put_event(&mut connection.output, kind as i32, path),
            None if connection.watches.len() >= WATCHES_MAX => self.hang_up(id),
            None => {
                connection.watches.add(path, child);
                self.watchers.add(path, id);
                self.ask_for_watchers();
            }
        }
    }

    /// A watch stands from a zxid on, and stays. What has happened since is told at once.
    fn watch_standing(&mut self, id: ConnectionId, zxid: i64, path: &str, recursive: bool) {
        let full = |c: &Connection| c.watches.len() >= WATCHES_MAX;
        if self.connections.get(&id).is_none_or(full) {
            return self.hang_up(id);
        }
        let Some(since) = self.follower.since(zxid) else { return self.hang_up(id) };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if !connection.watches.add_standing(path, recursive) {
            return;
        }
        let mut alone = Watches::default();
        alone.add_standing(path, recursive);
        for event in since {
            if let What::Node(kind, at) = &event.what {
                let output = &mut connection.output;
                alone.fire(*kind, at, &mut |kind, path| put_event(output, kind as i32, path));
            }
        }
        match recursive {
            true => self.watchers.add_recursive(path, id),
            false => self.watchers.add(path, id),
        }
        self.ask_for_watchers();
    }

    /// The watches of a client that connects again: some are told at once, the others stand.
    fn set_watches(
        &mut self,
        id: ConnectionId,
        zxid: i64,
        missed: &[(Kind, String)],
        (data, exist, child): (&[String], &[String], &[String]),
    ) {
        if let Some(connection) = self.connections.get_mut(&id) {
            for (kind, path) in missed {
                put_event(&mut connection.output, *kind as i32, path);
            }
        }
        let is_missed = |path: &String, child: bool| {
            missed.iter().any(|(kind, missed)| {
                let of_child = *kind == Kind::ChildrenChanged;
                missed == path && (of_child == child || *kind == Kind::Deleted)
            })
        };
        let paths = data.iter().chain(exist).map(|path| (path, false));
        for (path, child) in paths.chain(child.iter().map(|path| (path, true))) {
            if !is_missed(path, child) {
                self.watch(id, zxid, path, child);
            }
        }
    }
}

/// Whether the watch that came with a read stands after this answer.
fn stands(answer: &Answer, wish: &WatchWish) -> bool {
    match answer {
        Answer::Error(Code::NoNode) => wish.absent,
        Answer::Error(_) => false,
        _ => true,
    }
}
