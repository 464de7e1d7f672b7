//! The rows of the sorted-set commands.

use super::{Command, Flags, Group};
use crate::commands::zset::*;
use crate::table::command::{Read, Write};

const FAST: Flags = Flags::FAST;
const OOM: Flags = Flags::DENYOOM;
const OOM_FAST: Flags = Flags::DENYOOM.and(Flags::FAST);

const fn read(name: &'static str, arity: i16, run: Read) -> Command {
    Command::read(Group::SortedSet, name, arity, run)
}

const fn write(name: &'static str, arity: i16, run: Write) -> Command {
    Command::write(Group::SortedSet, name, arity, run)
}

#[rustfmt::skip] // one command per line or two: this is a table
pub(super) const ROWS: &[Command] = &[
    write("zadd", -4, zadd::zadd).flags(OOM_FAST)
        .about("1.2.0", "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist."),
    read("zcard", 2, zcard::zcard).flags(FAST)
        .about("1.2.0", "Returns the number of members in a sorted set."),
    read("zcount", 4, zcount::zcount).flags(FAST)
        .about("2.0.0", "Returns the count of members in a sorted set that have scores within a range."),
    read("zdiff", -3, algebra::zdiff).keys(0, 0, 0).counted_keys(1)
        .about("6.2.0", "Returns the difference between multiple sorted sets."),
    write("zdiffstore", -4, algebra::zdiffstore).flags(OOM).counted_keys(2)
        .about("6.2.0", "Stores the difference of multiple sorted sets in a key."),
    write("zincrby", 4, zadd::zincrby).flags(OOM_FAST)
        .about("1.2.0", "Increments the score of a member in a sorted set."),
    read("zinter", -3, algebra::zinter).keys(0, 0, 0).counted_keys(1)
        .about("6.2.0", "Returns the intersect of multiple sorted sets."),
    read("zintercard", -3, algebra::zintercard).keys(0, 0, 0).counted_keys(1)
        .about("7.0.0", "Returns the number of members of the intersect of multiple sorted sets."),
    write("zinterstore", -4, algebra::zinterstore).flags(OOM).counted_keys(2)
        .about("2.0.0", "Stores the intersect of multiple sorted sets in a key."),
    read("zlexcount", 4, zcount::zlexcount).flags(FAST)
        .about("2.8.9", "Returns the number of members in a sorted set within a lexicographical range."),
    read("zmscore", -3, zscore::zmscore).flags(FAST)
        .about("6.2.0", "Returns the score of one or more members in a sorted set."),
    write("zpopmax", -2, zpop::zpopmax).flags(FAST)
        .about("5.0.0", "Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped."),
    write("zpopmin", -2, zpop::zpopmin).flags(FAST)
        .about("5.0.0", "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped."),
    read("zrandmember", -2, zrandmember::zrandmember)
        .about("6.2.0", "Returns one or more random members from a sorted set."),
    read("zrange", -4, zrange::zrange)
        .about("1.2.0", "Returns members in a sorted set within a range of indexes."),
    read("zrangebylex", -4, zrange::zrangebylex)
        .about("2.8.9", "Returns members in a sorted set within a lexicographical range."),
    read("zrangebyscore", -4, zrange::zrangebyscore)
        .about("1.0.5", "Returns members in a sorted set within a range of scores."),
    write("zrangestore", -5, zrangestore::zrangestore).flags(OOM).keys(1, 2, 1)
        .about("6.2.0", "Stores a range of members from sorted set in a key."),
    read("zrank", 3, zrank::zrank).flags(FAST)
        .about("2.0.0", "Returns the index of a member in a sorted set ordered by ascending scores."),
    write("zrem", -3, zrem::zrem).flags(FAST)
        .about("1.2.0", "Removes one or more members from a sorted set. Deletes the sorted set if all members were removed."),
    write("zremrangebylex", 4, zremrange::zremrangebylex)
        .about("2.8.9", "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members were removed."),
    write("zremrangebyrank", 4, zremrange::zremrangebyrank)
        .about("2.0.0", "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were removed."),
    write("zremrangebyscore", 4, zremrange::zremrangebyscore)
        .about("1.2.0", "Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were removed."),
    read("zrevrange", -4, zrange::zrevrange)
        .about("1.2.0", "Returns members in a sorted set within a range of indexes in reverse order."),
    read("zrevrangebylex", -4, zrange::zrevrangebylex)
        .about("2.8.9", "Returns members in a sorted set within a lexicographical range in reverse order."),
    read("zrevrangebyscore", -4, zrange::zrevrangebyscore)
        .about("2.2.0", "Returns members in a sorted set within a range of scores in reverse order."),
    read("zrevrank", 3, zrank::zrevrank).flags(FAST)
        .about("2.0.0", "Returns the index of a member in a sorted set ordered by descending scores."),
    read("zscan", -3, zscan::zscan)
        .about("2.8.0", "Iterates over members and scores of a sorted set."),
    read("zscore", 3, zscore::zscore).flags(FAST)
        .about("1.2.0", "Returns the score of a member in a sorted set."),
    read("zunion", -3, algebra::zunion).keys(0, 0, 0).counted_keys(1)
        .about("6.2.0", "Returns the union of multiple sorted sets."),
    write("zunionstore", -4, algebra::zunionstore).flags(OOM).counted_keys(2)
        .about("2.0.0", "Stores the union of multiple sorted sets in a key."),
];
