//! Settings that CONFIG SET changes while the node runs. Each worker has them all; a change carries the time at which
//! it was asked for, so that two changes of one setting end the same on all workers, whatever order they come in.

use crate::memory::EvictionPolicy;
use synod_data::events::Classes;
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
    /// The most memory of the node, in bytes; 0: no limit.
    MaxMemory,
    /// What goes when that is too much: a number of [`EvictionPolicy::NAMES`].
    MaxMemoryPolicy,
    /// How many keys are drawn for each that is evicted.
    MaxMemorySamples,
    /// The longest argument a client may send, in bytes.
    ProtoMaxBulkLen,
    /// What is told of changes of keys: the bits of [`Classes`].
    NotifyKeyspaceEvents,
    /// How many refusals ACL LOG keeps.
    AclLogMaxLen,
    /// Whether a connection's writes to different partitions take effect in their order: a number of [`ORDERS`].
    ClientOrder,
    /// How many keys are remembered to be read by clients that keep copies; 0: as many as there may be.
    TrackingTableMaxKeys,
    /// Milliseconds from which a request is one of LATENCY's events; 0: none is.
    LatencyMonitorThreshold,
    /// Whether it is counted how long each command takes: a number of [`NO_YES`].
    LatencyTracking,
    /// Of one in how many requests it is counted what its keys cost; 0: of none.
    HotkeysSampleRatio,
    /// When a transaction over several partitions is answered: a number of [`COMMITS`].
    TransactionCommit,
    /// The most keys of a transaction over several partitions that is conducted here.
    TransactionMaxKeys,
    /// The most partitions of one.
    TransactionMaxPartitions,
    /// The most bytes of values that one reads, and that it writes.
    TransactionMaxBytes,
    /// How many undecided transactions a partition led here has before more are refused.
    TransactionMaxUndecided,
    /// Milliseconds after which a leader here asks what became of an undecided transaction.
    TransactionDoubtMs,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    Number,
    /// A number of bytes, with a unit if one likes.
    Memory,
    /// One of these; the value is its place.
    Choice(&'static [&'static str]),
    /// The letters of keyspace events.
    Events,
}

/// What CONFIG says of a setting; the range is inclusive.
struct Row {
    name: &'static str,
    notation: Notation,
    min: i64,
    max: i64,
    default: i64,
}

/// What can be on or off.
const NO_YES: [&str; 2] = ["no", "yes"];

/// How a connection's writes to different partitions stand to each other.
pub(crate) const ORDERS: [&str; 2] = ["relaxed", "strict"];

/// When a transaction over several partitions is answered: when its decision is recorded, or when all that it rests on is.
pub(crate) const COMMITS: [&str; 2] = ["decided", "parallel"];
/// The number of the latter.
pub(crate) const PARALLEL: i64 = 1;

const ROWS: [Row; 22] = [
    Row::number("timeout", 0, i32::MAX as i64, 0),
    Row::number("maxclients", 1, limits::CLIENTS_MAX as i64, limits::CLIENTS_MAX as i64),
    Row::number("tcp-keepalive", 0, KEEPALIVE_S_MAX, 300),
    Row::number("slowlog-log-slower-than", -1, i64::MAX, 10_000),
    Row::number("slowlog-max-len", 0, SLOWLOG_LEN_MAX, 128),
    Row { notation: Notation::Memory, ..Row::number("maxmemory", 0, i64::MAX, 0) },
    Row {
        notation: Notation::Choice(&EvictionPolicy::NAMES),
        ..Row::number("maxmemory-policy", 0, EvictionPolicy::NAMES.len() as i64 - 1, 0)
    },
    Row::number("maxmemory-samples", 1, 64, 5),
    Row {
        notation: Notation::Memory,
        ..Row::number(
            "proto-max-bulk-len",
            1 << 20,
            limits::REQUEST_BYTES_MAX as i64,
            limits::BULK_BYTES_MAX as i64,
        )
    },
    Row {
        notation: Notation::Events,
        ..Row::number("notify-keyspace-events", 0, u16::MAX as i64, 0)
    },
    Row::number("acllog-max-len", 0, limits::ACL_LOG_LEN_MAX as i64, 128),
    Row {
        notation: Notation::Choice(&ORDERS),
        ..Row::number("client-order", 0, ORDERS.len() as i64 - 1, 0)
    },
    Row::number("tracking-table-max-keys", 0, i64::MAX, 1_000_000),
    Row::number("latency-monitor-threshold", 0, i64::MAX, 0),
    Row { notation: Notation::Choice(&NO_YES), ..Row::number("latency-tracking", 0, 1, 1) },
    Row::number("hotkeys-sample-ratio", 0, synod_hotkeys::SAMPLE_MAX as i64, 128),
    Row {
        notation: Notation::Choice(&COMMITS),
        ..Row::number("transaction-commit", 0, PARALLEL, 0)
    },
    Row::most("transaction-max-keys", 1, limits::TXN_KEYS_MAX),
    Row::most("transaction-max-partitions", 1, limits::TXN_PARTITIONS_MAX),
    Row {
        notation: Notation::Memory,
        ..Row::most("transaction-max-bytes", 1, limits::TXN_BYTES_ALL_MAX)
    },
    Row::most("transaction-max-undecided", 0, limits::TXN_UNDECIDED_MAX),
    Row::number("transaction-doubt-ms", 100, 60_000, limits::TXN_SILENT_MS as i64),
];

impl Row {
    const fn number(name: &'static str, min: i64, max: i64, default: i64) -> Self {
        Self { name, notation: Notation::Number, min, max, default }
    }

    /// A bound that is as wide as it can be unless it is set.
    const fn most(name: &'static str, min: i64, max: usize) -> Self {
        Self::number(name, min, max as i64, max as i64)
    }
}

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
    Setting::MaxMemory,
    Setting::MaxMemoryPolicy,
    Setting::MaxMemorySamples,
    Setting::ProtoMaxBulkLen,
    Setting::NotifyKeyspaceEvents,
    Setting::AclLogMaxLen,
    Setting::ClientOrder,
    Setting::TrackingTableMaxKeys,
    Setting::LatencyMonitorThreshold,
    Setting::LatencyTracking,
    Setting::HotkeysSampleRatio,
    Setting::TransactionCommit,
    Setting::TransactionMaxKeys,
    Setting::TransactionMaxPartitions,
    Setting::TransactionMaxBytes,
    Setting::TransactionMaxUndecided,
    Setting::TransactionDoubtMs,
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
        let Row { min, max, notation, .. } = *self.row();
        let number = match notation {
            Notation::Number => synod_data::number::parse_i64(value)
                .ok_or_else(|| "argument couldn't be parsed into an integer".to_owned())?,
            Notation::Memory => {
                parse_memory(value).ok_or_else(|| "argument must be a memory value".to_owned())?
            }
            Notation::Events => i64::from(
                Classes::parse(value)
                    .ok_or_else(|| {
                        "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_owned()
                    })?
                    .bits(),
            ),
            Notation::Choice(names) => {
                let place = names.iter().position(|n| value.eq_ignore_ascii_case(n.as_bytes()));
                let all =
                    || format!("argument(s) must be one of the following: {}", names.join(", "));
                place.ok_or_else(all)? as i64
            }
        };
        match (min..=max).contains(&number) {
            true => Ok(number),
            false => Err(format!("argument must be between {min} and {max} inclusive")),
        }
    }

    /// A value as CONFIG spells it.
    fn text(self, value: i64) -> String {
        match self.row().notation {
            Notation::Choice(names) => {
                names.get(value as usize).copied().unwrap_or_default().to_owned()
            }
            Notation::Events => {
                Classes::from_bits(u16::try_from(value).unwrap_or_default()).letters()
            }
            Notation::Number | Notation::Memory => value.to_string(),
        }
    }
}

/// A number of bytes: `1024`, `100mb`, `1g`; `k`, `m`, `g` are powers of 1,000, `kb`, `mb`, `gb` of 1,024, as in Redis.
#[must_use]
pub fn parse_memory(text: &[u8]) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("kb", 1 << 10),
        ("mb", 1 << 20),
        ("gb", 1 << 30),
        ("k", 1_000),
        ("m", 1_000_000),
        ("g", 1_000_000_000),
        ("b", 1),
    ];
    let text = text.to_ascii_lowercase();
    let unit =
        UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit.as_bytes())?, *bytes)));
    let (digits, bytes) = unit.unwrap_or((&text, 1));
    synod_data::number::parse_i64(digits).filter(|n| *n >= 0)?.checked_mul(bytes)
}

/// The values in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As many clients as there are descriptors for; `maxclients` cannot be more.
    clients_max: i64,
    values: [i64; ROWS.len()],
    /// When each was asked for, in microseconds of the node's clock.
    asked_us: [u64; ROWS.len()],
}

impl Default for Settings {
    fn default() -> Self {
        let clients_max = Setting::MaxClients.row().max;
        Self { clients_max, values: ROWS.map(|row| row.default), asked_us: [0; ROWS.len()] }
    }
}

impl Settings {
    /// The value in force.
    #[must_use]
    pub fn get(&self, setting: Setting) -> i64 {
        self.values[setting as usize]
    }

    /// There are descriptors for so many clients only.
    pub(crate) fn limit_clients(&mut self, max: i64) {
        self.clients_max = max;
        let now = &mut self.values[Setting::MaxClients as usize];
        *now = max.min(*now);
    }

    /// The value in force of one that counts things or bytes.
    pub(crate) fn count(&self, setting: Setting) -> usize {
        usize::try_from(self.get(setting)).unwrap_or(0)
    }

    /// How many clients there can be at most.
    pub(crate) fn clients_max(&self) -> i64 {
        self.clients_max
    }

    /// Every setting and its value, as CONFIG spells them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, String)> {
        ALL.into_iter().map(|setting| (setting.name(), self.text(setting)))
    }

    /// One value as CONFIG spells it.
    pub(crate) fn text(&self, setting: Setting) -> String {
        setting.text(self.get(setting))
    }

    /// Sets a value before anybody could ask for another.
    pub(crate) fn begin_with(&mut self, setting: Setting, value: i64) {
        self.values[setting as usize] = value;
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
    fn memory_is_read_as_redis_reads_it() {
        let cases = [
            ("0", 0),
            ("100", 100),
            ("1k", 1_000),
            ("1KB", 1_024),
            ("2mb", 2 << 20),
            ("3g", 3_000_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_memory(text.as_bytes()), Some(bytes), "{text}");
        }
        for text in ["", "mb", "-1", "1x", "1.5gb", "9223372036854775807kb"] {
            assert_eq!(parse_memory(text.as_bytes()), None, "{text}");
        }
        let policy = Setting::MaxMemoryPolicy;
        assert_eq!(
            policy.parse(b"AllKeys-LRU").map(|n| policy.text(n)),
            Ok("allkeys-lru".to_owned())
        );
        assert!(policy.parse(b"sometimes").is_err());
        assert!(Setting::ProtoMaxBulkLen.parse(b"512mb").is_err(), "more than the log carries");
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
