//! A hash as it is seen at a time: a field whose time has passed is not there, though nothing removed it yet.

use super::Hash;
use crate::value::View;
use crate::value::packed::Item;
use synod_types::Millis;

/// See the module.
#[derive(Debug)]
pub(crate) struct Living<'a> {
    view: View<'a, Hash>,
    now: Millis,
    /// How many fields are not there any more.
    passed: usize,
}

impl<'a> Living<'a> {
    pub(crate) fn new(view: View<'a, Hash>, now: Millis) -> Self {
        let passed = match &view {
            View::Full(hash) => hash.passed(now),
            View::Packed(_) => 0,
        };
        Self { view, now, passed }
    }

    /// The number of fields.
    pub(crate) fn len(&self) -> usize {
        self.view.len() - self.passed
    }

    /// The value of a field.
    pub(crate) fn get(&self, field: &[u8]) -> Option<Item<'a>> {
        if self.passed == 0 {
            return self.view.get(field);
        }
        self.deadline(field)?;
        self.view.get(field)
    }

    /// The time of a field that is there, if it has one.
    pub(crate) fn deadline(&self, field: &[u8]) -> Option<Option<Millis>> {
        self.view.deadline(field).filter(|time| time.is_none_or(|time| time > self.now))
    }

    /// How many places there are, those included that nothing is seen at.
    pub(crate) fn places(&self) -> usize {
        self.view.len()
    }

    /// The field and value at a place below [`Self::places`].
    pub(crate) fn at(&self, place: usize) -> Option<(Item<'a>, Item<'a>)> {
        let gone =
            self.passed > 0 && self.view.deadline_at(place).is_some_and(|time| time <= self.now);
        (!gone).then(|| self.view.pair_at(place))
    }

    /// The places at which there is something, where that is not so at all of them.
    pub(crate) fn sparse(&self) -> Option<Vec<usize>> {
        let there = |place: &usize| self.at(*place).is_some();
        (self.passed > 0).then(|| (0..self.places()).filter(there).collect())
    }

    /// Hands each field and value to `f`, in order.
    pub(crate) fn each(&self, mut f: impl FnMut(Item<'a>, Item<'a>)) {
        if self.passed == 0 {
            return self.view.each(f);
        }
        (0..self.places())
            .filter_map(|place| self.at(place))
            .for_each(|(field, value)| f(field, value));
    }

    /// Whether a scan goes through it step by step.
    pub(crate) fn is_full(&self) -> bool {
        self.view.is_full()
    }
}
