//! Which keys have changed, which scripts have read, and through whom: for clients that keep copies of what they read.
//!
//! The keyspace notes the keys; whose operation it was is known here. What is noted while this member does not lead is
//! dropped: the leader tells, and whoever hears of a new leader takes all of the partition's keys for changed.

use crate::payload;
use crate::pending::Origin;
use crate::replica::{Output, Replica};
use synod_consensus::Role;
use synod_data::op::Op;
use synod_data::{ChangedKeys, Noted, lookup};
use synod_machine::Operation;
use synod_types::plant::planted;

/// What became of keys, each with the origin of the operation that did it, where somebody waits for its answer.
#[derive(Debug, Default)]
pub struct Changes {
    /// Every key of the partition may have changed.
    pub all: bool,
    /// In order.
    pub keys: Vec<(Vec<u8>, Noted, Option<Origin>)>,
}

/// Whose operations noted changes: up to how many were noted when each was done.
pub(crate) type Authors = Vec<(usize, Origin)>;

impl Replica {
    /// Whether changes of keys are told. To be said before every pump, since the keyspace may be another one by then.
    #[inline]
    pub fn want_changes(&mut self, wanted: bool) {
        self.wants_changes = wanted;
        self.renew_want();
    }

    /// As [`Self::want_changes`], for a keyspace that was away.
    pub(crate) fn renew_want(&mut self) {
        if let Some(keyspace) = self.state.keyspace_mut() {
            keyspace.want_changes(self.wants_changes);
        }
    }

    /// An operation was done; whatever it changed, or read in a script, was done for this origin.
    #[inline]
    pub fn note_author(&mut self, origin: Option<Origin>) {
        if self.wants_changes {
            self.note_wanted_author(origin);
        }
    }

    #[cold]
    fn note_wanted_author(&mut self, origin: Option<Origin>) {
        let Some(keyspace) = self.state.keyspace() else { return };
        let noted = keyspace.end_of_changes();
        let told = self.authors.last().map_or(0, |(until, _)| *until);
        if noted > told {
            self.authors.push((noted, origin.unwrap_or(Origin::Internal)));
        }
    }

    /// Tells of the keys that these commands will change.
    #[cold]
    pub(crate) fn tell_of_proposed(&mut self, payload: &[u8], out: &mut Vec<Output>) {
        let mut ops = payload::open_payload(payload).map_or(&[][..], |payload| payload.ops);
        let mut keys = Vec::new();
        while let Some(op) = Operation::take(&mut ops) {
            if let Some(Op::Command(args)) = Op::decode(op.body)
                && let Some(command) = lookup(args[0])
            {
                let changed = command.key_positions(&args).map(|at| args[at].to_vec());
                keys.extend(changed.map(|key| (key, Noted::Changed, None)));
            }
        }
        out.push(Output::Changes(Changes { all: false, keys }));
    }

    /// What is to be told.
    pub(crate) fn give_changes_out(&mut self, out: &mut Vec<Output>) {
        if !self.wants_changes {
            return;
        }
        let leads = self.role().0 == Role::Leader;
        let Some(keyspace) = self.state.keyspace_mut() else { return };
        let ChangedKeys { all, keys, .. } = keyspace.take_changes();
        let authors = std::mem::take(&mut self.authors);
        if !leads || (keys.is_empty() && !all) {
            return;
        }
        let mut authors = authors.into_iter().peekable();
        let keys = keys.into_iter().enumerate().map(|(at, (key, noted))| {
            while authors.next_if(|(until, _)| *until <= at).is_some() {}
            let author = authors.peek().map(|(_, origin)| *origin);
            (key, noted, author.filter(|origin| *origin != Origin::Internal))
        });
        let mut changes = Changes { all, keys: keys.collect() };
        if planted("told-before-applied") {
            changes.keys.retain(|(_, _, author)| author.is_none());
        }
        out.push(Output::Changes(changes));
    }
}
