//! The tree as a machine of a partition.

use crate::answer::{Answer, Reply};
use crate::call::{Call, Request};
use crate::tree::Tree;
use synod_machine::{Context, Machine, MachineId, digest};
use synod_types::ReplySink;

const MALFORMED: &str = "ERR malformed operation of a tree";
/// Room for most replies, so that they are written without growing.
const REPLY_BYTES: usize = 192;

impl Machine for Tree {
    fn id(&self) -> MachineId {
        MachineId::TREE
    }

    fn apply(&mut self, body: &[u8], ctx: &Context, out: &mut dyn ReplySink) {
        let Some(call) = Call::decode(body) else { return out.error(MALFORMED) };
        if let Request::Contend(ask) = &call.request {
            return self.contend(ask, ctx, out);
        }
        let answer = match call.request.is_read() {
            true => self.query(&call),
            false => self.execute(&call, ctx),
        };
        reply(self.zxid, answer, out);
    }

    fn read(&self, body: &[u8], _: &Context, out: &mut dyn ReplySink) {
        match Call::decode(body) {
            Some(Call { request: Request::Contend(ask), .. }) => self.inspect(&ask, out),
            Some(call) => reply(self.zxid, self.query(&call), out),
            None => out.error(MALFORMED),
        }
    }

    fn snapshot_begin(&mut self) {
        self.begin_run();
    }

    fn snapshot_next(&mut self, bytes_max: usize) -> Option<Vec<u8>> {
        self.next_run(bytes_max)
    }

    fn snapshot_cancel(&mut self) {
        self.run = None;
    }

    fn digest(&self) -> u64 {
        let mut bytes = Vec::new();
        let mut hash = self.zxid as u64;
        for (path, node) in self.nodes.walk() {
            bytes.clear();
            node.stat().encode(&mut bytes);
            node.acl.iter().for_each(|entry| entry.encode(&mut bytes));
            bytes.push(u8::from(node.data.is_none()));
            let data = node.data.as_deref().unwrap_or_default();
            for part in [path.as_bytes(), data, &bytes] {
                hash = digest::bytes(hash, part);
            }
        }
        bytes.clear();
        for (id, session) in &self.sessions {
            crate::session::put_id(&mut bytes, *id);
            session.encode(&mut bytes);
        }
        self.events.encode(&mut bytes);
        digest::bytes(hash, &bytes)
    }
}

fn reply(zxid: i64, answer: Answer, out: &mut dyn ReplySink) {
    let mut bytes = Vec::with_capacity(REPLY_BYTES);
    Reply { zxid, answer }.encode(&mut bytes);
    out.bulk(&bytes);
}
