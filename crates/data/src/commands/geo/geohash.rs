//! Geohashes: the bits of longitude and latitude in turn, so that what is near has mostly a near number.

use super::earth::Place;
use super::{LATITUDE_MAX, LONGITUDE_MAX};

/// How often the world is halved each way for a score.
pub(super) const STEPS: u32 = 26;

const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const EVEN: u64 = 0x5555_5555_5555_5555;

/// A box of the world: a prefix of a geohash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub bits: u64,
    pub steps: u32,
}

/// The edges of a cell, in degrees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    pub west: f64,
    pub east: f64,
    pub south: f64,
    pub north: f64,
}

/// Puts a zero between all bits.
fn spread(n: u32) -> u64 {
    let mut n = u64::from(n);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, EVEN),
    ] {
        n = (n | n << shift) & mask;
    }
    n
}

/// Takes out every other bit.
fn gather(n: u64) -> u32 {
    let mut n = n & EVEN;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        n = (n | n >> shift) & mask;
    }
    n as u32
}

impl Cell {
    /// The cell of a place, in a world of these latitudes.
    fn within(place: Place, latitude_max: f64, steps: u32) -> Self {
        let scale = (1u64 << steps) as f64;
        let part = |x: f64, max: f64| ((x + max) / (2.0 * max) * scale) as u32;
        let (x, y) = (part(place.longitude, LONGITUDE_MAX), part(place.latitude, latitude_max));
        Self { bits: spread(y) | spread(x) << 1, steps }
    }

    pub(super) fn of(place: Place, steps: u32) -> Self {
        Self::within(place, LATITUDE_MAX, steps)
    }

    pub(super) fn edges(self) -> Edges {
        let scale = (1u64 << self.steps) as f64;
        let at = |n: u32, more: f64, max: f64| -max + (f64::from(n) + more) / scale * (2.0 * max);
        let (x, y) = (gather(self.bits >> 1), gather(self.bits));
        Edges {
            west: at(x, 0.0, LONGITUDE_MAX),
            east: at(x, 1.0, LONGITUDE_MAX),
            south: at(y, 0.0, LATITUDE_MAX),
            north: at(y, 1.0, LATITUDE_MAX),
        }
    }

    /// The cell so many to the east and to the north, each of -1, 0, 1.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Self {
        let unused = 64 - 2 * self.steps;
        let step = |part: u64, gaps: u64, own: u64, by: i32| match by {
            0 => part,
            1.. => part.wrapping_add((gaps >> unused) + 1) & own >> unused,
            _ => (part | gaps >> unused).wrapping_sub((gaps >> unused) + 1) & own >> unused,
        };
        let x = step(self.bits & ODD, EVEN, ODD, east);
        let y = step(self.bits & EVEN, ODD, EVEN, north);
        Self { bits: x | y, ..self }
    }

    /// The scores of the places in it.
    pub(super) fn scores(self) -> std::ops::Range<f64> {
        let shift = 2 * (STEPS - self.steps);
        (self.bits << shift) as f64..((self.bits + 1) << shift) as f64
    }
}

/// The score of a place.
pub(super) fn score(place: Place) -> u64 {
    Cell::of(place, STEPS).bits
}

/// The place of a score: the middle of its cell.
pub(super) fn place(score: f64) -> Place {
    let edges = Cell { bits: score as u64, steps: STEPS }.edges();
    Place {
        longitude: ((edges.west + edges.east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
        latitude: ((edges.south + edges.north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
    }
}

/// The eleven letters that other programs know a place by; there latitudes go up to 90 degrees.
pub(super) fn letters(place: Place) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = Cell::within(place, 90.0, STEPS).bits;
    let mut letters = [b'0'; 11];
    // The bits are enough for ten.
    for (nth, letter) in letters.iter_mut().take(10).enumerate() {
        *letter = ALPHABET[(bits >> (52 - 5 * (nth + 1)) & 31) as usize];
    }
    letters
}
