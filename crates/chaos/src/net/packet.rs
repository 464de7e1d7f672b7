//! What the router has to know of an IPv4 packet: whom it is for, and how to damage it so that the damage
//! is noticed by the program and not only by the kernel.

use std::net::Ipv4Addr;

use crate::dice::Dice;

const TCP: u8 = 6;
const IP_HEADER_LEN_MIN: usize = 20;
const TCP_HEADER_LEN_MIN: usize = 20;

/// Whom the packet is for; `None` when it is not IPv4.
pub fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let header = packet.get(..IP_HEADER_LEN_MIN)?;
    let address: [u8; 4] = header[16..20].try_into().ok()?;
    (header[0] >> 4 == 4).then(|| Ipv4Addr::from(address))
}

/// Flips one bit of what the packet carries. When `hidden`, the checksum of TCP is made right again, so that
/// the kernel passes the damage on and only the program can notice. False when there is nothing to damage:
/// no TCP, or no bytes in it.
pub fn corrupt(packet: &mut [u8], hidden: bool, dice: &mut Dice) -> bool {
    let Some(segment) = tcp(packet) else { return false };
    let header = usize::from(packet[segment + 12] >> 4) * 4;
    let payload = segment + header;
    if header < TCP_HEADER_LEN_MIN || payload >= packet.len() {
        return false;
    }
    let at = payload + dice.index(packet.len() - payload);
    packet[at] ^= 1 << dice.index(8);
    if hidden {
        packet[segment + 16..segment + 18].fill(0);
        let sum = checksum(packet, segment);
        packet[segment + 16..segment + 18].copy_from_slice(&sum.to_be_bytes());
    }
    true
}

/// Where the TCP segment begins; fragments have none that can be read.
fn tcp(packet: &[u8]) -> Option<usize> {
    destination(packet)?;
    let begins = usize::from(packet[0] & 15) * 4;
    let is_fragment = u16::from_be_bytes([packet[6], packet[7]]) & 0x3fff != 0;
    let whole = begins >= IP_HEADER_LEN_MIN && packet.len() >= begins + TCP_HEADER_LEN_MIN;
    (packet[9] == TCP && !is_fragment && whole).then_some(begins)
}

/// RFC 9293, section 3.1: over the addresses, the protocol, the length and the segment.
fn checksum(packet: &[u8], segment: usize) -> u16 {
    let mut sum = u32::from(TCP) + (packet.len() - segment) as u32;
    for bytes in packet[12..20].chunks(2).chain(packet[segment..].chunks(2)) {
        sum += u32::from(bytes[0]) << 8 | u32::from(bytes.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment with two bytes in it, as Linux sends it; the checksums are right.
    fn packet() -> Vec<u8> {
        let mut packet = vec![
            0x45, 0, 0, 42, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 78, 0, 1, 10, 78, 0,
            2, // IP
            0x42, 0x69, 0xa0, 0x10, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0xf5, 0, 0, 0,
            0, // TCP
            b'h', b'i',
        ];
        let sum = checksum(&packet, 20);
        packet[36..38].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    #[test]
    fn a_right_checksum_sums_to_nothing() {
        assert_eq!(checksum(&packet(), 20), 0);
        assert_eq!(destination(&packet()), Some(Ipv4Addr::new(10, 78, 0, 2)));
        assert_eq!(destination(&[0x60; 40]), None);
        assert_eq!(destination(&[0x45; 3]), None);
    }

    #[test]
    fn damage_is_hidden_from_the_kernel_or_not() {
        for seed in 0..50 {
            for hidden in [false, true] {
                let mut damaged = packet();
                assert!(corrupt(&mut damaged, hidden, &mut Dice::new(seed, 0)));
                assert_ne!(damaged[40..], packet()[40..]);
                assert_eq!(checksum(&damaged, 20) == 0, hidden);
            }
        }
    }

    #[test]
    fn there_is_nothing_to_damage_in_a_bare_acknowledgement() {
        let mut bare = packet();
        bare.truncate(40);
        assert!(!corrupt(&mut bare, true, &mut Dice::new(1, 0)));
        let mut short = packet();
        short[32] = 0xf0;
        assert!(!corrupt(&mut short, true, &mut Dice::new(1, 0)));
        let mut fragment = packet();
        fragment[7] = 3;
        assert!(!corrupt(&mut fragment, true, &mut Dice::new(1, 0)));
    }
}
