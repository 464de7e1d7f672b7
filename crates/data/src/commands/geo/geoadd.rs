//! GEOADD key [NX | XX] [CH] longitude latitude member...

use super::{geohash, place};
use crate::commands::prelude::*;
use crate::commands::zset::zadd;
use crate::number::I64Text;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Geo, "geoadd", -5, geoadd).flags(Flags::DENYOOM)
        .syntax("key [NX | XX] [CH] <longitude latitude member>...")
        .about("3.2.0", "Adds places to a sorted set, or moves them."),
];

/// Which is ZADD with geohashes for scores.
fn geoadd(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let is_option = |word: &&&[u8]| ["NX", "XX", "CH"].iter().any(|name| args::is(word, name));
    let options = args[2..].iter().take_while(is_option).count();
    let (options, places) = args[2..].split_at(options);
    let has = |name| options.iter().any(|word| args::is(word, name));
    if !places.len().is_multiple_of(3) || (has("NX") && has("XX")) {
        return Err(error::SYNTAX);
    }
    let mut scores = Vec::with_capacity(places.len() / 3);
    for triple in places.chunks_exact(3) {
        let Some(place) = place(triple[0], triple[1], out)? else { return Ok(()) };
        // 52 bits.
        scores.push(I64Text::new(geohash::score(place) as i64));
    }
    let mut request = vec![args[0], args[1]];
    request.extend_from_slice(options);
    for (score, triple) in scores.iter().zip(places.chunks_exact(3)) {
        request.extend([score.as_bytes(), triple[2]]);
    }
    zadd(keyspace, &request, ctx, out)
}
