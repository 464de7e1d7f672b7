//! GEOSEARCH, GEOSEARCHSTORE, GEORADIUS, GEORADIUSBYMEMBER and their forms that only read

use super::area::Area;
use super::earth::Place;
use super::options::{self, Form, Options};
use super::{geohash, reply_distance, reply_place};
use crate::commands::prelude::*;
use crate::value::View;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Geo, "georadius", -6, georadius).flags(Flags::DENYOOM).key_behind_store(6).accesses(Access::READ, Access::OVERWRITE)
        .syntax("key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]")
        .about("3.2.0", "Places around a point; the results may be stored."),
    Command::read(Group::Geo, "georadius_ro", -6, georadius_ro)
        .syntax("key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]")
        .about("3.2.10", "Places around a point."),
    Command::write(Group::Geo, "georadiusbymember", -5, georadiusbymember).flags(Flags::DENYOOM).key_behind_store(5).accesses(Access::READ, Access::OVERWRITE)
        .syntax("key member radius:double <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]")
        .about("3.2.0", "Places around another; the results may be stored."),
    Command::read(Group::Geo, "georadiusbymember_ro", -5, georadiusbymember_ro)
        .syntax("key member radius:double <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]")
        .about("3.2.10", "Places around another."),
    Command::read(Group::Geo, "geosearch", -7, geosearch)
        .syntax("key <FROMMEMBER member | FROMLONLAT <longitude latitude>> <<BYRADIUS radius <M | KM | FT | MI>> | <BYBOX width:double height:double <M | KM | FT | MI>>> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]")
        .about("6.2.0", "Places in a circle or a rectangle."),
    Command::write(Group::Geo, "geosearchstore", -8, geosearchstore).flags(Flags::DENYOOM).keys(1, 2, 1).accesses(Access::OVERWRITE, Access::READ)
        .syntax("destination source <FROMMEMBER member | FROMLONLAT <longitude latitude>> <<BYRADIUS radius <M | KM | FT | MI>> | <BYBOX width:double height:double <M | KM | FT | MI>>> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]")
        .about("6.2.0", "Stores the places in a circle or a rectangle."),
];

/// A place that was found.
struct Hit {
    member: Vec<u8>,
    score: f64,
    place: Place,
    /// In the unit asked for.
    distance: f64,
}

fn georadius(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    write(keyspace, Form::Radius { stores: true }, args, ctx, out)
}

fn georadius_ro(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    read(keyspace, Form::Radius { stores: false }, args, ctx, out)
}

fn georadiusbymember(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    write(keyspace, Form::ByMember { stores: true }, args, ctx, out)
}

fn georadiusbymember_ro(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    read(keyspace, Form::ByMember { stores: false }, args, ctx, out)
}

fn geosearch(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    read(keyspace, Form::Search, args, ctx, out)
}

fn geosearchstore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    write(keyspace, Form::SearchStore, args, ctx, out)
}

fn read(
    keyspace: &Keyspace,
    form: Form,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    if let Some((options, hits)) = find(keyspace, form, args, ctx, out)? {
        reply(&options, &hits, out);
    }
    Ok(())
}

fn write(
    keyspace: &mut Keyspace,
    form: Form,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let Some((options, hits)) = find(keyspace, form, args, ctx, out)? else { return Ok(()) };
    let Some(destination) = options.store else {
        reply(&options, &hits, out);
        return Ok(());
    };
    out.integer(hits.len() as i64);
    let score = |hit: &Hit| if options.store_distance { hit.distance } else { hit.score };
    let mut members: Vec<(Vec<u8>, f64)> = hits
        .into_iter()
        .map(|hit| (score(&hit), hit))
        .map(|(score, hit)| (hit.member, score))
        .collect();
    members.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    keyspace.store(destination, ctx.now, Zset::collect(members));
    Ok(())
}

/// The places that are asked for, in order; `None` when an error was answered.
fn find<'a>(
    keyspace: &Keyspace,
    form: Form,
    args: &Args<'a>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Result<Option<(Options<'a>, Vec<Hit>)>, Failure> {
    let source = if form == Form::SearchStore { args[2] } else { args[1] };
    let zset = keyspace.view::<Zset>(source, ctx.now)?;
    let Some(options) = options::parse(form, zset.as_ref(), args, out)? else { return Ok(None) };
    let mut hits = match (zset, options.area()) {
        (Some(zset), Some(area)) => hits(&zset, &area, &options),
        _ => Vec::new(),
    };
    // So many of them are the nearest, unless any will do.
    let order = options.descending.or((options.count > 0 && !options.any).then_some(false));
    match order {
        Some(false) => hits.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
        Some(true) => hits.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
        None => {}
    }
    if options.count > 0 {
        hits.truncate(options.count);
    }
    Ok(Some((options, hits)))
}

fn hits(zset: &View<'_, Zset>, area: &Area, options: &Options<'_>) -> Vec<Hit> {
    let limit = if options.any { options.count } else { usize::MAX };
    let mut hits = Vec::new();
    for cell in area.cells() {
        let scores = cell.scores();
        let below = |bound: f64| zset.count_while(|score, _| score < bound);
        zset.each(below(scores.start)..below(scores.end), |member, score| {
            let place = geohash::place(score);
            if hits.len() < limit
                && let Some(distance) = area.distance_of(place)
            {
                let distance = distance / options.metres;
                hits.push(Hit { member: member.to_vec(), score, place, distance });
            }
        });
    }
    hits
}

fn reply(options: &Options<'_>, hits: &[Hit], out: &mut dyn ReplySink) {
    let with = [options.with_distance, options.with_hash, options.with_place];
    let more = with.into_iter().filter(|with| *with).count();
    out.array(hits.len());
    for hit in hits {
        if more > 0 {
            out.array(more + 1);
        }
        out.bulk(&hit.member);
        if options.with_distance {
            reply_distance(hit.distance, out);
        }
        if options.with_hash {
            out.integer(hit.score as i64);
        }
        if options.with_place {
            reply_place(hit.place, out);
        }
    }
}
