//! What the engines allocate for an entry while all is well: nothing. Lists of entries, messages and effects are made once for
//! a batch, however long it is; an entry itself is shared by the log's window, the disk and all peers.

use crate::group::{Cost, Group};
use crate::{PAYLOAD, led};
use synod_consensus::Protocol;

/// Batches before the count begins, until windows and queues have their size.
const WARM_UP: u32 = 20;
/// A batch, and the longer one whose additional entries are looked at.
const SHORT: u32 = 256;
const LONG: u32 = 1_024;
/// What doubling a list costs twice, in each list of a batch, spread over the additional entries, is far below this.
const PER_ENTRY_MAX: f64 = 0.1;

/// Allocations of a whole group for one batch.
fn of_a_batch(group: &mut Group, leader: synod_types::NodeId, entries: u32) -> u64 {
    let counted = allocation_counter::measure(|| {
        group.propose_all(leader, (0..entries).map(|_| PAYLOAD));
        group.settle();
    });
    counted.count_total
}

#[test]
fn no_engine_allocates_for_an_entry() {
    for protocol in Protocol::ALL {
        for size in [3, 5] {
            let (mut group, leader) = led(protocol, size, 1);
            (0..WARM_UP).for_each(|_| {
                of_a_batch(&mut group, leader, LONG);
            });
            group.cost = Cost::default();
            let short = of_a_batch(&mut group, leader, SHORT);
            let long = of_a_batch(&mut group, leader, LONG);
            assert!(group.cost.messages > 0, "the entries went to the others");
            let per_entry = (long as f64 - short as f64) / f64::from(LONG - SHORT);
            println!(
                "{protocol:?}, {size} nodes: {short} for {SHORT}, {long} for {LONG}, {per_entry:.3} an entry more"
            );
            assert!(
                per_entry < PER_ENTRY_MAX,
                "{protocol:?} allocates {per_entry} times per entry"
            );
        }
    }
}
