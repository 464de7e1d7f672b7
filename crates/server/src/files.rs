//! The files thread of a worker: what is to be done with snapshot files, and the freeing of large deleted values, happens
//! here, beside the turns.

use crate::inbox::{Mail, Postbox};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use synod_worker::{Done, Files, Report, Task};

/// Starts the thread. It ends when the sender is dropped.
pub fn start(files: Files, postbox: Postbox, worker: u16) -> std::io::Result<Sender<Task>> {
    let (sender, receiver) = channel();
    thread::Builder::new()
        .name(format!("files-{worker}"))
        .spawn(move || run(files, &receiver, &postbox))?;
    Ok(sender)
}

fn run(mut files: Files, tasks: &Receiver<Task>, postbox: &Postbox) {
    for task in tasks {
        let Done { reports, frame, trouble } = files.run(task);
        if let Some(trouble) = trouble {
            tracing::warn!(group = %trouble.group, error = %trouble.error, "{}", trouble.what);
        }
        for report in reports {
            tell(&report);
            postbox.send(Mail::Report(report));
        }
        if let Some((to, frame)) = frame {
            postbox.send(Mail::SnapshotFrame(to, frame));
        }
    }
}

/// What operators want to know of snapshots.
fn tell(report: &Report) {
    match report {
        Report::SnapshotWritten(group, meta, bytes) => {
            tracing::info!(%group, index = %meta.index, bytes, "snapshot taken");
        }
        Report::SnapshotProgress(group, meta, offset @ 0, false) => {
            tracing::info!(%group, index = %meta.index, offset, "receiving a snapshot");
        }
        Report::SnapshotLoaded(group, meta, _) => {
            tracing::info!(%group, index = %meta.index, "snapshot received and loaded");
        }
        _ => {}
    }
}
