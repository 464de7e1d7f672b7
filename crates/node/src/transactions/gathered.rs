//! Looks at keys that lie apart, one behind the other on a connection: what comes while one of them is under way is looked at
//! together when that is over, so that a pipeline of them does not take two rounds for each.

use super::admitted::detail_of;
use crate::colleagues::NODE;
use crate::node::Node;
use synod_data::Handler;
use synod_data::op::Args;
use synod_redis::Kind;
use synod_replica::Origin;
use synod_txn::Detail;
use synod_types::ClientId;

/// How many words all that are looked at together may have.
const WORDS_MAX: usize = 1024;

/// What a connection asked for while its last look was under way.
#[derive(Debug)]
pub(super) struct Gathered {
    detail: Detail,
    pub(super) commands: Vec<Vec<Vec<u8>>>,
    /// Their places in the order of replies.
    pub(super) seqs: Vec<u64>,
    words: usize,
}

impl Gathered {
    /// A look at so much has begun.
    pub(super) fn behind(detail: Detail) -> Self {
        Self { detail, commands: Vec::new(), seqs: Vec::new(), words: 0 }
    }

    pub(super) fn add(&mut self, seq: u64, args: &[&[u8]]) {
        self.words += args.len();
        self.commands.push(args.iter().map(|arg| arg.to_vec()).collect());
        self.seqs.push(seq);
    }
}

impl Node {
    /// Whether a request may join those that wait for a look at keys, though everything else waits.
    pub(crate) fn may_gather(&mut self, client: ClientId, args: &[&[u8]]) -> bool {
        let Some(gathered) = self.conductor.gathered.get(&client) else { return false };
        let Some(command) = synod_data::lookup(args[0]) else { return false };
        let fits = matches!(command.handler, Handler::Read(_))
            && command.check_arity(args.len())
            && gathered.words + args.len() <= WORDS_MAX
            && gathered.detail == detail_of(&[Args::from_slice(args)]);
        fits && self.one_partition(command, args).is_err()
            && self.clients.session(client).is_some_and(|session| session.multi().is_none())
    }

    /// A look of this connection begins, or joins those that wait.
    pub(super) fn gather(&mut self, client: ClientId, args: &[&[u8]]) -> bool {
        let Some(gathered) = self.conductor.gathered.get_mut(&client) else { return false };
        let Some(session) = self.clients.session(client) else { return false };
        gathered.add(session.reserve_barrier(Kind::Read), args);
        true
    }

    /// The look that others waited for is over.
    pub(super) fn look_at_gathered(&mut self, client: ClientId) {
        let Some(gathered) = self.conductor.gathered.remove(&client) else { return };
        if gathered.commands.is_empty() {
            return;
        }
        let Some(session) = self.clients.session(client) else { return };
        let proto = session.proto();
        let one = |seq: &u64| Origin::Client { client, seq: *seq };
        let origins: Vec<Origin> = gathered.seqs.iter().map(one).collect();
        let commands: Vec<Args<'_>> =
            gathered.commands.iter().map(|c| c.iter().map(Vec::as_slice).collect()).collect();
        match self.parts_of(&commands, &[]) {
            Ok(parts) => {
                let single = commands.len() == 1;
                self.conduct_to(origins, proto, Kind::Read, parts, &commands, single, &[], None);
            }
            Err(text) => origins.into_iter().for_each(|origin| self.refuse(NODE, origin, text)),
        }
    }
}
