//! What one worker, a node or a whole cluster knows: bounded, whatever the number of partitions.

use crate::heat::{Heat, Measure};
use crate::key::Key;
use crate::largest::{Largest, Sized};
use crate::summary::take_f64;
use std::collections::BTreeMap;
use synod_types::varint;

/// So many of the hottest keys by each measure are told, and so many of the largest.
const KEYS_TOLD: usize = 40;
/// The most entries of a list that comes from outside.
const ENTRIES_MAX: usize = 1 << 16;

/// A key that costs much by some measure.
#[derive(Clone, Debug, PartialEq)]
pub struct HotKey {
    /// Its partition.
    pub group: u32,
    /// Which.
    pub key: Key,
    /// Per second, in the order of [`Measure::ALL`]; 0 by a measure by which it is not counted.
    pub rates: [f64; 3],
    /// By how much each of them may be too much.
    pub errors: [f64; 3],
}

/// All requests for a partition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// The partition.
    pub group: u32,
    /// Per second, in the order of [`Measure::ALL`].
    pub rates: [f64; 3],
}

/// See the file's page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The partitions that are asked for anything.
    pub loads: Vec<Load>,
    /// The keys that are hottest by any measure, in no order that means anything.
    pub hot: Vec<HotKey>,
    /// The largest keys with their partitions, the largest first.
    pub largest: Vec<(u32, Sized)>,
}

impl Report {
    /// What is known of these partitions.
    #[must_use]
    pub fn of<'a>(
        heats: impl Iterator<Item = (u32, &'a Heat)> + Clone,
        largest: impl Iterator<Item = (u32, &'a Largest)>,
        now_us: u64,
    ) -> Self {
        let load = |(group, heat): (u32, &Heat)| Load {
            group,
            rates: Measure::ALL.map(|measure| heat.total_per_second(measure, now_us)),
        };
        let largest = largest.flat_map(|(group, found)| found.keys().map(move |k| (group, k)));
        let mut largest: Vec<(u32, &Sized)> = largest.collect();
        largest.sort_by(|(_, a), (_, b)| b.bytes.cmp(&a.bytes).then_with(|| a.key.order(&b.key)));
        let largest = largest.into_iter().take(KEYS_TOLD);
        let mut report = Self {
            loads: heats.clone().map(load).collect(),
            hot: hottest(heats, now_us),
            largest: largest.map(|(group, one)| (group, one.clone())).collect(),
        };
        report.sort();
        report
    }

    /// Adds what another worker knows. A key that both have seen was led here and there.
    pub fn merge(&mut self, other: Self) {
        for load in other.loads {
            match self.loads.iter_mut().find(|known| known.group == load.group) {
                Some(known) => (0..3).for_each(|m| known.rates[m] += load.rates[m]),
                None => self.loads.push(load),
            }
        }
        for hot in other.hot {
            match self.hot.iter_mut().find(|known| known.key == hot.key) {
                Some(known) => (0..3).for_each(|m| {
                    known.rates[m] += hot.rates[m];
                    known.errors[m] += hot.errors[m];
                }),
                None => self.hot.push(hot),
            }
        }
        for (group, one) in other.largest {
            match self.largest.iter_mut().find(|(_, known)| known.key == one.key) {
                Some((_, known)) => known.bytes = known.bytes.max(one.bytes),
                None => self.largest.push((group, one)),
            }
        }
        self.sort();
    }

    /// The same with hashes in the place of names.
    #[must_use]
    pub fn without_names(mut self) -> Self {
        self.hot.iter_mut().for_each(|hot| hot.key.forget_name());
        self.largest.iter_mut().for_each(|(_, one)| one.key.forget_name());
        self
    }

    fn sort(&mut self) {
        self.loads.sort_by_key(|load| load.group);
        self.largest
            .sort_by(|(_, a), (_, b)| b.bytes.cmp(&a.bytes).then_with(|| a.key.order(&b.key)));
        self.largest.truncate(KEYS_TOLD);
    }

    /// The hottest so many by a measure, the hottest first.
    #[must_use]
    pub fn by(&self, measure: Measure, count: usize) -> Vec<&HotKey> {
        let at = measure as usize;
        let mut hot: Vec<&HotKey> = self.hot.iter().filter(|hot| hot.rates[at] > 0.0).collect();
        hot.sort_by(|a, b| b.rates[at].total_cmp(&a.rates[at]).then_with(|| a.key.order(&b.key)));
        hot.truncate(count);
        hot
    }

    /// Appends `loads | hot keys | largest keys`, each behind its count.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let put = |out: &mut Vec<u8>, rates: &[f64; 3]| {
            rates.iter().for_each(|rate| out.extend_from_slice(&rate.to_le_bytes()));
        };
        varint::put(out, self.loads.len() as u64);
        for load in &self.loads {
            varint::put(out, load.group.into());
            put(out, &load.rates);
        }
        varint::put(out, self.hot.len() as u64);
        for hot in &self.hot {
            varint::put(out, hot.group.into());
            hot.key.encode(out);
            put(out, &hot.rates);
            put(out, &hot.errors);
        }
        varint::put(out, self.largest.len() as u64);
        for (group, one) in &self.largest {
            varint::put(out, (*group).into());
            one.encode(out);
        }
    }

    /// Reads one; `None` when it is not whole.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let loads = take_list(bytes, |bytes| {
            Some(Load { group: take_group(bytes)?, rates: take_rates(bytes)? })
        })?;
        let hot = take_list(bytes, |bytes| {
            let (group, key) = (take_group(bytes)?, Key::decode(bytes)?);
            Some(HotKey { group, key, rates: take_rates(bytes)?, errors: take_rates(bytes)? })
        })?;
        let largest = take_list(bytes, |bytes| Some((take_group(bytes)?, Sized::decode(bytes)?)))?;
        bytes.is_empty().then_some(Self { loads, hot, largest })
    }
}

fn take_list<T>(bytes: &mut &[u8], take: impl Fn(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    let count = usize::try_from(varint::take(bytes)?).ok().filter(|n| *n <= ENTRIES_MAX)?;
    (0..count).map(|_| take(bytes)).collect()
}

fn take_group(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(varint::take(bytes)?).ok()
}

fn take_rates(bytes: &mut &[u8]) -> Option<[f64; 3]> {
    Some([take_f64(bytes)?, take_f64(bytes)?, take_f64(bytes)?])
}

/// The keys that are among the hottest by any measure, with all that is known of them.
fn hottest<'a>(heats: impl Iterator<Item = (u32, &'a Heat)> + Clone, now_us: u64) -> Vec<HotKey> {
    let mut hot: Vec<HotKey> = Vec::new();
    for measure in Measure::ALL {
        let all = heats.clone().flat_map(|(group, heat)| {
            heat.per_second(measure, now_us).map(move |(key, rate, _)| (group, key, rate))
        });
        let mut all: Vec<(u32, &Key, f64)> = all.filter(|(.., rate)| *rate > 0.0).collect();
        all.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| a.1.order(b.1)));
        for (group, key, _) in all.into_iter().take(KEYS_TOLD) {
            if !hot.iter().any(|known| known.key == *key) {
                let (rates, errors) = ([0.0; 3], [0.0; 3]);
                hot.push(HotKey { group, key: key.clone(), rates, errors });
            }
        }
    }
    let groups: BTreeMap<u32, &Heat> = heats.collect();
    for one in &mut hot {
        let Some(heat) = groups.get(&one.group) else { continue };
        for measure in Measure::ALL {
            let found = heat.per_second(measure, now_us).find(|(key, ..)| **key == one.key);
            let (_, rate, error) = found.unwrap_or((&one.key, 0.0, 0.0));
            one.rates[measure as usize] = rate;
            one.errors[measure as usize] = error;
        }
    }
    hot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heat::Cost;

    fn report(at: u32) -> Report {
        let mut heats: BTreeMap<u32, Heat> = BTreeMap::new();
        let mut largest = Largest::default();
        for group in [at, at + 1] {
            let heat = heats.entry(group).or_insert_with(|| Heat::new(0));
            for n in 0..100u32 {
                let key = format!("p{group}:{n}");
                let ops = f64::from(n + group);
                heat.add(key.as_bytes(), Cost { ops, bytes: 500.0 - ops, cpu_us: 1.0 }, 1_000_000);
                largest.meet(key.as_bytes(), u64::from(n * group));
            }
        }
        let heats = heats.iter().map(|(group, heat)| (*group, heat));
        Report::of(heats, [(at, &largest)].into_iter(), 1_000_000)
    }

    #[test]
    fn reports_are_bounded_and_round_trip() {
        let report = report(1);
        assert!(report.hot.len() <= 3 * KEYS_TOLD && report.largest.len() <= KEYS_TOLD);
        assert_eq!(report.loads.len(), 2);
        let mut bytes = Vec::new();
        report.encode(&mut bytes);
        assert_eq!(Report::decode(&bytes), Some(report));
        for cut in 0..bytes.len() {
            assert_eq!(Report::decode(&bytes[..cut]), None);
        }
    }

    #[test]
    fn what_a_partitions_former_leader_saw_is_added() {
        let mut whole = report(1);
        whole.merge(report(2));
        assert_eq!(whole.loads.iter().map(|load| load.group).collect::<Vec<_>>(), [1, 2, 3]);
        let alone = report(2);
        let hottest = alone.by(Measure::Ops, 1)[0];
        let both = whole.hot.iter().find(|hot| hot.key == hottest.key);
        assert!(both.is_some_and(|both| both.rates[0] >= hottest.rates[0]));
        let (first, second) = (&whole.by(Measure::Ops, 2)[0], &whole.by(Measure::Ops, 2)[1]);
        assert!(first.rates[0] >= second.rates[0]);
        assert_eq!(whole.by(Measure::Bytes, 5).len(), 5);
    }
}
