//! A value that takes several election time-outs to send: heartbeats stand in line behind it, and nobody may take that for
//! silence.

use crate::Client;
use crate::cluster::{Node, eventually, free_ports};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Four seconds per hop; a follower that hears nothing stands after 1.2 to 2.4.
const BYTES_PER_S: usize = 3 << 20;
const VALUE: usize = 12 << 20;
const PIECE: usize = 32 << 10;

/// Passes bytes on to that port, so many in a second; they are counted.
fn slow_door(to: u16, passed: &Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let passed = Arc::clone(passed);
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            for (from, to) in [(&near, &far), (&far, &near)] {
                let ends = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let passed = Arc::clone(&passed);
                thread::spawn(move || pass(ends, &passed));
            }
        }
    });
    port
}

fn pass((mut from, mut to): (TcpStream, TcpStream), passed: &AtomicUsize) {
    let mut piece = vec![0; PIECE];
    while let Ok(len) = from.read(&mut piece) {
        if len == 0 || to.write_all(&piece[..len]).is_err() {
            break;
        }
        passed.fetch_add(len, Ordering::Relaxed);
        thread::sleep(Duration::from_secs_f64(len as f64 / BYTES_PER_S as f64));
    }
    let _both_ends_go = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn a_value_that_takes_long_to_send_costs_no_leader_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let passed = Arc::new(AtomicUsize::new(0));
    let ports = [1, 2, 3].map(|id| (id, free_ports()));
    let doors = ports.map(|(_, ports)| slow_door(ports.peers, &passed));
    let mut nodes = ports.map(|(id, ports)| Node::new(&dir, &format!("node-{id}"), id, ports));
    for node in &mut nodes {
        // Each knows the others by their slow doors.
        let address = |(at, (id, ports)): (usize, &(u64, _))| {
            let ports: &crate::cluster::Ports = ports;
            let port = if *id == node.id { ports.peers } else { doors[at] };
            format!("{id}=127.0.0.1:{port}")
        };
        let members = ports.iter().enumerate().map(address).collect::<Vec<_>>().join(",");
        node.start(&["--initial-cluster", &members, "--partitions", "1"]);
    }
    nodes.iter().for_each(|node| node.expect("SET k acked", "+OK\r\n"));
    let value = vec![b'v'; VALUE];
    // A machine with much else to do may stall for as long as a time-out; not every time.
    let answers = [0, 1, 2].map(|_| Client::of(&nodes[0]).ask(&[b"SET", b"long", &value]));
    assert!(answers.contains(&"+OK".to_owned()), "{answers:?}; {}", nodes[0].log());
    assert!(passed.load(Ordering::Relaxed) > 2 * VALUE, "it did not go through the slow doors");
    let length = format!(":{VALUE}\r\n");
    let told = || nodes[2].ask("STRLEN long").as_deref() == Some(&length);
    assert!(eventually(told), "{:?}", nodes[2].ask("STRLEN long"));
}
