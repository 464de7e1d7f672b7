//! How much memory there is, and how much of it keys may take when nobody says otherwise.

use std::fs;

/// The share of the memory that keys and replies may take: the rest is for copies during snapshots, the log, buffers of
/// peers and the operating system.
const SHARE_PERCENT: u64 = 70;
/// What control groups answer when they have no limit is of this order.
const NO_LIMIT: u64 = 1 << 60;

/// `maxmemory` of one of `processes` nodes on this machine: their equal parts of a share of the machine's memory, or of
/// the control group's where that is less. In bytes; 0, no limit, when neither is known.
#[must_use]
pub fn default_maxmemory(processes: u64) -> u64 {
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits = limits.iter().filter_map(|file| number(&fs::read_to_string(file).ok()?));
    let machine = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = machine.lines().find_map(|line| line.strip_prefix("MemTotal:")).and_then(number);
    let machine = machine.map(|kib| kib * 1024);
    let all = limits.filter(|bytes| *bytes < NO_LIMIT).chain(machine).min().unwrap_or(0);
    all / processes.max(1) / 100 * SHARE_PERCENT
}

/// The number at the front of a line.
fn number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_one_machine_share_what_there_is() {
        let (alone, one_of_three) = (default_maxmemory(1), default_maxmemory(3));
        assert!(alone > 0 && one_of_three > 0);
        assert!(one_of_three <= alone / 3 && one_of_three >= alone / 3 - 200);
        assert_eq!(number("max\n"), None);
        assert_eq!(number(" 16384 kB"), Some(16384));
    }
}
