//! Transactions whose keys become known as they run.

use super::Coordinator;
use crate::asked::{Action, Part};

impl Coordinator {
    /// The commands ran, and named more keys: these are all parts of the next attempt. Each part that there was is among them.
    pub fn widen(&mut self, mut parts: Vec<Part>, now_us: u64) -> Vec<Action> {
        parts.sort_by_key(|part| part.partition);
        self.fetched = vec![None; parts.len()];
        self.parts = parts;
        self.again(now_us)
    }
}
