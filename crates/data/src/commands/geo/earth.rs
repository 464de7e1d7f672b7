//! The earth as Redis has it: a ball, on which distances are measured by haversines.

use super::trigonometry::{asin, cos, sin};

/// In metres.
pub(super) const RADIUS: f64 = 6_372_797.560856;
const RADIANS_PER_DEGREE: f64 = std::f64::consts::PI / 180.0;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub longitude: f64,
    pub latitude: f64,
}

pub(super) fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_PER_DEGREE
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / RADIANS_PER_DEGREE
}

/// The distance along a meridian, in metres.
pub(super) fn latitude_distance(a: f64, b: f64) -> f64 {
    RADIUS * (radians(b) - radians(a)).abs()
}

/// The distance of two places, in metres.
pub(super) fn distance(a: Place, b: Place) -> f64 {
    let v = sin((radians(b.longitude) - radians(a.longitude)) / 2.0);
    if v == 0.0 {
        return latitude_distance(a.latitude, b.latitude);
    }
    let (from, to) = (radians(a.latitude), radians(b.latitude));
    let u = sin((to - from) / 2.0);
    2.0 * RADIUS * asin((u * u + cos(from) * cos(to) * v * v).sqrt())
}
