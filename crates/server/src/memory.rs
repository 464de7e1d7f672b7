//! How much memory there is, and how much of it keys may take when nobody says otherwise.

use rustix::process::{Resource, getrlimit};
use std::fs;

/// The share of the memory that keys and replies may take: the rest is for copies during snapshots, the log, buffers of
/// peers and the operating system.
const SHARE_PERCENT: u64 = 70;
/// What is left to all that in any case, in bytes: requests and snapshots take as much of a small machine as of a large one.
const BESIDE_BYTES: u64 = 512 << 20;
/// The share of keys and replies where that would leave them next to nothing.
const SHARE_PERCENT_MIN: u64 = 25;
/// What control groups answer when they have no limit is of this order.
const NO_LIMIT: u64 = 1 << 60;

/// `maxmemory` of one of `processes` nodes on this machine: their equal parts of a share of the machine's memory, or of
/// what the control groups or the limits of the process allow where that is less. In bytes; 0, no limit, when nothing is
/// known.
#[must_use]
pub fn default_maxmemory(processes: u64) -> u64 {
    ceiling(available() / processes.max(1))
}

/// How much memory this process may have: that of the machine, or what control groups or limits leave of it. In bytes; 0 when
/// nothing is known.
#[must_use]
pub fn available() -> u64 {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = group_files(&own);
    let groups = groups.iter().filter_map(|file| number(&fs::read_to_string(file).ok()?));
    let process = [Resource::As, Resource::Data].map(|limit| getrlimit(limit).current);
    let limits = groups.chain(process.into_iter().flatten());
    let machine = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = machine.lines().find_map(|line| line.strip_prefix("MemTotal:")).and_then(number);
    let machine = machine.map(|kib| kib * 1024);
    limits.filter(|bytes| *bytes < NO_LIMIT).chain(machine).min().unwrap_or(0)
}

/// How much of so many bytes keys and replies may take.
fn ceiling(all: u64) -> u64 {
    let share = |percent| all / 100 * percent;
    share(SHARE_PERCENT).min(all.saturating_sub(BESIDE_BYTES)).max(share(SHARE_PERCENT_MIN))
}

/// Where the limits stand of the control groups that a process is in, by what `/proc/self/cgroup` says, and of those around
/// them. In a container the path leads from its own root, which is among them.
fn group_files(own: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(id), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (root, file) = match controllers {
            "" if id == "0" => ("/sys/fs/cgroup", "memory.max"),
            names if names.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let mut path = path.trim_end_matches('/');
        files.push(format!("{root}{path}/{file}"));
        while let Some((above, _)) = path.rsplit_once('/') {
            path = above;
            files.push(format!("{root}{path}/{file}"));
        }
    }
    files
}

/// The number at the front of a line.
fn number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_is_not_left_to_keys() {
        let cases = [
            (0, 0),
            (100, 25),
            (400, 100),
            (512, 128),
            (768, 256),
            (1024, 512),
            (1280, 768),
            (4096, 2867),
        ];
        for (all, keys) in cases {
            assert_eq!((ceiling(all << 20) + (1 << 19)) >> 20, keys, "of {all} MiB");
        }
    }

    #[test]
    fn nodes_of_one_machine_share_what_there_is() {
        let (alone, one_of_three) = (default_maxmemory(1), default_maxmemory(3));
        assert!(alone > 0 && one_of_three > 0);
        assert!(one_of_three <= alone / 3 && one_of_three >= alone / 3 - 200);
        let files = group_files("12:cpu,memory:/a\n3:cpu:/b\n0::/c.slice/d\nnone\n0::/\n");
        let expected = [
            "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/c.slice/d/memory.max",
            "/sys/fs/cgroup/c.slice/memory.max",
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory.max",
        ];
        assert_eq!(files, expected);
        assert_eq!(number("max\n"), None);
        assert_eq!(number(" 16384 kB"), Some(16384));
    }
}
