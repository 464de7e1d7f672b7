//! Who leads: one holder of every partition, none of them with more than its share while the replica sets allow that.

/// A matching of partitions to leaders, grown by augmenting paths (Kuhn 1955).
pub(super) struct Leaders<'a> {
    /// Per node: the partitions it leads.
    pub(super) led: Vec<Vec<usize>>,
    pub(super) sets: &'a [Vec<usize>],
}

impl Leaders<'_> {
    /// Finds `partition` a leader with room, handing other partitions on to their other holders if
    /// that makes room. `tried` holds the nodes already asked, so the depth is at most their number.
    pub(super) fn seat(
        &mut self,
        partition: usize,
        room: &dyn Fn(usize, usize) -> bool,
        tried: &mut [bool],
    ) -> bool {
        let sets = self.sets;
        for node in &sets[partition] {
            if room(*node, self.led[*node].len()) {
                self.led[*node].push(partition);
                return true;
            }
        }
        for node in &sets[partition] {
            if std::mem::replace(&mut tried[*node], true) {
                continue;
            }
            for seat in (0..self.led[*node].len()).rev() {
                let other = self.led[*node][seat];
                if self.seat(other, room, tried) {
                    self.led[*node][seat] = partition;
                    return true;
                }
            }
        }
        false
    }
}
