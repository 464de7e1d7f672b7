//! GEOPOS key member..., GEOHASH key member..., GEODIST key member member [unit]

use super::{earth, geohash, reply_distance, reply_place, unit};
use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Geo, "geodist", -4, geodist)
        .syntax("key member1 member2 [M | KM | FT | MI]")
        .about("3.2.0", "The distance of two places."),
    Command::read(Group::Geo, "geohash", -2, geohash)
        .syntax("key member...")
        .about("3.2.0", "Places as geohashes in letters."),
    Command::read(Group::Geo, "geopos", -2, geopos)
        .syntax("key member...")
        .about("3.2.0", "Places as longitude and latitude."),
];

fn geodist(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let metres = match args.len() {
        4 => 1.0,
        5 => unit(args[4])?,
        _ => return Err(error::SYNTAX),
    };
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    let score = |member: &[u8]| zset.as_ref().and_then(|zset| zset.score(member));
    match (score(args[2]), score(args[3])) {
        (Some(a), Some(b)) => {
            let distance = earth::distance(geohash::place(a), geohash::place(b));
            reply_distance(distance / metres, out);
        }
        _ => out.null(),
    }
    Ok(())
}

fn geohash(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    out.array(args.len() - 2);
    for member in &args[2..] {
        match zset.as_ref().and_then(|zset| zset.score(member)) {
            Some(score) => out.bulk(&geohash::letters(geohash::place(score))),
            None => out.null(),
        }
    }
    Ok(())
}

fn geopos(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    out.array(args.len() - 2);
    for member in &args[2..] {
        match zset.as_ref().and_then(|zset| zset.score(member)) {
            Some(score) => reply_place(geohash::place(score), out),
            None => out.null_array(),
        }
    }
    Ok(())
}
