//! Settings that CONFIG SET changes while the node runs. Each worker has them all; a change carries the time at which
//! it was asked for, so that two changes of one setting end the same on all workers, whatever order they come in.

use synod_types::{limits, varint};

/// A setting that can change. The number is its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Seconds after which an idle connection is closed; 0: never.
    Timeout,
    /// The most client connections.
    MaxClients,
    /// Seconds without traffic after which the kernel asks whether a client is still there; 0: never.
    TcpKeepalive,
    /// Microseconds from which a request enters the slow log; negative: never.
    SlowlogSlowerThan,
    /// How many requests the slow log keeps.
    SlowlogMaxLen,
}

/// What CONFIG says of a setting; the range is inclusive.
struct Row {
    name: &'static str,
    min: i64,
    max: i64,
    default: i64,
}

const ROWS: [Row; 5] = [
    Row { name: "timeout", min: 0, max: i32::MAX as i64, default: 0 },
    Row {
        name: "maxclients",
        min: 1,
        max: limits::CLIENTS_MAX as i64,
        default: limits::CLIENTS_MAX as i64,
    },
    Row { name: "tcp-keepalive", min: 0, max: KEEPALIVE_S_MAX, default: 300 },
    Row { name: "slowlog-log-slower-than", min: -1, max: i64::MAX, default: 10_000 },
    Row { name: "slowlog-max-len", min: 0, max: SLOWLOG_LEN_MAX, default: 128 },
];

/// The most entries of the slow log; each has up to 4 KiB, and each worker keeps as many.
const SLOWLOG_LEN_MAX: i64 = 10_000;
/// What Linux accepts for the idle time before keepalive probes, in seconds.
const KEEPALIVE_S_MAX: i64 = 32_767;

const ALL: [Setting; ROWS.len()] = [
    Setting::Timeout,
    Setting::MaxClients,
    Setting::TcpKeepalive,
    Setting::SlowlogSlowerThan,
    Setting::SlowlogMaxLen,
];

impl Setting {
    /// The setting with this name, in lower case.
    pub(crate) fn find(name: &str) -> Option<Self> {
        ALL.into_iter().find(|setting| setting.row().name == name)
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Its name, as CONFIG spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Reads a value.
    ///
    /// # Errors
    /// Redis's words for what is wrong with it.
    pub(crate) fn parse(self, value: &[u8]) -> Result<i64, String> {
        let Row { min, max, .. } = *self.row();
        match synod_data::number::parse_i64(value) {
            None => Err("argument couldn't be parsed into an integer".to_owned()),
            Some(number) if (min..=max).contains(&number) => Ok(number),
            Some(_) => Err(format!("argument must be between {min} and {max} inclusive")),
        }
    }
}

/// The values in force.
#[derive(Clone, Debug)]
pub struct Settings {
    values: [i64; ROWS.len()],
    /// When each was asked for, in microseconds of the node's clock.
    asked_us: [u64; ROWS.len()],
}

impl Default for Settings {
    fn default() -> Self {
        Self { values: ROWS.map(|row| row.default), asked_us: [0; ROWS.len()] }
    }
}

impl Settings {
    /// The value in force.
    #[must_use]
    pub fn get(&self, setting: Setting) -> i64 {
        self.values[setting as usize]
    }

    /// Every setting and its value.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, i64)> {
        ALL.into_iter().map(|setting| (setting.name(), self.get(setting)))
    }

    /// Changes values, except for those that were asked for later.
    pub(crate) fn change(&mut self, change: &Change) {
        for (setting, value) in &change.values {
            let at = *setting as usize;
            if change.asked_us >= self.asked_us[at] {
                self.asked_us[at] = change.asked_us;
                self.values[at] = *value;
            }
        }
    }
}

/// What one CONFIG SET changes, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub asked_us: u64,
    pub values: Vec<(Setting, i64)>,
}

impl Change {
    /// `asked_us | count | (row u8, the value's bits)*`, the numbers as varints.
    pub fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.asked_us);
        varint::put(out, self.values.len() as u64);
        for (setting, value) in &self.values {
            out.push(*setting as u8);
            varint::put(out, value.cast_unsigned());
        }
    }

    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let asked_us = varint::take(bytes)?;
        let count = usize::try_from(varint::take(bytes)?).ok().filter(|n| *n <= ROWS.len())?;
        let mut one = || {
            let (row, rest) = bytes.split_first()?;
            *bytes = rest;
            Some((*ALL.get(usize::from(*row))?, varint::take(bytes)?.cast_signed()))
        };
        let values = (0..count).map(|_| one()).collect::<Option<_>>()?;
        Some(Self { asked_us, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_numbers_say() {
        for (at, setting) in ALL.into_iter().enumerate() {
            assert_eq!(setting as usize, at);
            assert_eq!(Setting::find(setting.name()), Some(setting));
            let row = setting.row();
            assert!((row.min..=row.max).contains(&row.default));
        }
    }

    #[test]
    fn the_later_change_wins_in_any_order() {
        let change = |asked_us, value| Change { asked_us, values: vec![(Setting::Timeout, value)] };
        let (mut a, mut b) = (Settings::default(), Settings::default());
        a.change(&change(1, 10));
        a.change(&change(2, 20));
        b.change(&change(2, 20));
        b.change(&change(1, 10));
        assert_eq!((a.get(Setting::Timeout), b.get(Setting::Timeout)), (20, 20));
        assert_eq!(a.get(Setting::TcpKeepalive), 300);
    }
}
