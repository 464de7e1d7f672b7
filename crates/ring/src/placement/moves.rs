//! From one placement to another, replica by replica.

use synod_types::NodeId;

/// One replica goes to another node, or one comes or goes where the number of copies changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// The position of the partition in the placement.
    pub at: usize,
    /// Who takes a replica.
    pub to: Option<NodeId>,
    /// Who gives one up.
    pub from: Option<NodeId>,
}

/// What is to be done to come from `current` to `target`, partition by partition. Each step leaves as many replicas as
/// the two have, or a number between.
#[must_use]
pub fn moves(current: &[Vec<NodeId>], target: &[Vec<NodeId>]) -> Vec<Move> {
    let mut steps = Vec::new();
    for (at, (old, new)) in current.iter().zip(target).enumerate() {
        let mut come = new.iter().filter(|node| !old.contains(node)).copied();
        let mut go = old.iter().filter(|node| !new.contains(node)).copied();
        loop {
            let (to, from) = (come.next(), go.next());
            if (to, from) == (None, None) {
                break;
            }
            steps.push(Move { at, to, from });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_the_difference() {
        let sets = |sets: &[&[u64]]| -> Vec<Vec<NodeId>> {
            sets.iter().map(|set| set.iter().copied().map(NodeId).collect()).collect()
        };
        let step = |at, to: Option<u64>, from: Option<u64>| Move {
            at,
            to: to.map(NodeId),
            from: from.map(NodeId),
        };
        let current = sets(&[&[1, 2, 3], &[2, 3], &[1, 2], &[1]]);
        let target = sets(&[&[3, 4, 1], &[2, 3, 1], &[2], &[1]]);
        let steps = [step(0, Some(4), Some(2)), step(1, Some(1), None), step(2, None, Some(1))];
        assert_eq!(moves(&current, &target), steps);
        assert_eq!(moves(&current, &current), []);
    }
}
