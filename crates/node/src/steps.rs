//! Answers to steps of transactions, between the partitions that give them and the transactions that asked, within a turn.

/// The error of a transaction whose values take too much memory.
pub(crate) const TOO_LARGE: &str =
    "ERR the values of a transaction over several partitions take too many bytes";
/// An answer that is longer than this, in bytes, holds values.
const LONG_BYTES: usize = 64 << 10;

/// Answers, by the tickets of their steps.
#[derive(Debug)]
pub(crate) struct Steps {
    answers: Vec<(u64, Vec<u8>)>,
    /// How long they are.
    bytes: usize,
    /// How long they may be.
    most: usize,
}

impl Default for Steps {
    fn default() -> Self {
        Self { answers: Vec::new(), bytes: 0, most: usize::MAX }
    }
}

impl Steps {
    /// They may be so long together from now on.
    pub fn bound(&mut self, most: usize) {
        self.most = most;
    }

    /// A partition has answered. Values for which there is no room are refused, as those are that do not arrive from another node.
    pub fn push(&mut self, ticket: u64, mut answer: Vec<u8>) {
        if answer.len() > LONG_BYTES && self.bytes.saturating_add(answer.len()) > self.most {
            answer = format!("-{TOO_LARGE}\r\n").into_bytes();
        }
        self.bytes += answer.len();
        self.answers.push((ticket, answer));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// All of them.
    pub fn take(&mut self) -> Vec<(u64, Vec<u8>)> {
        self.bytes = 0;
        std::mem::take(&mut self.answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_refused_and_what_is_short_is_not() {
        let mut steps = Steps::default();
        steps.bound(3 * LONG_BYTES);
        let long = vec![b'v'; LONG_BYTES + 1];
        for ticket in 1..=3 {
            steps.push(ticket, long.clone());
        }
        steps.push(4, b"+YES\r\n".to_vec());
        let answers = steps.take();
        assert_eq!((&answers[0].1, &answers[1].1), (&long, &long));
        assert!(answers[2].1.starts_with(b"-ERR the values") && answers[3].1 == b"+YES\r\n");
        assert!(steps.is_empty());
        steps.push(5, long.clone());
        assert_eq!(steps.take(), [(5, long)]);
    }
}
