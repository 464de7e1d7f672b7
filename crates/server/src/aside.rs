//! The thread of a worker that runs long operations, so that its turns stay short.

use crate::inbox::{Mail, Postbox};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;
use synod_replica::Aside;
use synod_worker::Report;

/// Starts the thread. It ends when the sender is dropped.
pub fn start(postbox: Postbox, worker: u16) -> std::io::Result<Sender<Box<Aside>>> {
    let (sender, receiver) = channel();
    thread::Builder::new()
        .name(format!("aside-{worker}"))
        .spawn(move || run(&receiver, &postbox))?;
    Ok(sender)
}

fn run(asides: &Receiver<Box<Aside>>, postbox: &Postbox) {
    for mut aside in asides {
        let begun = Instant::now();
        aside.run();
        aside.took(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
        postbox.send(Mail::Report(Report::Ran(aside)));
    }
}
