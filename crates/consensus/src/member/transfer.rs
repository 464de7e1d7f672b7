//! Handing leadership to a chosen voter (dissertation, section 3.10).

use super::leader::Transfer;
use super::{Member, Rules, State};
use crate::contract::Refused;
use crate::message::Body;
use synod_types::NodeId;

impl<R: Rules> Member<R> {
    pub(crate) fn begin_transfer(&mut self, to: NodeId) -> Result<(), Refused> {
        let legal = to != self.config.id && self.membership().voters.contains(&to);
        if self.reign()?.transfer.is_some() {
            return Err(Refused::Transferring);
        }
        if !legal {
            return Err(Refused::Illegal);
        }
        if let State::Leader(leader) = &mut self.state {
            leader.transfer = Some(Transfer { to, elapsed: 0, asked: false });
        }
        self.leave_sleep();
        self.press_transfer();
        Ok(())
    }

    /// Asks the heir to stand as soon as it has the whole log, and again with every round of heartbeats.
    pub(crate) fn press_transfer(&mut self) {
        let last = self.log.last();
        let State::Leader(leader) = &mut self.state else { return };
        let Some(transfer) = leader.transfer.as_ref().filter(|transfer| !transfer.asked) else {
            return;
        };
        let to = transfer.to;
        if leader.peer(to).is_none_or(|heir| heir.matched < last) {
            return;
        }
        leader.transfer.as_mut().expect("it was there a moment ago").asked = true;
        // From now on followers may vote although they hear this leader.
        leader.lease_void = true;
        self.send(to, Body::TimeoutNow);
    }

    /// A tick passed; a transfer that takes too long is given up.
    pub(crate) fn age_transfer(&mut self) {
        let State::Leader(leader) = &mut self.state else { return };
        let Some(transfer) = &mut leader.transfer else { return };
        transfer.elapsed += 1;
        if transfer.elapsed >= self.config.election_ticks {
            leader.transfer = None;
            self.settle_membership();
        }
    }
}
