//! Sine, cosine and arc sine in plain arithmetic, the same to the last bit on every machine: what a command stores
//! must not depend on the C library of the node that runs it. The polynomials are those of FreeBSD's msun (fdlibm).

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

/// The part of pi/2 that `FRAC_PI_2` leaves out.
const FRAC_PI_2_REST: f64 = 6.123_233_995_736_766e-17;

const SINE: [f64; 6] = [
    -1.666_666_666_666_663_2e-1,
    8.333_333_333_322_49e-3,
    -1.984_126_982_985_795e-4,
    2.755_731_370_707_006_8e-6,
    -2.505_076_025_340_686_3e-8,
    1.589_690_995_211_55e-10,
];
const COSINE: [f64; 6] = [
    4.166_666_666_666_66e-2,
    -1.388_888_888_887_411e-3,
    2.480_158_728_947_673e-5,
    -2.755_731_435_139_066_3e-7,
    2.087_572_321_298_175e-9,
    -1.135_964_755_778_819_5e-11,
];
const ARC_ABOVE: [f64; 6] = [
    1.666_666_666_666_666_6e-1,
    -3.255_658_186_224_009e-1,
    2.012_125_321_348_629_3e-1,
    -4.005_553_450_067_941e-2,
    7.915_349_942_898_145e-4,
    3.479_331_075_960_212e-5,
];
const ARC_BELOW: [f64; 5] = [
    1.0,
    -2.403_394_911_734_414,
    2.020_945_760_233_505_7,
    -6.882_839_716_054_533e-1,
    7.703_815_055_590_194e-2,
];

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// The angle within a quarter turn around 0, and how many quarter turns were taken off.
fn reduced(x: f64) -> (f64, i64) {
    let turns = (x / FRAC_PI_2).round();
    (x - turns * FRAC_PI_2 - turns * FRAC_PI_2_REST, turns as i64)
}

fn sin_near_zero(x: f64) -> f64 {
    let square = x * x;
    x + x * square * polynomial(&SINE, square)
}

fn cos_near_zero(x: f64) -> f64 {
    let square = x * x;
    1.0 - (square / 2.0 - square * square * polynomial(&COSINE, square))
}

/// The sine of an angle of a few turns at most.
pub(super) fn sin(x: f64) -> f64 {
    match reduced(x) {
        (x, turns) if turns.rem_euclid(4) == 0 => sin_near_zero(x),
        (x, turns) if turns.rem_euclid(4) == 1 => cos_near_zero(x),
        (x, turns) if turns.rem_euclid(4) == 2 => -sin_near_zero(x),
        (x, _) => -cos_near_zero(x),
    }
}

/// The cosine of an angle of a few turns at most.
pub(super) fn cos(x: f64) -> f64 {
    match reduced(x) {
        (x, turns) if turns.rem_euclid(4) == 0 => cos_near_zero(x),
        (x, turns) if turns.rem_euclid(4) == 1 => -sin_near_zero(x),
        (x, turns) if turns.rem_euclid(4) == 2 => -cos_near_zero(x),
        (x, _) => sin_near_zero(x),
    }
}

/// The arc sine of a number from 0 to 1; what is above counts as 1.
pub(super) fn asin(x: f64) -> f64 {
    let rest =
        |square: f64| square * polynomial(&ARC_ABOVE, square) / polynomial(&ARC_BELOW, square);
    if x < 0.5 {
        return x + x * rest(x * x);
    }
    let half = ((1.0 - x) / 2.0).max(0.0);
    let root = half.sqrt();
    FRAC_PI_4 - (2.0 * root * rest(half) - (FRAC_PI_2_REST - 2.0 * (root - FRAC_PI_4 / 2.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_platform() {
        for n in -4000..=4000 {
            let x = f64::from(n) / 1000.0;
            assert!((sin(x) - x.sin()).abs() < 4e-16, "sin {x}: {} {}", sin(x), x.sin());
            assert!((cos(x) - x.cos()).abs() < 4e-16, "cos {x}: {} {}", cos(x), x.cos());
        }
        for n in 0..=4000 {
            let x = f64::from(n) / 4000.0;
            assert!((asin(x) - x.asin()).abs() < 9e-16, "asin {x}: {} {}", asin(x), x.asin());
        }
    }
}
