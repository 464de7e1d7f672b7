//! What a worker counts: commands and bytes, calls of each command, slow moments, the keys that cost most, and the work
//! that the turn has taken on.

use crate::heats::Heats;
use crate::status::Counters;
use synod_data::Command;
use synod_redis::{CallCounts, Called, LatencyEvents};

/// The counts of one worker. Nothing is decided by them but how much a turn takes on.
#[derive(Debug)]
pub(crate) struct Counted {
    counters: Counters,
    calls: CallCounts,
    /// Of the whole node, on worker 0.
    latency_events: LatencyEvents,
    heats: Heats,
    /// Bytes of large values that the commands taken since the world asked last have to look at.
    work_bytes: usize,
    /// Bytes of values looked at in turns by operations that look at many.
    spent_bytes: usize,
}

impl Counted {
    /// Nothing was counted yet; the seed is for the choice of the keys that are looked at.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            counters: Counters::default(),
            calls: CallCounts::default(),
            latency_events: LatencyEvents::default(),
            heats: Heats::new(seed),
            work_bytes: 0,
            spent_bytes: 0,
        }
    }

    /// What INFO and the metrics tell.
    #[inline]
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// As [`Self::counters`], to count on.
    #[inline]
    pub(crate) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// How often each command was called, and how long it took.
    pub(crate) fn calls(&self) -> &CallCounts {
        &self.calls
    }

    /// As [`Self::calls`], to count on.
    #[inline]
    pub(crate) fn calls_mut(&mut self) -> &mut CallCounts {
        &mut self.calls
    }

    /// What LATENCY tells, on worker 0.
    pub(crate) fn latency_events_mut(&mut self) -> &mut LatencyEvents {
        &mut self.latency_events
    }

    /// Which keys cost most and are largest.
    #[inline]
    pub(crate) fn heats(&self) -> &Heats {
        &self.heats
    }

    /// As [`Self::heats`], to count on.
    #[inline]
    pub(crate) fn heats_mut(&mut self) -> &mut Heats {
        &mut self.heats
    }

    /// A command was taken. One with subcommands is counted under the subcommand's name, where that is known.
    #[inline]
    pub(crate) fn call(&mut self, command: &Command) {
        self.counters.command(command);
        if !crate::commands::has_subcommands(command) {
            self.calls.count(Called::command(command));
        }
    }

    /// Bytes went over the connections of clients.
    pub(crate) fn traffic(&mut self, bytes_in: usize, bytes_out: usize) {
        self.counters.net_in += bytes_in as u64;
        self.counters.net_out += bytes_out as u64;
    }

    /// A command was taken that has to look at so many bytes of large values.
    #[inline]
    pub(crate) fn add_work(&mut self, bytes: usize) {
        self.work_bytes += bytes;
    }

    /// The work added since the last call, in bytes.
    #[inline]
    pub(crate) fn take_work(&mut self) -> usize {
        std::mem::take(&mut self.work_bytes)
    }

    /// Operations that look at many values looked at so many bytes.
    #[inline]
    pub(crate) fn add_spent(&mut self, bytes: usize) {
        self.spent_bytes += bytes;
    }

    /// The bytes that [`Self::add_spent`] was told of since the last call.
    pub(crate) fn take_spent(&mut self) -> usize {
        std::mem::take(&mut self.spent_bytes)
    }
}
