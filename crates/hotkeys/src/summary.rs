//! What a sketch knows at one moment: travels between workers and nodes, and is merged with what others know.

use crate::key::Key;
use synod_types::varint;

/// The most keys of a summary that comes from outside.
const KEYS_MAX: usize = 1 << 16;

/// A key and its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// Which.
    pub key: Key,
    /// No less than its true weight.
    pub count: f64,
    /// By how much `count` may be too much.
    pub error: f64,
}

/// The counters of a sketch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The heaviest first.
    counted: Vec<Counted>,
    total: f64,
    /// What a key that is not counted may weigh.
    floor: f64,
}

impl Summary {
    pub(crate) fn new(counted: Vec<Counted>, total: f64, floor: f64) -> Self {
        let mut summary = Self { counted, total, floor };
        summary.sort();
        summary
    }

    fn sort(&mut self) {
        self.counted.sort_by(|a, b| b.count.total_cmp(&a.count).then_with(|| a.key.order(&b.key)));
    }

    /// The keys, the heaviest first.
    #[must_use]
    pub fn counted(&self) -> &[Counted] {
        &self.counted
    }

    /// The weight of everything that was seen, of keys that are not counted too.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total
    }

    /// The heaviest so many.
    #[must_use]
    pub fn top(&self, count: usize) -> &[Counted] {
        &self.counted[..self.counted.len().min(count)]
    }

    /// Adds what another has seen of keys that both may have seen, and keeps the heaviest `capacity`. A key that one of the two
    /// does not count may have been seen there all the same, up to its floor.
    pub fn merge(&mut self, other: Self, capacity: usize) {
        let (mine, theirs) = (self.floor, other.floor);
        let known = self.counted.len();
        let mut met = vec![false; known];
        for counted in other.counted {
            match self.counted[..known].iter().position(|c| c.key == counted.key) {
                Some(at) => {
                    self.counted[at].count += counted.count;
                    self.counted[at].error += counted.error;
                    met[at] = true;
                }
                None => self.counted.push(Counted {
                    count: counted.count + mine,
                    error: counted.error + mine,
                    ..counted
                }),
            }
        }
        for (counted, _) in self.counted.iter_mut().zip(met).filter(|(_, met)| !met) {
            counted.count += theirs;
            counted.error += theirs;
        }
        self.total += other.total;
        self.floor = mine + theirs;
        self.sort();
        if let Some(left_out) = self.counted.get(capacity) {
            self.floor = self.floor.max(left_out.count);
            self.counted.truncate(capacity);
        }
    }

    /// Appends `total f64 | floor f64 | count, (key, count f64, error f64)*`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut put = |x: f64| out.extend_from_slice(&x.to_le_bytes());
        put(self.total);
        put(self.floor);
        varint::put(out, self.counted.len() as u64);
        for counted in &self.counted {
            counted.key.encode(out);
            out.extend_from_slice(&counted.count.to_le_bytes());
            out.extend_from_slice(&counted.error.to_le_bytes());
        }
    }

    /// Takes one off the front; `None` when there is no whole one.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (total, floor) = (take_f64(bytes)?, take_f64(bytes)?);
        let count = usize::try_from(varint::take(bytes)?).ok().filter(|n| *n <= KEYS_MAX)?;
        let mut counted = Vec::new();
        for _ in 0..count {
            let key = Key::decode(bytes)?;
            counted.push(Counted { key, count: take_f64(bytes)?, error: take_f64(bytes)? });
        }
        Some(Self::new(counted, total, floor))
    }
}

/// A weight: finite and not negative.
pub(crate) fn take_f64(bytes: &mut &[u8]) -> Option<f64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(f64::from_le_bytes(*number)).filter(|x| x.is_finite() && *x >= 0.0)
}

#[cfg(test)]
mod tests {
    use crate::{Sketch, Summary};

    #[test]
    fn summaries_round_trip_and_cut_ones_are_refused() {
        let mut sketch = Sketch::new(3, None, 0);
        for (key, weight) in [("a", 3.0), ("b", 2.0), ("c", 1.0), ("d", 0.5)] {
            sketch.add(key.as_bytes(), weight, 0);
        }
        let summary = sketch.summary(0);
        let mut bytes = Vec::new();
        summary.encode(&mut bytes);
        assert_eq!(Summary::decode(&mut &bytes[..]), Some(summary.clone()));
        for cut in 0..bytes.len() {
            assert_eq!(Summary::decode(&mut &bytes[..cut]), None);
        }
        bytes[..8].copy_from_slice(&f64::NAN.to_le_bytes());
        assert_eq!(Summary::decode(&mut &bytes[..]), None);
    }
}
