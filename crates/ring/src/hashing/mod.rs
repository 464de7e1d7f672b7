//! Who gets a key: consistent hashing in four forms, none of which knows what a cluster is.
//!
//! | form | a node more or less moves | balance | weights | a choice costs |
//! |---|---|---|---|---|
//! | [`HashRing`] | its share | within some percent, and within a bound where loads are known | yes | log of the points |
//! | [`Ketama`] | its share | as the ring; the same choice as memcached's clients make | yes | log of the points |
//! | [`jump`] | its share, and only the last number may go | even | no | log of the buckets, no memory |
//! | [`Maglev`] | its share, and a little | even to a percent | yes | one look-up |

mod jump;
mod ketama;
mod maglev;
mod md5;
mod mix;
mod ring;

#[cfg(test)]
mod tests;

pub use jump::jump;
pub use ketama::{Ketama, SERVER_NAME_BYTES_MAX};
pub use maglev::{Maglev, TABLE_LEN_DEFAULT};
#[cfg(test)]
pub(crate) use mix::hash_pair;
pub use mix::key_hash;
pub use ring::{HashRing, WEIGHT_MAX, bounded_capacity};
