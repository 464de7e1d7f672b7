//! The categories that Redis's access lists know a command by. They follow from flags and family, with a few
//! exceptions.

use super::describe::Entry;
use synod_data::{Flags, Group};

/// The categories, each with its `@`, in the order in which Redis lists them.
pub(super) fn categories(entry: Entry) -> Vec<&'static str> {
    let name = entry.name();
    let flags = entry.flags();
    let has = |flag: Flags| flags.has(flag);
    let keyspace = matches!(name, "dbsize" | "flushall" | "flushdb" | "swapdb")
        || (entry.group() == Group::Generic
            && !matches!(name, "object" | "sort" | "sort_ro" | "wait"));
    let family = match entry.group() {
        Group::String => "@string",
        Group::List => "@list",
        Group::Set => "@set",
        Group::Hash => "@hash",
        Group::SortedSet => "@sortedset",
        Group::Stream if !matches!(name, "xgroup" | "xinfo") => "@stream",
        Group::Transactions => "@transaction",
        _ => "",
    };
    let connection = match entry.group() {
        Group::Connection => name != "client",
        _ => {
            matches!(name, "command" | "readonly" | "readwrite" | "asking" | "wait")
                || name.starts_with("command|")
        }
    };
    let dangerous = has(Flags::ADMIN)
        || matches!(
            name,
            "flushall"
                | "flushdb"
                | "info"
                | "keys"
                | "migrate"
                | "restore"
                | "sort"
                | "sort_ro"
                | "swapdb"
                | "role"
                | "lastsave"
        );
    let sorts = matches!(name, "sort" | "sort_ro");
    let all = [
        (keyspace, "@keyspace"),
        (has(Flags::READONLY), "@read"),
        (has(Flags::WRITE), "@write"),
        (sorts, "@set"),
        (sorts, "@sortedset"),
        (sorts, "@list"),
        (!family.is_empty(), family),
        (has(Flags::ADMIN) || matches!(name, "role" | "lastsave"), "@admin"),
        (has(Flags::FAST), "@fast"),
        (!has(Flags::FAST), "@slow"),
        (has(Flags::BLOCKING), "@blocking"),
        (dangerous, "@dangerous"),
        (connection, "@connection"),
    ];
    all.into_iter().filter(|(is, _)| *is).map(|(_, category)| category).collect()
}
