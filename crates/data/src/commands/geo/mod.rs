//! Commands on places: members of sorted sets whose scores are geohashes of 52 bits.

mod area;
mod earth;
mod geoadd;
mod geohash;
mod geopos;
mod options;
mod search;
mod trigonometry;

use crate::commands::prelude::*;
use earth::Place;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[geoadd::ROWS, geopos::ROWS, search::ROWS];

const LONGITUDE_MAX: f64 = 180.0;
const LATITUDE_MAX: f64 = 85.05112878;

/// A place off its longitude and latitude; `None` when an error was answered.
fn place(
    longitude: &[u8],
    latitude: &[u8],
    out: &mut dyn ReplySink,
) -> Result<Option<Place>, Failure> {
    let place = Place { longitude: args::float(longitude)?, latitude: args::float(latitude)? };
    if place.longitude.abs() > LONGITUDE_MAX || place.latitude.abs() > LATITUDE_MAX {
        let (longitude, latitude) = (place.longitude, place.latitude);
        out.error(&format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"));
        return Ok(None);
    }
    Ok(Some(place))
}

/// How many metres a unit has.
fn unit(word: &[u8]) -> Result<f64, Failure> {
    const UNIT: Failure = Failure("ERR unsupported unit provided. please use M, KM, FT, MI");
    [("M", 1.0), ("KM", 1000.0), ("FT", 0.3048), ("MI", 1609.34)]
        .into_iter()
        .find_map(|(name, metres)| args::is(word, name).then_some(metres))
        .ok_or(UNIT)
}

fn reply_distance(distance: f64, out: &mut dyn ReplySink) {
    out.bulk(format!("{distance:.4}").as_bytes());
}

fn reply_place(place: Place, out: &mut dyn ReplySink) {
    out.array(2);
    for degrees in [place.longitude, place.latitude] {
        if out.is_resp3() {
            out.double(degrees);
            continue;
        }
        // Seventeen places, the zeros at the end left out.
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        out.bulk(if text == "-0" { b"0" } else { text.as_bytes() });
    }
}
