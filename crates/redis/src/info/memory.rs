//! MEMORY STATS and MEMORY DOCTOR, of the same figures as INFO.

use super::page::{Page, human};
use super::tally::Tally;
use synod_types::ReplySink;
use synod_wire::resp::RespWriter;

/// A node with less is not worth a diagnosis, as in Redis.
const LITTLE_BYTES: u64 = 5 << 20;

/// What MEMORY asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryQuery {
    /// The figures.
    Stats,
    /// What to make of them.
    Doctor,
}

impl Page {
    pub(crate) fn memory_reply(&self, query: MemoryQuery, tally: &Tally, out: &mut RespWriter<'_>) {
        match query {
            MemoryQuery::Stats => self.memory_stats(tally, out),
            MemoryQuery::Doctor => out.verbatim(&self.diagnosis(tally)),
        }
    }

    fn memory_stats(&self, tally: &Tally, out: &mut RespWriter<'_>) {
        let (data, rss) = (tally.data_bytes, self.facts.rss_bytes);
        let overhead = data.saturating_sub(tally.object_bytes);
        let ratio = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let numbers = [
            ("peak.allocated", tally.data_peak),
            ("total.allocated", data),
            ("startup.allocated", 0),
            ("replication.backlog", 0),
            ("clients.slaves", 0),
            ("clients.normal", tally.output_bytes),
            ("cluster.links", 0),
            ("aof.buffer", 0),
            ("lua.caches", tally.script_bytes),
            ("functions.caches", tally.library_bytes),
            ("overhead.total", overhead),
            ("keys.count", tally.keys),
            ("keys.bytes-per-key", data / tally.keys.max(1)),
            ("dataset.bytes", tally.object_bytes),
            ("rss-overhead.bytes", rss.saturating_sub(data)),
            ("fragmentation.bytes", rss.saturating_sub(data)),
        ];
        let shares = [
            ("dataset.percentage", ratio(tally.object_bytes, data) * 100.0),
            ("peak.percentage", ratio(data, tally.data_peak) * 100.0),
            ("rss-overhead.ratio", ratio(rss, data)),
            ("fragmentation", ratio(rss, data)),
        ];
        out.map(numbers.len() + shares.len());
        for (name, number) in numbers {
            out.bulk(name.as_bytes());
            out.integer(number.cast_signed());
        }
        for (name, share) in shares {
            out.bulk(name.as_bytes());
            out.double(share);
        }
    }

    fn diagnosis(&self, tally: &Tally) -> String {
        let (data, rss) = (tally.data_bytes, self.facts.rss_bytes);
        if data < LITTLE_BYTES && tally.full_elsewhere == 0 {
            return "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data.\n".to_owned();
        }
        let mut found = Vec::new();
        if tally.data_peak > data / 2 * 3 {
            found.push(format!(
                "Peak memory: keys and values took {} once, and take {} now. The process may keep part of the difference.",
                human(tally.data_peak),
                human(data)
            ));
        }
        if rss > data / 5 * 7 && rss - data > 10 << 20 {
            found.push(format!(
                "Resident memory: the process takes {} for {} of keys and values. The rest is replies that clients have not read ({}), what the log and snapshots have under way, and what the allocator keeps.",
                human(rss),
                human(data),
                human(tally.output_bytes)
            ));
        }
        let limit = self.maxmemory;
        if limit > 0 && data > limit / 10 * 9 {
            found.push(format!(
                "Limit: keys and values take {} of the {} of maxmemory; the policy is {}.",
                human(data),
                human(limit),
                self.maxmemory_policy
            ));
        }
        if tally.full_elsewhere > 0 {
            found.push(format!(
                "Limits of others: writes to {} of the partitions led here are refused, because a replica of them on another node has no room left under its own maxmemory.",
                tally.full_elsewhere
            ));
        }
        match found.as_slice() {
            [] => "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n".to_owned(),
            found => format!(
                "Sam, I detected a few issues in this instance's memory:\n\n{}\n",
                found.iter().map(|one| format!(" * {one}\n")).collect::<String>()
            ),
        }
    }
}
