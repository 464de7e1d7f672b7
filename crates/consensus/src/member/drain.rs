//! What the driver is asked to do, worked out once per drain from what changed since the last one.

use super::{Member, Rules, State};
use crate::contract::Effect;
use crate::durability::Held;
use synod_types::HardState;
use synod_types::plant::planted;

impl<R: Rules> Member<R> {
    /// Messages first: peers and the own disk write at the same time.
    pub(crate) fn work_out(&mut self) {
        self.begin_reads();
        self.send_heartbeats();
        self.feed_peers();
        self.write();
        self.hand_out();
    }

    fn write(&mut self) {
        let last = self.log.last();
        let from = self.durability.issued().next();
        let voted =
            (self.hard.term, self.hard.vote) != (self.hard_issued.term, self.hard_issued.vote);
        if !voted && from > last && !self.mark_unwritten {
            let held = self.durability.settle();
            return self.release(held);
        }
        // The commit is worth a write only along with another. It must not run ahead of the entries on the disk: what
        // a torn write leaves there, where they should be, would pass for committed.
        let commit = self.commit.min(self.durability.durable());
        let hard = HardState { commit, ..self.hard };
        let hard_state = (hard != self.hard_issued).then_some(hard);
        let entries = self.log.slice(from, last);
        let token = self.durability.issue(last);
        self.mark_unwritten = false;
        self.hard_issued = hard;
        self.effects.push(Effect::Persist { token, hard_state, entries });
    }

    fn hand_out(&mut self) {
        let mut until = self.commit;
        if planted("apply-before-commit") && matches!(self.state, State::Leader(_)) {
            until = self.log.last();
        }
        if until > self.handed {
            let entries = self.log.slice(self.handed.next(), until);
            self.handed = until;
            self.effects.push(Effect::Commit(entries));
        }
    }

    /// What these messages promise is durable. One to this member itself is its own word, which counts from now on.
    pub(crate) fn release(&mut self, held: Vec<Held>) {
        let me = self.config.id;
        let mut own = Vec::new();
        for (to, message) in held {
            if to == me {
                own.push(message);
            } else {
                self.effects.push(Effect::Send { to, message });
            }
        }
        for message in own {
            if message.term == self.hard.term {
                R::receive(self, me, message);
            }
        }
    }
}
