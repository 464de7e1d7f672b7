//! How much memory a node's connections take for unfinished requests and for replies that nobody has read, whichever worker has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is counted for all workers of a node together.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Unfinished requests.
    pub(crate) input: Sum,
    /// Replies that clients have not read.
    pub(crate) unread: Sum,
}

/// A sum of bytes. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Sum(Arc<AtomicUsize>);

impl Sum {
    /// How much there is.
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One that took `before` takes `now`. It is a sum that nothing else hangs on, so the order does not matter.
    fn changed(&self, before: usize, now: usize) {
        if now > before {
            self.0.fetch_add(now - before, Ordering::Relaxed);
        } else if now < before {
            self.0.fetch_sub(before - now, Ordering::Relaxed);
        }
    }
}

/// What one of those counts for that are summed up.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    all: Sum,
    bytes: usize,
}

impl Counted {
    pub fn new(all: Sum) -> Self {
        Self { all, bytes: 0 }
    }

    /// It takes so much now.
    pub fn set(&mut self, bytes: usize) {
        self.all.changed(self.bytes, bytes);
        self.bytes = bytes;
    }

    /// How much all of them take.
    pub fn all(&self) -> usize {
        self.all.bytes()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_counts_no_more() {
        let all = Sum::default();
        let (mut one, mut other) = (Counted::new(all.clone()), Counted::new(all.clone()));
        one.set(5);
        other.set(7);
        one.set(3);
        assert_eq!(all.bytes(), 10);
        drop(other);
        assert_eq!(all.bytes(), 3);
        drop(one);
        assert_eq!(all.bytes(), 0);
    }
}
