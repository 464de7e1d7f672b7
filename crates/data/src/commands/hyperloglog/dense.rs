//! The dense form of a sketch: 16,384 registers of six bits, lowest bits first.

use super::sketch::REGISTERS;

/// The bytes of all registers.
pub(super) const BYTES: usize = REGISTERS * 6 / 8;

pub(super) fn get(registers: &[u8], index: usize) -> u8 {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    let low = u16::from(registers[at]);
    let high = u16::from(registers.get(at + 1).copied().unwrap_or(0));
    ((low | high << 8) >> shift) as u8 & 63
}

/// Raises a register; whether it was lower.
pub(super) fn raise(registers: &mut [u8], index: usize, value: u8) -> bool {
    if get(registers, index) >= value {
        return false;
    }
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    let (mask, bits) = (63u16 << shift, u16::from(value) << shift);
    registers[at] = registers[at] & !(mask as u8) | bits as u8;
    if let Some(next) = registers.get_mut(at + 1) {
        *next = *next & !((mask >> 8) as u8) | (bits >> 8) as u8;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_do_not_touch_each_other() {
        let mut registers = vec![0; BYTES];
        let value = |index: usize| (index % 51 + 1) as u8;
        for index in (0..REGISTERS).rev() {
            assert!(raise(&mut registers, index, value(index)));
            assert!(!raise(&mut registers, index, value(index)));
        }
        for index in 0..REGISTERS {
            assert_eq!(get(&registers, index), value(index));
        }
    }
}
