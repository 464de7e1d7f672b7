//! ACL SETUSER, ACL DELUSER and CONFIG SET requirepass: changes of the users, which the metadata group decides.
//!
//! The words are checked here and passwords hashed; the group's machine applies the rules to what the user is by then. A
//! client is answered when every worker of its node knows the change, so whoever connects to the node then finds it.

use super::directory::Words;
use crate::errand::Errand;
use crate::node::Node;
use crate::requests::NOT_READY;
use synod_acl::{Change, DEFAULT, Digest, Rule, Users, merge_selectors, parse};
use synod_machine::{MachineId, put_operation};
use synod_redis::{Flow, Gather, Join, Kind, UsersChanged, Waits, users_changed};
use synod_replica::{Access, Origin};
use synod_ring::MetaCommand;
use synod_types::{ClientId, PartitionId, ReplySink, limits};

pub(super) fn set_user(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let name = args[2];
    if !Users::is_name(name) {
        let text = "ERR Usernames can't contain spaces or null characters";
        return node.refuse_request(client, text);
    }
    let words = match merge_selectors(&args[3..]) {
        Ok(words) => words,
        Err(open) => {
            let word = String::from_utf8_lossy(args[3 + open.0]);
            let text = format!("ERR Unmatched parenthesis in acl selector starting at '{word}'.");
            return node.refuse_request(client, &text);
        }
    };
    let (mut rules, mut spoken) = (Vec::new(), Vec::new());
    for word in words {
        match parse(&word, &Words) {
            Ok(None) => {}
            Ok(Some(rule)) => {
                rules.push(rule);
                spoken.push(word);
            }
            Err(why) => {
                return node.refuse_request(client, &refusal(Some(&word), &why.to_string()));
            }
        }
    }
    change(node, client, Change::Set { name: name.to_vec(), rules }, spoken, false)
}

pub(super) fn delete_users(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let names = &args[2..];
    if names.contains(&DEFAULT) {
        return node.refuse_request(client, "ERR The 'default' user cannot be removed");
    }
    let names = names.iter().map(|name| name.to_vec()).collect();
    change(node, client, Change::Delete(names), Vec::new(), true)
}

/// CONFIG SET requirepass: the default user's only password; an empty one: it needs none.
pub(crate) fn set_password(node: &mut Node, client: ClientId, password: &[u8]) -> Flow {
    let rules = match password {
        [] => vec![Rule::NoPass],
        password => vec![Rule::ResetPass, Rule::AddPassword(Digest::of(password))],
    };
    let change_it = Change::Set { name: DEFAULT.to_vec(), rules };
    change(node, client, change_it, Vec::new(), false)
}

fn refusal(word: Option<&[u8]>, why: &str) -> String {
    match word {
        Some(word) => {
            let word = String::from_utf8_lossy(word);
            format!("ERR Error in ACL SETUSER modifier '{word}': {why}")
        }
        None => format!("ERR {why}"),
    }
}

fn change(
    node: &mut Node,
    client: ClientId,
    change: Change,
    words: Vec<Vec<u8>>,
    counts: bool,
) -> Flow {
    if !node.groups.map().is_founded() {
        return node.refuse_request(client, NOT_READY);
    }
    let mut op = Vec::new();
    put_operation(&mut op, MachineId::CLUSTER_MAP, |body| MetaCommand::Users(change).encode(body));
    if op.len() > 2 * limits::ACL_USER_BYTES_MAX {
        return node.refuse_request(client, "ERR too many words in one change of users");
    }
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if session.is_writing() {
        return session.wait_for(Waits::Writes);
    }
    let seq = session.reserve_barrier(Kind::Write);
    let gather = node.clients.gathers_mut().open(client, seq, Join::Users(words, counts), 1);
    let origin = Origin::Gather { gather, part: 0, resp3: false };
    node.route(PartitionId::META, origin, op, Access::Write);
    Flow::Next
}

impl Node {
    /// The metadata group has answered a change of users: when it was made, all workers here are to know of it.
    pub(crate) fn finish_users(&mut self, mut whole: Gather) {
        let (client, seq) = whole.asked_by();
        let parts = whole.take_parts();
        let Join::Users(words, counts) = whole.into_join() else { return };
        let answer = parts.first().map_or(&[][..], Vec::as_slice);
        let (epoch, deleted) = match users_changed(answer) {
            UsersChanged::Done { epoch, deleted } => (epoch, deleted),
            UsersChanged::Refused(text) => {
                let text = told(&text, &words);
                return self.end_users(client, seq, &text);
            }
            UsersChanged::Unknown => return self.end_users(client, seq, crate::desk::UNKNOWN),
        };
        let join = if counts { Join::Number(deleted) } else { Join::AllOk };
        let workers = self.local.config().workers;
        let gather = self.clients.gathers_mut().open(client, seq, join, usize::from(workers));
        for worker in 0..workers {
            let origin = Origin::Gather { gather, part: worker.into(), resp3: false };
            self.ask_colleague(worker, origin, &Errand::Know(epoch));
        }
    }

    fn end_users(&mut self, client: ClientId, seq: u64, text: &str) {
        let ready = &mut self.output.ready;
        self.clients.sessions_mut().complete(client, seq, ready, &mut |out| out.error(text));
    }
}

/// What the machine says of a rule (`ERR rule 3: why`), with the word that stands for the rule.
fn told(text: &str, words: &[Vec<u8>]) -> String {
    let parts = text.strip_prefix("ERR rule ").and_then(|rest| rest.split_once(": "));
    match parts.and_then(|(rule, why)| Some((rule.parse::<usize>().ok()?, why))) {
        Some((rule, why)) => refusal(words.get(rule).map(Vec::as_slice), why),
        None => text.to_owned(),
    }
}
