//! Keys that are known only when a command has looked at others: what the patterns of SORT name.
//!
//! SORT runs on what was fetched. The keys that it looked for and that were not fetched are fetched with the others by the next
//! attempt, until one finds all of them: the elements first, then what they are sorted by, then what is got for those that are
//! wanted. So it takes as many attempts as that, and sees everything at one moment.

use super::Conducted;
use crate::node::Node;
use synod_data::op::Args;
use synod_txn::{Action, Outcome};

impl Node {
    /// The commands looked for more keys than were fetched.
    pub(super) fn widen(&self, conducted: &mut Conducted, missing: Vec<Vec<u8>>) -> Vec<Action> {
        let known = conducted.coordinator.parts().iter().flat_map(|part| part.keys.iter().cloned());
        let more: Vec<Vec<u8>> = known.chain(missing).collect();
        let commands: Vec<Args<'_>> =
            conducted.commands.iter().map(|c| c.iter().map(Vec::as_slice).collect()).collect();
        match self.parts_with(&commands, &conducted.watches, &more) {
            Ok(parts) => conducted.coordinator.widen(parts, self.local.now().mono_us),
            Err(text) => conducted.coordinator.give_up(Outcome::Refused(text.to_owned())),
        }
    }
}
