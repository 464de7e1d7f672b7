//! What a load costs: the time that the servers' threads, and those of this program, spent on a processor.
//!
//! The kernel counts it to the nanosecond for each thread. Unlike the rate of requests it hardly depends on who else
//! uses the machine, so it compares two servers even where a client shares their cores.

use serde::Serialize;
use std::fs;

/// Whose time is counted.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    servers: Vec<u32>,
    begun: Option<Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    server_ns: u64,
    client_ns: u64,
}

/// What was spent between the start and the end of a measurement.
#[derive(Clone, Copy, Debug, Default, Serialize, PartialEq)]
pub struct Cost {
    /// By all servers, in nanoseconds.
    pub server_ns: u64,
    /// By this program, in nanoseconds.
    pub client_ns: u64,
}

impl Meter {
    /// For servers with these process ids.
    pub fn new(servers: &[u32]) -> Self {
        Self { servers: servers.to_vec(), begun: None }
    }

    /// The measurement begins.
    pub fn begin(&mut self) {
        self.begun = Some(self.read());
    }

    /// The measurement is over; nothing when no servers were named, or it never began.
    pub fn end(&mut self) -> Option<Cost> {
        let begun = self.begun.take().filter(|_| !self.servers.is_empty())?;
        let now = self.read();
        Some(Cost {
            server_ns: now.server_ns.saturating_sub(begun.server_ns),
            client_ns: now.client_ns.saturating_sub(begun.client_ns),
        })
    }

    fn read(&self) -> Reading {
        Reading {
            server_ns: self.servers.iter().map(|pid| of_process(&pid.to_string())).sum(),
            client_ns: of_process("self"),
        }
    }
}

/// What the threads of a process that are alive have spent, in nanoseconds.
fn of_process(pid: &str) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0 };
    let spent = |path: std::path::PathBuf| first_number(&fs::read_to_string(path).ok()?);
    threads.flatten().filter_map(|thread| spent(thread.path().join("schedstat"))).sum()
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_for_the_servers_and_for_this_program() {
        let mut meter = Meter::new(&[std::process::id()]);
        assert_eq!(meter.end(), None, "it never began");
        meter.begin();
        let mut sum = 0u64;
        (0..5_000_000u64)
            .for_each(|n| sum = sum.wrapping_mul(31).wrapping_add(std::hint::black_box(n)));
        std::hint::black_box(sum);
        let cost = meter.end().unwrap();
        assert!(cost.server_ns > 0 && cost.client_ns > 0, "{cost:?}");
        let mut nobody = Meter::new(&[]);
        nobody.begin();
        assert_eq!(nobody.end(), None);
    }
}
