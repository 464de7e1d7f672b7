//! SORT key [BY pattern] [LIMIT offset count] [GET pattern]... [ASC | DESC] [ALPHA] [STORE destination], and SORT_RO,
//! which stores nothing
//!
//! Patterns name other keys by the element's text. Those have to lie in the same partition, or the command fails.

use super::sort_pattern::{Pattern, Subject};
use crate::commands::prelude::*;
use crate::edit::assemble;
use crate::number::parse_f64;
use crate::value::Kind;
use crate::value::list::{End, List};
use crate::value::set::Set;
use crate::value::zset::Zset;
use std::cmp::Ordering;
use std::ops::Range;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Generic, "sort", -2, sort).extent(Extent::Whole).flags(Flags::DENYOOM).keys(1, 1, 1).key_behind_store(2).accesses(Access::READ, Access::OVERWRITE)
        .also_in(Categories::SET.and(Categories::SORTED_SET).and(Categories::LIST).and(Categories::DANGEROUS)).not_in(Categories::KEYSPACE)
        .syntax("key [BY pattern] [LIMIT <offset count>] [GET pattern]... [ASC | DESC] [ALPHA] [STORE destination]")
        .about("1.0.0", "Answers or stores the sorted elements of a list, a set or a sorted set."),
    Command::read(Group::Generic, "sort_ro", -2, sort_ro).extent(Extent::Whole).flags(Flags::MOVABLEKEYS)
        .also_in(Categories::SET.and(Categories::SORTED_SET).and(Categories::LIST).and(Categories::DANGEROUS)).not_in(Categories::KEYSPACE)
        .syntax("key [BY pattern] [LIMIT <offset count>] [GET pattern]... [ASC | DESC] [ALPHA]")
        .about("7.0.0", "Answers the sorted elements of a list, a set or a sorted set."),
];

/// One element on its way.
struct Element {
    text: Vec<u8>,
    weight: Weight,
}

/// What it is sorted by.
enum Weight {
    Number(f64),
    /// `None` stands before every text.
    Text(Option<Vec<u8>>),
    /// Itself.
    Own,
}

struct Request<'a> {
    /// `None`: as they come.
    by: Option<Pattern<'a>>,
    unsorted: bool,
    get: Vec<Pattern<'a>>,
    descending: bool,
    alpha: bool,
    limit: Option<(i64, i64)>,
    store: Option<&'a [u8]>,
}

fn sort(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let request = Request::parse(&args[2..], true)?;
    let found = request.run(keyspace, args[1], ctx)?;
    let Some(destination) = request.store else {
        reply(&found, out);
        return Ok(());
    };
    let list = assemble::<List>(destination, |list| {
        found.iter().for_each(|text| list.push(End::Right, text.as_deref().unwrap_or_default()));
        Some(())
    });
    match list {
        Some(list) => {
            let spot = keyspace.open(destination, ctx.now);
            keyspace.put(spot, list);
        }
        None => _ = keyspace.delete(destination, ctx.now),
    }
    out.integer(found.len() as i64);
    Ok(())
}

fn sort_ro(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let found = Request::parse(&args[2..], false)?.run(keyspace, args[1], ctx)?;
    reply(&found, out);
    Ok(())
}

fn reply(found: &[Option<Vec<u8>>], out: &mut dyn ReplySink) {
    out.array(found.len());
    for text in found {
        match text {
            Some(text) => out.bulk(text),
            None => out.null(),
        }
    }
}

impl<'a> Request<'a> {
    fn parse(mut rest: &Args<'a>, may_store: bool) -> Result<Self, Failure> {
        let mut request = Self {
            by: None,
            unsorted: false,
            get: Vec::new(),
            descending: false,
            alpha: false,
            limit: None,
            store: None,
        };
        while let [word, after @ ..] = rest {
            rest = after;
            if args::is(word, "ASC") {
                request.descending = false;
            } else if args::is(word, "DESC") {
                request.descending = true;
            } else if args::is(word, "ALPHA") {
                request.alpha = true;
            } else if let [offset, count, after @ ..] = rest
                && args::is(word, "LIMIT")
            {
                request.limit = Some((args::integer(offset)?, args::integer(count)?));
                rest = after;
            } else if let [argument, after @ ..] = rest {
                request.take(word, argument, may_store)?;
                rest = after;
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(request)
    }

    /// Takes an option of one argument.
    fn take(&mut self, word: &[u8], argument: &'a [u8], may_store: bool) -> Outcome {
        if args::is(word, "STORE") && may_store {
            self.store = Some(argument);
        } else if args::is(word, "BY") {
            self.by = Some(Pattern::new(argument));
            self.unsorted = !argument.contains(&b'*');
        } else if args::is(word, "GET") {
            self.get.push(Pattern::new(argument));
        } else {
            return Err(error::SYNTAX);
        }
        Ok(())
    }

    /// The texts to answer, in order.
    fn run(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
        ctx: &Context,
    ) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let subject = Subject { keyspace, now: ctx.now };
        let (texts, kind) = self.elements(keyspace, key, ctx)?;
        let range = self.range(texts.len());
        let elements = if self.unsorted && kind != Some(Kind::Set) {
            let unweighted = |text| Element { text, weight: Weight::Own };
            texts.into_iter().map(unweighted).collect()
        } else {
            // A set has no order of its own: without one it is told by its members' texts, the same every time.
            let alpha = self.alpha || self.unsorted;
            self.sorted(texts, alpha, &subject)?
        };
        let elements: Vec<Element> =
            elements.into_iter().skip(range.start).take(range.len()).collect();
        if self.get.is_empty() {
            return Ok(elements.into_iter().map(|element| Some(element.text)).collect());
        }
        let mut found = Vec::with_capacity(elements.len() * self.get.len());
        for element in &elements {
            for pattern in &self.get {
                found.push(pattern.look_up(&subject, &element.text)?);
            }
        }
        Ok(found)
    }

    /// The elements as they lie, and what holds them.
    fn elements(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
        ctx: &Context,
    ) -> Result<(Vec<Vec<u8>>, Option<Kind>), Failure> {
        let kind = keyspace.kind(key, ctx.now);
        let mut texts = Vec::new();
        match kind {
            None => {}
            Some(Kind::List) => {
                if let Some(list) = keyspace.view::<List>(key, ctx.now)? {
                    list.each(0..list.len(), |item| texts.push(item.to_vec()));
                    if self.unsorted && self.descending {
                        texts.reverse();
                    }
                }
            }
            Some(Kind::Set) => {
                if let Some(set) = keyspace.view::<Set>(key, ctx.now)? {
                    set.each(|item| texts.push(item.to_vec()));
                }
            }
            Some(Kind::Zset) => {
                if let Some(zset) = keyspace.view::<Zset>(key, ctx.now)? {
                    let push = |item: crate::value::packed::Item<'_>, _| texts.push(item.to_vec());
                    if self.unsorted && self.descending {
                        zset.each_back(0..zset.len(), push);
                    } else {
                        zset.each(0..zset.len(), push);
                    }
                }
            }
            Some(Kind::String | Kind::Hash | Kind::Stream) => return Err(error::WRONG_TYPE),
        }
        Ok((texts, kind))
    }

    fn sorted(
        &self,
        texts: Vec<Vec<u8>>,
        alpha: bool,
        subject: &Subject<'_>,
    ) -> Result<Vec<Element>, Failure> {
        let by = self.by.as_ref().filter(|_| !self.unsorted);
        let weighted = |text: Vec<u8>| {
            let weight = match by {
                None if alpha => Weight::Own,
                None => Weight::Number(number(Some(&text))?),
                Some(by) => {
                    let found = by.look_up(subject, &text)?;
                    if alpha {
                        Weight::Text(found)
                    } else {
                        Weight::Number(number(found.as_deref())?)
                    }
                }
            };
            Ok(Element { text, weight })
        };
        let mut elements = texts.into_iter().map(weighted).collect::<Result<Vec<_>, _>>()?;
        elements.sort_by(|a, b| {
            let order = compare(a, b);
            if self.descending { order.reverse() } else { order }
        });
        Ok(elements)
    }

    /// Which of `len` elements are wanted.
    fn range(&self, len: usize) -> Range<usize> {
        let Some((offset, count)) = self.limit else { return 0..len };
        let start = usize::try_from(offset.max(0)).unwrap_or(len).min(len);
        let count = usize::try_from(count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}

/// The number that a text spells; that of no text is 0.
fn number(text: Option<&[u8]>) -> Result<f64, Failure> {
    const NO_NUMBER: Failure = Failure("ERR One or more scores can't be converted into double");
    text.map_or(
        Ok(0.0),
        |text| if text.is_empty() { Ok(0.0) } else { parse_f64(text).ok_or(NO_NUMBER) },
    )
}

/// By what they are sorted by; numbers that are equal, by the elements' texts.
fn compare(a: &Element, b: &Element) -> Ordering {
    match (&a.weight, &b.weight) {
        (Weight::Number(x), Weight::Number(y)) => {
            // Neither is NaN: `parse_f64` gives none.
            x.partial_cmp(y).unwrap_or(Ordering::Equal).then_with(|| a.text.cmp(&b.text))
        }
        (Weight::Text(x), Weight::Text(y)) => x.cmp(y),
        _ => a.text.cmp(&b.text),
    }
}
