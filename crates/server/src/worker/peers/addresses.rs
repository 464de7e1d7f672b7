//! Where the peers are, and which of them is to be dialled when.
//!
//! Of two nodes the one with the higher id dials, so that there is one connection and not two. The other one does too when
//! that has not helped for a while: it may have moved to where nobody looks for it. A peer is looked for where the
//! metadata group says that it is and where `--initial-cluster` says, in turns, since either may be out of date.

use crate::config::Config;
use std::collections::BTreeMap;
use synod_ring::ClusterMap;
use synod_types::NodeId;

/// How long a peer with a higher id has to be away until it is dialled from here.
const MOVED_US: u64 = 3_000_000;

/// Where one peer is.
#[derive(Debug, Default)]
struct Place {
    /// As the metadata group has it.
    told: Option<String>,
    /// As the configuration has it.
    configured: Option<String>,
    /// How often it was dialled.
    tries: usize,
    dialled_us: u64,
    /// Since when it has been away, in microseconds; `None` while it is here.
    away_since_us: Option<u64>,
}

impl Place {
    /// The address that the last try went to, or the first one will go to.
    fn address(&self) -> Option<&str> {
        let mut all: Vec<&str> =
            [&self.told, &self.configured].into_iter().flatten().map(String::as_str).collect();
        all.dedup();
        let at = self.tries.saturating_sub(1) % all.len().max(1);
        all.get(at).copied()
    }
}

/// Where all peers are.
#[derive(Debug)]
pub struct Addresses {
    own: NodeId,
    places: BTreeMap<NodeId, Place>,
}

impl Addresses {
    /// Those of the configuration, until the metadata group tells newer ones.
    pub fn new(config: &Config) -> Self {
        let own = config.node_id;
        let others = config.initial_cluster.iter().filter(|(id, _)| **id != own);
        let place = |addr: &String| Place { configured: Some(addr.clone()), ..Place::default() };
        Self { own, places: others.map(|(id, addr)| (*id, place(addr))).collect() }
    }

    /// Learns where the members are.
    pub fn learn(&mut self, map: &ClusterMap) {
        for (id, info) in &map.nodes {
            if *id != self.own && !info.peer_addr.is_empty() {
                self.places.entry(*id).or_default().told = Some(info.peer_addr.clone());
            }
        }
    }

    /// All peers.
    pub fn peers(&self) -> Vec<NodeId> {
        self.places.keys().copied().collect()
    }

    /// The peer is connected. Where to dial it for a further connection, if that is this node's part.
    pub fn is_here(&mut self, peer: NodeId) -> Option<String> {
        let place = self.places.get_mut(&peer)?;
        place.away_since_us = None;
        (peer < self.own).then(|| place.address().map(str::to_owned)).flatten()
    }

    /// The peer is not connected. Where to dial it, if it is time to; not more often than once per `pause_us`.
    pub fn due(&mut self, peer: NodeId, now_us: u64, pause_us: u64) -> Option<String> {
        let place = self.places.get_mut(&peer)?;
        let away_us = now_us.saturating_sub(*place.away_since_us.get_or_insert(now_us));
        let is_due = now_us.saturating_sub(place.dialled_us) >= pause_us || place.dialled_us == 0;
        if !is_due || (peer > self.own && away_us < MOVED_US) {
            return None;
        }
        place.dialled_us = now_us;
        place.tries += 1;
        place.address().map(str::to_owned)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PAUSE_US: u64 = 200_000;

    fn addresses(own: u64) -> Addresses {
        let place = |id| Place { configured: Some(format!("configured-{id}")), ..Place::default() };
        let places = (1..=3).filter(|id| *id != own).map(|id| (NodeId(id), place(id))).collect();
        Addresses { own: NodeId(own), places }
    }

    #[test]
    fn a_peer_is_looked_for_where_it_may_be_in_turns() {
        let mut of_two = addresses(2);
        of_two.places.get_mut(&NodeId(1)).unwrap().told = Some("told-1".into());
        let tried: Vec<_> =
            (1..=4).filter_map(|n| of_two.due(NodeId(1), n * PAUSE_US, PAUSE_US)).collect();
        assert_eq!(tried, ["told-1", "configured-1", "told-1", "configured-1"]);
        assert_eq!(of_two.due(NodeId(1), 4 * PAUSE_US + 1, PAUSE_US), None, "that is too soon");
        assert_eq!(
            of_two.is_here(NodeId(1)).as_deref(),
            Some("configured-1"),
            "where it was found"
        );
    }

    #[test]
    fn the_lower_id_dials_when_the_higher_one_does_not() {
        let mut of_two = addresses(2);
        let mut due = |at_us| of_two.due(NodeId(3), at_us, PAUSE_US);
        assert_eq!(due(1), None);
        assert_eq!(due(MOVED_US), None);
        assert_eq!(due(MOVED_US + 1).as_deref(), Some("configured-3"));
        assert_eq!(of_two.is_here(NodeId(3)), None);
        assert_eq!(of_two.due(NodeId(3), 2 * MOVED_US, PAUSE_US), None, "it was here just now");
    }
}
