//! The coordinator of transactions over services and databases outside: a thread of its own beside the workers.
//!
//! What is remembered is in the cluster (`store`); what is to be done next follows from it (`synod_coordinator`). Every node that was
//! allowed to reach something looks for transactions that are due, takes one at a time by compare-and-set, and drives it (`driver`). The
//! work outside is done by tasks of this thread's own runtime, so many at a time, each with its time.

mod callback;
mod counters;
mod driver;
mod encrypted;
mod outside;
mod postgres;
mod settings;
mod store;

pub use counters::Counters;
pub use settings::TxSettings;
pub use store::{Store, Stored, Trouble};

use crate::inbox::Postbox;
use crate::tls::Trust;
use anyhow::{Context, Result};
use driver::Drivers;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use synod_coordinator::Target;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// How many transactions a node drives at a time.
const DRIVEN_MAX: usize = 96;
/// How many of them may prepare; the others are told how they ended.
const PREPARING_MAX: usize = 32;
/// How often a node looks for transactions that are due.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How many requests to drive a transaction at once may wait.
const POKES_MAX: usize = 256;
/// How many threads look up names.
const LOOKUPS_MAX: usize = 4;

/// The wall clock, in milliseconds.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// What the HTTP side needs of the coordinator.
pub struct Coordinator {
    /// What this node may reach.
    pub settings: Arc<TxSettings>,
    /// The records.
    pub store: Arc<Store>,
    /// What was done here.
    pub counters: Arc<Counters>,
    trust: Arc<Trust>,
    pokes: mpsc::Sender<String>,
}

impl Coordinator {
    /// A transaction has something to do now. If too many have, it is found when it is due.
    pub fn poke(&self, id: &str) {
        let _found_when_it_is_due = self.pokes.try_send(id.to_owned());
    }

    /// Whether the certificate of a service that is called with TLS is believed, if it is there.
    ///
    /// # Errors
    /// Why not.
    pub async fn check_service(&self, target: &Target) -> Result<(), String> {
        match target.is_tls {
            true => callback::check(&self.trust, target).await,
            false => Ok(()),
        }
    }

    /// Whether a database is there and prepares transactions.
    ///
    /// # Errors
    /// Why not.
    pub async fn check_database(&self, name: &str) -> Result<(), String> {
        match self.settings.databases.get(name) {
            Some(database) => postgres::check(database, &self.trust).await,
            None => Err(format!("this node knows no database `{name}` (--tx-databases)")),
        }
    }
}

/// The running thread.
pub struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Ends it. What was under way goes on at another node.
    pub fn stop(self) {
        let _it_may_have_ended = self.stop.send(());
        let _its_panic_was_reported = self.thread.join();
    }
}

/// Starts it, if this node may reach anything; commands run on this worker.
///
/// # Errors
/// No thread can be started, or the file of CAs is not one.
pub fn start(
    settings: &TxSettings,
    node: u64,
    postbox: &Postbox,
) -> Result<Option<(Arc<Coordinator>, Running)>> {
    if !settings.is_on() {
        return Ok(None);
    }
    let trust = Trust::new(settings.ca_file.as_deref()).context("--tx-ca-file")?;
    let (settings, trust) = (Arc::new(settings.clone()), Arc::new(trust));
    let store = Arc::new(Store(postbox.clone()));
    let counters = Arc::new(Counters::default());
    let (pokes, poked) = mpsc::channel(POKES_MAX);
    let (stop, stopped) = oneshot::channel();
    let drivers = Arc::new(Drivers {
        settings: Arc::clone(&settings),
        trust: Arc::clone(&trust),
        store: Arc::clone(&store),
        counters: Arc::clone(&counters),
        node,
        preparing: Semaphore::new(PREPARING_MAX),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOKUPS_MAX)
        .build()?;
    let thread = thread::Builder::new()
        .name("coordinator".into())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = run(drivers, poked) => {}
                    _dropped_or_sent = stopped => {}
                }
            });
            // A name that is being looked up holds nobody up.
            runtime.shutdown_background();
        })
        .context("the coordinator's thread cannot be started")?;
    let coordinator = Coordinator { settings, store, counters, trust, pokes };
    Ok(Some((Arc::new(coordinator), Running { stop, thread })))
}

async fn run(drivers: Arc<Drivers>, mut poked: mpsc::Receiver<String>) {
    let mut driven: JoinSet<String> = JoinSet::new();
    let mut under_way = BTreeSet::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let mut found = Vec::new();
        tokio::select! {
            Some(id) = poked.recv() => found.push(id),
            Some(ended) = driven.join_next() => {
                // A panic ends the thread's duty for this one only; the name is freed with the others.
                match ended {
                    Ok(id) => drop(under_way.remove(&id)),
                    Err(_) if driven.is_empty() => under_way.clear(),
                    Err(_) => {}
                }
            }
            _ = look.tick() => {
                // Without an answer there is nothing to be done now; the next look may have one.
                found = drivers.store.due(now_ms(), DRIVEN_MAX).await.unwrap_or_default();
            }
        }
        for id in found {
            if under_way.len() < DRIVEN_MAX && under_way.insert(id.clone()) {
                let drivers = Arc::clone(&drivers);
                driven.spawn(async move {
                    if let Err(trouble) = drivers.drive(&id).await {
                        tracing::info!(transaction = %id, %trouble, "a transaction is left until its lease is over");
                    }
                    id
                });
            }
        }
    }
}
