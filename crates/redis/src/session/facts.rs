//! What a session says of itself, and what its client has said.

use super::Session;
use crate::calls::Called;
use crate::errors::ErrorCounts;
use crate::identity::Identity;
use crate::mode::Fence;
use crate::pubsub::Subscriptions;
use crate::tracking::Tracking;
use synod_types::{ClientId, PartitionId};
use synod_wire::resp::Proto;

/// What it says of itself.
impl Session {
    /// Its id.
    #[inline]
    #[must_use]
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// Its number among the connections of this worker, never used twice.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The client's address.
    #[must_use]
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// Whether its client came with TLS.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.tls
    }

    /// Its client came with TLS.
    pub fn set_tls(&mut self) {
        self.tls = true;
    }

    /// Who it acts for.
    #[inline]
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// It acts for somebody else from now on, or what that one may do has changed.
    pub fn set_identity(&mut self, identity: Identity) {
        self.identity = identity;
    }

    /// The protocol that replies are spelled in.
    #[inline]
    #[must_use]
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Spells replies in this protocol from now on.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// The name that the client gave itself; empty: none.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The client names itself.
    pub fn set_name(&mut self, name: &[u8]) {
        self.name = name.to_vec();
    }

    /// What every write of the connection carries, if it carries something.
    #[inline]
    #[must_use]
    pub fn fence(&self) -> Option<&Fence> {
        self.fence.as_deref()
    }

    /// Whether writes to different partitions are to take effect in their order; `None`: as the node has it.
    #[must_use]
    pub const fn is_ordered(&self) -> Option<bool> {
        self.ordered
    }

    /// Whether it is left alone when clients are closed for what they have not read.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.kept
    }

    /// CLIENT NO-EVICT.
    pub const fn set_kept(&mut self, kept: bool) {
        self.kept = kept;
    }

    /// CLIENT ORDER.
    pub const fn set_ordered(&mut self, ordered: Option<bool>) {
        self.ordered = ordered;
    }

    /// A write is let through: to this partition, or to several. Whether it may not overtake what is under way.
    pub fn overtakes(&mut self, to: Option<PartitionId>) -> bool {
        let overtakes = self.is_writing() && (to.is_none() || to != self.written);
        if !overtakes {
            self.written = to;
        }
        overtakes
    }

    /// CLIENT FENCE: what every write of the connection carries from now on.
    pub fn set_fence(&mut self, fence: Option<Fence>) {
        self.fence = fence.map(Box::new);
    }

    /// The name of the client's library and its version, as it told them.
    #[must_use]
    pub fn library(&self) -> (&[u8], &[u8]) {
        (&self.lib_name, &self.lib_ver)
    }

    /// The client tells its library's name.
    pub fn set_library_name(&mut self, name: &[u8]) {
        self.lib_name = name.to_vec();
    }

    /// The client tells its library's version.
    pub fn set_library_version(&mut self, version: &[u8]) {
        self.lib_ver = version.to_vec();
    }

    /// When it was opened.
    #[must_use]
    pub fn opened_us(&self) -> u64 {
        self.opened_us
    }

    /// When its last request came.
    #[must_use]
    pub fn active_us(&self) -> u64 {
        self.active_us
    }

    /// A request comes.
    #[inline]
    pub fn be_active(&mut self, now_us: u64) {
        self.active_us = now_us;
    }

    /// The last command's name, with its subcommand.
    #[must_use]
    pub fn last_command(&self) -> &'static str {
        self.last_command
    }

    /// The command that was sent last.
    #[inline]
    pub fn set_last_command(&mut self, name: &'static str, called: Called) {
        (self.last_command, self.called) = (name, called);
    }

    /// The command that was sent last, as the counts of calls know it.
    #[must_use]
    pub fn called(&self) -> Called {
        self.called
    }

    /// How many requests are under way and how many errors were answered so far: whether either grows with a request
    /// tells what became of it.
    #[inline]
    #[must_use]
    pub fn outcomes(&self) -> (usize, u64) {
        let (reads, writes) = self.under_way();
        (reads + writes, self.errors.total)
    }

    /// What it listens to.
    #[inline]
    #[must_use]
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    pub(crate) fn subscriptions_mut(&mut self) -> &mut Subscriptions {
        &mut self.subscriptions
    }

    /// Whether it hears of all commands.
    #[must_use]
    pub fn is_monitor(&self) -> bool {
        self.monitor
    }

    /// MONITOR.
    pub fn set_monitor(&mut self, monitor: bool) {
        self.monitor = monitor;
    }

    /// What it keeps copies of, if it does.
    #[inline]
    #[must_use]
    pub fn tracking(&self) -> Option<&Tracking> {
        self.tracking.as_deref()
    }

    /// As [`Self::tracking`], to be changed.
    #[inline]
    pub fn tracking_mut(&mut self) -> Option<&mut Tracking> {
        self.tracking.as_deref_mut()
    }

    /// CLIENT TRACKING; what was in force before.
    pub fn set_tracking(&mut self, tracking: Option<Tracking>) -> Option<Tracking> {
        std::mem::replace(&mut self.tracking, tracking.map(Box::new)).map(|before| *before)
    }

    pub(crate) fn errors(&self) -> &ErrorCounts {
        &self.errors
    }

    pub(crate) fn reset_errors(&mut self) {
        self.errors = ErrorCounts::default();
    }
}
