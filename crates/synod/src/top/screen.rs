//! What a screen of so many columns and rows shows: decided here, drawn by [`super::live`].

use super::figures::{Cluster, Order};
use super::text::{self, Table};

/// What is less is too little to be read.
pub const COLS_MIN: usize = 50;
pub const ROWS_MIN: usize = 12;

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Title,
    Head,
    Plain,
    /// Something is not as it should be.
    Alarm,
}

/// A line of the screen.
pub type Line = (Tone, String);

/// The lines, at most `rows`, each of at most `cols` characters.
pub fn lines(cluster: &Cluster, order: Order, cols: usize, rows: usize) -> Vec<Line> {
    let mut lines = if cols < COLS_MIN || rows < ROWS_MIN {
        let text = format!("too small: {COLS_MIN} columns and {ROWS_MIN} rows at least; q ends");
        vec![(Tone::Alarm, text)]
    } else {
        page(cluster, order, rows)
    };
    lines.truncate(rows);
    for (_, line) in &mut lines {
        *line = line.chars().map(printable).take(cols).collect();
    }
    lines
}

/// What another node or client has named must not steer the terminal.
pub fn printable(c: char) -> char {
    if c.is_control() { '?' } else { c }
}

fn page(cluster: &Cluster, order: Order, rows: usize) -> Vec<Line> {
    let mut lines = vec![(Tone::Title, text::title(cluster))];
    let nodes = text::nodes(cluster);
    let alarming: Vec<bool> = nodes
        .rows
        .iter()
        .map(|row| row[1] == text::UNREACHABLE || row[1] == text::NOT_SERVING)
        .collect();
    let start = lines.len() + 1;
    section(&mut lines, nodes, (rows / 4).max(3));
    for (line, alarming) in lines[start..].iter_mut().zip(alarming) {
        if alarming {
            line.0 = Tone::Alarm;
        }
    }
    if !cluster.moves.is_empty() {
        section(&mut lines, text::moves(cluster), 4);
    }
    // The last row tells the keys; partitions, hot and big keys share what is left.
    let left = rows.saturating_sub(lines.len() + 1);
    section(&mut lines, text::partitions(cluster, order, usize::MAX), left * 3 / 10);
    section(&mut lines, text::hot_keys(cluster, order, usize::MAX), left * 4 / 10);
    let left = rows.saturating_sub(lines.len() + 1);
    section(&mut lines, text::big_keys(cluster, usize::MAX), left);
    lines.truncate(rows - 1);
    lines.resize(rows - 1, (Tone::Plain, String::new()));
    let order = match order {
        Order::Ops => "requests",
        Order::Bytes => "bytes",
        Order::Cpu => "processor time",
    };
    lines.push((
        Tone::Title,
        format!("by {order}   o requests   b bytes   c processor time   q end"),
    ));
    lines
}

/// A table in so many lines.
fn section<const N: usize>(lines: &mut Vec<Line>, mut table: Table<N>, height: usize) {
    let Some(room) = height.checked_sub(1) else { return };
    let left_out = table.rows.len().saturating_sub(room);
    if left_out > 0 {
        table.rows.truncate(room.saturating_sub(1));
    }
    let mut text = String::new();
    table.write(&mut text);
    let tones = std::iter::once(Tone::Head).chain(std::iter::repeat(Tone::Plain));
    lines.extend(tones.zip(text.lines().map(str::to_owned)));
    if left_out > 0 && room > 0 {
        lines.push((Tone::Plain, format!("... and {} more", left_out + 1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::figures::{Answer, HotKey, Node, Partition};

    fn cluster() -> Cluster {
        let node = |id| Node { id, listen: format!("127.0.0.1:{id}"), ..Node::default() };
        let answer = Answer {
            node: 1,
            cluster: "ab".into(),
            partitions: (1..40)
                .map(|id| Partition { id, ops_per_s: f64::from(id), ..Partition::default() })
                .collect(),
            hot_keys: (0..40)
                .map(|n| HotKey {
                    key: format!("key\x1b[2J{n}"),
                    ops_per_s: f64::from(n),
                    ..HotKey::default()
                })
                .collect(),
            ..Answer::default()
        };
        Cluster::of(vec![(node(1), Some(answer)), (node(2), None)])
    }

    #[test]
    fn a_screen_of_any_size_is_kept_to() {
        let cluster = cluster();
        for cols in [1, 10, 49, 50, 80, 300] {
            for rows in [1, 2, 11, 12, 13, 24, 100] {
                let lines = lines(&cluster, Order::Ops, cols, rows);
                assert!(lines.len() <= rows, "{cols} x {rows}");
                assert!(lines.iter().all(|(_, line)| line.chars().count() <= cols));
                let too_small = cols < COLS_MIN || rows < ROWS_MIN;
                assert_eq!(lines.len() == 1, too_small, "{cols} x {rows}");
                assert!(lines.iter().all(|(_, line)| !line.chars().any(char::is_control)));
            }
        }
    }

    #[test]
    fn the_busiest_come_first_and_a_silent_node_stands_out() {
        let lines = lines(&cluster(), Order::Ops, 120, 40);
        let alarming: Vec<&str> = lines
            .iter()
            .filter(|(tone, _)| *tone == Tone::Alarm)
            .map(|(_, line)| line.as_str())
            .collect();
        assert!(
            alarming.len() == 1 && alarming[0].starts_with("2     unreachable"),
            "{alarming:?}"
        );
        let after = |head: &str| {
            let at =
                lines.iter().position(|(tone, line)| *tone == Tone::Head && line.starts_with(head));
            lines[at.expect("the head") + 1].1.clone()
        };
        assert!(after("PARTITION").starts_with("39 "), "{}", after("PARTITION"));
        assert!(after("HOT KEY").starts_with("key?[2J39 "), "{}", after("HOT KEY"));
        assert!(lines.iter().any(|(_, line)| line.starts_with("... and ")));
    }
}
