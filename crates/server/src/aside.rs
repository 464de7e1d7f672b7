//! The thread of a worker that runs long operations, so that its turns stay short.

use crate::inbox::{Mail, Postbox};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
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
        aside.run();
        postbox.send(Mail::Report(Report::Ran(aside)));
    }
}
