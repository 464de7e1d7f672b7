//! Which slots of a keyspace were ever used. A sum over all slots then costs what the used ones cost: with few keys,
//! most of the 16,384 tables are empty, and to look at each of them takes longer than all the rest.

const WORD: usize = u64::BITS as usize;

/// One bit for each slot. It is set when the slot gets its first key or the version of one, and stays.
#[derive(Debug)]
pub(super) struct Used(Vec<u64>);

impl Used {
    /// None of this many slots.
    pub fn of(slots: usize) -> Self {
        Self(vec![0; slots.div_ceil(WORD)])
    }

    #[inline]
    pub fn mark(&mut self, slot: usize) {
        self.0[slot / WORD] |= 1 << (slot % WORD);
    }

    /// The used ones, in order.
    pub fn slots(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let next = |rest: &u64| Some(rest & (rest - 1)).filter(|rest| *rest > 0);
            let first = Some(*word).filter(|word| *word > 0);
            std::iter::successors(first, next)
                .map(move |rest| at * WORD + rest.trailing_zeros() as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_used_slots_come_in_order_and_once() {
        let mut used = Used::of(130);
        for slot in [129, 0, 64, 63, 129] {
            used.mark(slot);
        }
        assert_eq!(used.slots().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!(Used::of(1).slots().count(), 0);
    }
}
