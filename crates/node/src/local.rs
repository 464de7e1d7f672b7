//! What a worker knows of itself: its configuration, the time, its own sequence of random numbers, and what only its
//! world can tell.

use crate::certificates::Certificates;
use crate::config::NodeConfig;
use synod_redis::Facts;
use synod_types::{NodeId, Now};

/// The worker itself.
pub(crate) struct Local {
    config: NodeConfig,
    facts: Facts,
    certificates: Option<Box<dyn Certificates>>,
    now: Now,
    started_us: u64,
    ticks: u64,
    random: u64,
    /// Whether this node is about to stop: it hands its leaderships over and takes none.
    retires: bool,
}

impl Local {
    /// A worker that starts now.
    pub(crate) fn new(config: NodeConfig, now: Now) -> Self {
        Self {
            random: config.seed,
            config,
            facts: Facts::default(),
            certificates: None,
            now,
            started_us: now.mono_us,
            ticks: 0,
            retires: false,
        }
    }

    /// Which node this is.
    #[inline]
    pub(crate) fn id(&self) -> NodeId {
        self.config.id
    }

    /// What was said at the start; it stays as it is.
    #[inline]
    pub(crate) fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// The time at which the turn began.
    #[inline]
    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// A turn begins.
    pub(crate) fn begin_turn(&mut self, now: Now) {
        self.now = now;
    }

    /// For how long the worker has been there, in microseconds.
    pub(crate) fn up_for_us(&self) -> u64 {
        self.now.mono_us.saturating_sub(self.started_us)
    }

    /// Another tick has passed.
    pub(crate) fn tick(&mut self) {
        self.ticks += 1;
    }

    /// Whether what is done with one in `every` ticks is due with this one.
    pub(crate) fn is_due(&self, every: u64) -> bool {
        self.ticks.is_multiple_of(every)
    }

    /// The next number of this worker's own sequence (SplitMix64).
    pub(crate) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The node is about to stop.
    pub(crate) fn retire(&mut self) {
        self.retires = true;
    }

    /// Whether it is.
    pub(crate) fn retires(&self) -> bool {
        self.retires
    }

    /// What the world told last of the process and its settings.
    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// As [`Self::facts`], when some have changed.
    pub(crate) fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    /// Who knows the certificates, where there is TLS.
    pub(crate) fn certificates(&self) -> Option<&dyn Certificates> {
        self.certificates.as_deref()
    }

    /// There is TLS.
    pub(crate) fn set_certificates(&mut self, certificates: Box<dyn Certificates>) {
        self.certificates = Some(certificates);
    }
}
