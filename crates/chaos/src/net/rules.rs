//! What iptables is told in the namespace of a node. Only the interface to the peers is ever named, so that
//! clients and the run itself always reach every node.

use std::net::Ipv4Addr;

/// The commands that take all rules away.
pub const NONE: [[&str; 4]; 2] =
    [["-t", "filter", "-F", "INPUT"], ["-t", "mangle", "-F", "POSTROUTING"]];

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Nothing of `peer` is heard any more.
pub fn deaf(peer: Ipv4Addr) -> Vec<String> {
    words(&format!("-t filter -A INPUT -i peer0 -s {peer} -j DROP"))
}

/// Of all that comes from peers, `percent` is lost.
pub fn loss(percent: u64) -> Vec<String> {
    let share = share(percent);
    words(&format!(
        "-t filter -A INPUT -i peer0 -m statistic --mode random --probability {share} -j DROP"
    ))
}

/// Of all that is said to `peer`, `percent` leaves twice.
pub fn duplicate(peer: Ipv4Addr, percent: u64) -> Vec<String> {
    let share = share(percent);
    words(&format!(
        "-t mangle -A POSTROUTING -o peer0 -d {peer} -m statistic --mode random --probability {share} \
         -j TEE --gateway {peer}"
    ))
}

fn share(percent: u64) -> String {
    format!("{:.2}", percent.min(100) as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_fraction() {
        assert_eq!([share(0), share(7), share(100), share(1000)], ["0.00", "0.07", "1.00", "1.00"]);
        let peer = Ipv4Addr::new(10, 78, 0, 2);
        assert!(deaf(peer).join(" ").ends_with("-s 10.78.0.2 -j DROP"));
        assert!(!duplicate(peer, 5).iter().any(String::is_empty));
    }
}
