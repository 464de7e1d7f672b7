//! `synod node list`: the members as a table.

use crate::status::{Status, columns};
use std::fmt::Write as _;

/// The members, and what moves.
pub fn table(status: &Status) -> String {
    let mut rows = vec![
        ["NODE", "STATE", "CLIENTS", "PEERS", "ZONE", "WEIGHT", "LEADS", "HOLDS"].map(String::from),
    ];
    for node in status.members() {
        rows.push([
            node.id.to_string(),
            node.state().into(),
            node.listen.clone(),
            node.peer_listen.clone(),
            if node.zone.is_empty() { "-".into() } else { node.zone.clone() },
            node.weight.to_string(),
            status.led_by(node.id).to_string(),
            status.held_by(node.id).to_string(),
        ]);
    }
    let mut out = String::new();
    columns(&mut out, &rows);
    // Writing to a string cannot fail.
    let _ = match status.moving().len() {
        0 => writeln!(out, "\nnothing moves"),
        moving => writeln!(out, "\n{moving} partitions on the move"),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_with_what_becomes_of_them() {
        let status: Status = serde_json::from_str(
            r#"{"moving":[3],"nodes":[
                 {"id":1,"listen":"127.0.0.1:1","peer_listen":"127.0.0.1:2","up":true,"draining":true,"weight":1,"zone":""},
                 {"id":2,"listen":"127.0.0.1:3","peer_listen":"127.0.0.1:4","up":false,"weight":2,"zone":"rack-a"},
                 {"id":4,"listen":"127.0.0.1:5","peer_listen":"127.0.0.1:6","up":true,"draining":true,"drained":true,"weight":1,"zone":"rack-b"}],
                "partitions":[{"id":0,"leader":1,"replicas":[1,2]},{"id":3,"slots":[0,16383],"leader":2,"replicas":[2]}]}"#,
        )
        .unwrap();
        let expected = "\
NODE  STATE     CLIENTS      PEERS        ZONE    WEIGHT  LEADS  HOLDS
1     draining  127.0.0.1:1  127.0.0.1:2  -       1       1      1
2     down      127.0.0.1:3  127.0.0.1:4  rack-a  2       1      2
4     drained   127.0.0.1:5  127.0.0.1:6  rack-b  1       0      0

1 partitions on the move
";
        assert_eq!(table(&status), expected);
    }
}
