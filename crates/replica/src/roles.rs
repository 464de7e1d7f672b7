//! What a replica does when it learns who leads, and who the members are.

use crate::replica::{Output, Replica};
use synod_consensus::Role;
use synod_types::{Membership, NodeId, Term};

impl Replica {
    pub(crate) fn learn_role(
        &mut self,
        role: Role,
        term: Term,
        leader: Option<NodeId>,
        out: &mut Vec<Output>,
    ) {
        (self.role, self.term, self.leader) = (role, term, leader);
        self.leases.forget();
        self.lock_leases.forget();
        if role != Role::Leader {
            self.stamps.forget_proposed();
            self.expiry.forget_proposed();
            self.evicting = false;
            self.close_gate(out);
            self.give_waits_back(out);
            self.give_questions_back(out);
        }
        if role != Role::Leader {
            let mut aborted = self.reads.take_deferred();
            // Another entry may come to stand where the write that they are behind was proposed.
            aborted.extend(self.reads.take_behind(self.applied));
            aborted.extend(self.reads.take_unasked());
            for batch in aborted {
                let bounced = self.give_back(&batch);
                self.refused_reads.extend(bounced);
            }
        }
        out.push(Output::Led { role, term, leader });
    }

    pub(crate) fn learn_membership(&mut self, membership: &Membership) {
        self.solo = membership.voters == [self.node] && membership.outgoing.is_empty();
    }
}
