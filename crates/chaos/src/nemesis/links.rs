//! Trouble between the nodes: cuts, loss and duplicates by iptables, the rest by the router. Clients reach
//! every node all the time.

use std::time::Duration;

use anyhow::{Context, Result};

use super::{Kind, Nemesis};
use crate::net::{Network, Policy};

impl Nemesis<'_> {
    /// Begins one kind of trouble on the links.
    pub(super) fn harm_links(&mut self, kind: Kind) -> Result<()> {
        let network = self.scene.cluster.network().context("there is no network to harm")?;
        let what = match kind {
            Kind::Cut => self.cut(network)?,
            Kind::OneWay => self.deafen(network)?,
            Kind::Loss => self.lose(network)?,
            Kind::Duplicate => self.duplicate(network)?,
            _ => self.treat(network, kind),
        };
        self.scene.write_down(what);
        Ok(())
    }

    /// Two groups, drawn node by node, or one node against all others.
    fn cut(&mut self, network: &Network) -> Result<String> {
        let nodes = self.scene.cluster.len();
        let alone = self.dice.index(nodes);
        let by_lot = self.dice.chance(50);
        let side: Vec<bool> =
            (0..nodes).map(|n| if by_lot { self.dice.chance(50) } else { n == alone }).collect();
        for (from, to) in pairs(nodes).filter(|(from, to)| side[*from] != side[*to]) {
            network.cut(from, to)?;
        }
        let here: Vec<_> = (0..nodes).filter(|n| side[*n]).map(|n| n + 1).collect();
        Ok(format!("cut off: {here:?} from the rest"))
    }

    /// One node that does not hear one other, or nobody.
    fn deafen(&mut self, network: &Network) -> Result<String> {
        let nodes = self.scene.cluster.len();
        let deaf = self.dice.index(nodes);
        let only = self.dice.index(nodes);
        let to_all = self.dice.chance(50) || only == deaf;
        for from in (0..nodes).filter(|from| *from != deaf && (to_all || *from == only)) {
            network.cut(from, deaf)?;
        }
        let whom = if to_all { "anybody".to_owned() } else { format!("node {}", only + 1) };
        Ok(format!("node {} does not hear {whom}", deaf + 1))
    }

    fn lose(&mut self, network: &Network) -> Result<String> {
        let percent = self.dice.range(1, 21);
        (0..self.scene.cluster.len()).try_for_each(|node| network.lose(node, percent))?;
        Ok(format!("{percent} % of packets are lost"))
    }

    fn duplicate(&mut self, network: &Network) -> Result<String> {
        let percent = self.dice.range(5, 51);
        for (from, to) in pairs(self.scene.cluster.len()) {
            network.duplicate(from, to, percent)?;
        }
        Ok(format!("{percent} % of packets arrive twice"))
    }

    /// What the router does; each link gets numbers of its own.
    fn treat(&mut self, network: &Network, kind: Kind) -> String {
        for (from, to) in pairs(self.scene.cluster.len()) {
            let ms = |dice: &mut crate::dice::Dice, low, high| {
                Duration::from_millis(dice.range(low, high))
            };
            let policy = match kind {
                Kind::Delay => Policy { delay: ms(&mut self.dice, 1, 61), ..Policy::default() },
                Kind::Reorder => Policy {
                    late_percent: self.dice.range(1, 31),
                    late: ms(&mut self.dice, 1, 41),
                    ..Policy::default()
                },
                _ => Policy { corrupt_permille: self.dice.range(1, 31), ..Policy::default() },
            };
            network.treat(from, to, Some(policy));
        }
        format!("the router begins: {}", kind.name())
    }
}

fn pairs(nodes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..nodes).flat_map(move |from| (0..nodes).map(move |to| (from, to))).filter(|(a, b)| a != b)
}
