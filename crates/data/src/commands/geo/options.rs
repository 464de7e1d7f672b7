//! The arguments of the searches: where, how far, how many, and what to tell.

use super::area::{Area, Shape};
use super::earth::Place;
use super::{geohash, place, unit};
use crate::commands::prelude::*;
use crate::value::View;
use crate::value::zset::Zset;

/// Which of the commands it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// GEORADIUS; whether it may store.
    Radius { stores: bool },
    /// GEORADIUSBYMEMBER; whether it may store.
    ByMember { stores: bool },
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
}

/// What is asked for.
#[derive(Default)]
pub(super) struct Options<'a> {
    /// `None` where the key is absent and the place is one of its members.
    centre: Option<Place>,
    shape: Option<Shape>,
    /// The metres of the unit that distances are told in.
    pub metres: f64,
    pub with_distance: bool,
    pub with_hash: bool,
    pub with_place: bool,
    pub descending: Option<bool>,
    /// At most so many; 0: all.
    pub count: usize,
    /// Any so many, not the nearest.
    pub any: bool,
    pub store: Option<&'a [u8]>,
    pub store_distance: bool,
}

impl Options<'_> {
    pub(super) fn area(&self) -> Option<Area> {
        Some(Area { centre: self.centre?, shape: self.shape? })
    }
}

fn member(zset: Option<&View<'_, Zset>>, name: &[u8]) -> Result<Option<Place>, Failure> {
    const MEMBER: Failure = Failure("ERR could not decode requested zset member");
    let Some(zset) = zset else { return Ok(None) };
    zset.score(name).map(|score| Some(geohash::place(score))).ok_or(MEMBER)
}

fn length(arg: &[u8], otherwise: Failure) -> Result<f64, Failure> {
    args::float(arg).map_err(|_| otherwise)
}

fn circle(radius: &[u8], of: &[u8]) -> Result<(Shape, f64), Failure> {
    const NUMBER: Failure = Failure("ERR need numeric radius");
    const NEGATIVE: Failure = Failure("ERR radius cannot be negative");
    let radius = length(radius, NUMBER)?;
    if radius < 0.0 {
        return Err(NEGATIVE);
    }
    let metres = unit(of)?;
    Ok((Shape::Circle { radius: radius * metres }, metres))
}

fn rectangle(width: &[u8], height: &[u8], of: &[u8]) -> Result<(Shape, f64), Failure> {
    const WIDTH: Failure = Failure("ERR need numeric width");
    const HEIGHT: Failure = Failure("ERR need numeric height");
    const NEGATIVE: Failure = Failure("ERR height or width cannot be negative");
    let (width, height) = (length(width, WIDTH)?, length(height, HEIGHT)?);
    if width < 0.0 || height < 0.0 {
        return Err(NEGATIVE);
    }
    let metres = unit(of)?;
    Ok((Shape::Box { width: width * metres, height: height * metres }, metres))
}

/// Reads the arguments; `None` when an error was answered.
pub(super) fn parse<'a>(
    form: Form,
    zset: Option<&View<'_, Zset>>,
    args: &Args<'a>,
    out: &mut dyn ReplySink,
) -> Result<Option<Options<'a>>, Failure> {
    let mut options = Options { metres: 1.0, ..Options::default() };
    let mut rest = match form {
        Form::Radius { .. } => {
            let Some(centre) = place(args[2], args[3], out)? else { return Ok(None) };
            let (shape, metres) = circle(args[4], args[5])?;
            (options.centre, options.shape, options.metres) = (Some(centre), Some(shape), metres);
            &args[6..]
        }
        Form::ByMember { .. } => {
            if let Some(centre) = member(zset, args[2])? {
                let (shape, metres) = circle(args[3], args[4])?;
                (options.centre, options.shape, options.metres) =
                    (Some(centre), Some(shape), metres);
            }
            &args[5..]
        }
        Form::Search => &args[2..],
        Form::SearchStore => {
            options.store = Some(args[1]);
            &args[3..]
        }
    };
    let is_search = matches!(form, Form::Search | Form::SearchStore);
    let (mut by_member, mut by_place) = (false, false);
    while let [word, after @ ..] = rest {
        rest = match after {
            [name, after @ ..] if is_search && !by_place && args::is(word, "FROMMEMBER") => {
                options.centre = member(zset, name)?;
                by_member = true;
                after
            }
            [longitude, latitude, after @ ..]
                if is_search && !by_member && args::is(word, "FROMLONLAT") =>
            {
                let Some(centre) = place(longitude, latitude, out)? else { return Ok(None) };
                options.centre = Some(centre);
                by_place = true;
                after
            }
            [radius, of, after @ ..]
                if is_search
                    && !matches!(options.shape, Some(Shape::Box { .. }))
                    && args::is(word, "BYRADIUS") =>
            {
                let (shape, metres) = circle(radius, of)?;
                (options.shape, options.metres) = (Some(shape), metres);
                after
            }
            [width, height, of, after @ ..]
                if is_search
                    && !matches!(options.shape, Some(Shape::Circle { .. }))
                    && args::is(word, "BYBOX") =>
            {
                let (shape, metres) = rectangle(width, height, of)?;
                (options.shape, options.metres) = (Some(shape), metres);
                after
            }
            after => options.plain(form, word, after)?,
        };
    }
    let name = String::from_utf8_lossy(args[0]);
    if options.store.is_some() && (options.with_distance || options.with_hash || options.with_place)
    {
        let what = if is_search { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
        out.error(&format!(
            "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
        ));
        return Ok(None);
    }
    if is_search && !(by_member || by_place) {
        out.error(&format!(
            "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
        ));
        return Ok(None);
    }
    if is_search && options.shape.is_none() {
        out.error(&format!("ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"));
        return Ok(None);
    }
    if options.any && options.count == 0 {
        return Err(Failure("ERR the ANY argument requires COUNT argument"));
    }
    Ok(Some(options))
}

impl<'a> Options<'a> {
    /// An option that all forms have, or a form's way to store; what comes behind it.
    fn plain<'b>(
        &mut self,
        form: Form,
        word: &[u8],
        after: &'b Args<'a>,
    ) -> Result<&'b Args<'a>, Failure> {
        const COUNT: Failure = Failure("ERR COUNT must be > 0");
        let stores =
            matches!(form, Form::Radius { stores: true } | Form::ByMember { stores: true });
        match after {
            _ if args::is(word, "WITHDIST") => self.with_distance = true,
            _ if args::is(word, "WITHHASH") => self.with_hash = true,
            _ if args::is(word, "WITHCOORD") => self.with_place = true,
            _ if args::is(word, "ANY") => self.any = true,
            _ if args::is(word, "ASC") => self.descending = Some(false),
            _ if args::is(word, "DESC") => self.descending = Some(true),
            _ if form == Form::SearchStore && args::is(word, "STOREDIST") => {
                self.store_distance = true
            }
            [n, after @ ..] if args::is(word, "COUNT") => {
                let n = usize::try_from(args::integer(n)?).ok().filter(|n| *n > 0);
                self.count = n.ok_or(COUNT)?;
                return Ok(after);
            }
            [key, after @ ..]
                if stores && (args::is(word, "STORE") || args::is(word, "STOREDIST")) =>
            {
                self.store = Some(key);
                self.store_distance = args::is(word, "STOREDIST");
                return Ok(after);
            }
            _ => return Err(error::SYNTAX),
        }
        Ok(after)
    }
}
