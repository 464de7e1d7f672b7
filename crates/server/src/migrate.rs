//! MIGRATE: keys are moved to another server by tasks of a thread of their own, which is there from the first one on.
//!
//! ```text
//!   this cluster                       the target
//!   WATCH key, DUMP key, PTTL key
//!                                      RESTORE-ASKING key ttl value [REPLACE]
//!                                      +OK
//!   MULTI, DEL key, EXEC               only now, and only if nobody has changed the key
//! ```
//!
//! One key after the other, so that a task holds one value. Whatever fails, and wherever this process ends, a key is at least in one of
//! both places.

use crate::inbox::{Mail, Postbox};
use crate::inner::Inner;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use synod_node::{Migrated, Migration};
use synod_types::limits;
use synod_wire::resp::Value;
use synod_worker::Report;
use tokio::sync::{Semaphore, mpsc};

/// How many are done at a time, each with one value in memory.
const DONE_AT_A_TIME: usize = 4;
/// How often a key is sent that somebody changes meanwhile.
const ATTEMPTS_MAX: usize = 4;
/// How long this cluster may take to answer.
const ANSWER: Duration = Duration::from_secs(6);
/// How many threads look up names.
const LOOKUPS_MAX: usize = 2;

const NOT_CONNECTED: &str = "IOERR error or timeout connecting to the client";
const NOT_WRITTEN: &str = "IOERR error or timeout writing to target instance";
const NOT_READ: &str = "IOERR error or timeout reading to target instance";

/// The migrations of a worker.
pub struct Migrations {
    postbox: Postbox,
    /// To the thread; `None` before the first.
    thread: Option<mpsc::Sender<Box<Migration>>>,
}

impl Migrations {
    /// Of the worker with this postbox.
    pub fn new(postbox: Postbox) -> Self {
        Self { postbox, thread: None }
    }

    /// Begins one; the worker is told how it ended.
    pub fn begin(&mut self, migration: Box<Migration>) {
        let client = migration.client;
        if self.thread.is_none() {
            match start(self.postbox.clone()) {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => tracing::error!(%error, "no thread for MIGRATE can be started"),
            }
        }
        let taken = self.thread.as_ref().is_some_and(|thread| thread.try_send(migration).is_ok());
        if !taken {
            let how = failed("ERR MIGRATE cannot be begun at this node");
            self.postbox.send(Mail::Report(Report::Migrated(client, how)));
        }
    }
}

/// Starts the thread. It ends when the sender is dropped.
fn start(postbox: Postbox) -> io::Result<mpsc::Sender<Box<Migration>>> {
    let (sender, receiver) = mpsc::channel(limits::MIGRATIONS_MAX);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOKUPS_MAX)
        .build()?;
    thread::Builder::new().name("migrate".into()).spawn(move || {
        runtime.block_on(run(receiver, postbox));
        // A name that is being looked up holds nobody up.
        runtime.shutdown_background();
    })?;
    Ok(sender)
}

async fn run(mut migrations: mpsc::Receiver<Box<Migration>>, postbox: Postbox) {
    let places = Arc::new(Semaphore::new(DONE_AT_A_TIME));
    while let Some(migration) = migrations.recv().await {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let postbox = postbox.clone();
        tokio::spawn(async move {
            let how = migrate(&migration, &postbox).await;
            drop(place);
            postbox.send(Mail::Report(Report::Migrated(migration.client, how)));
        });
    }
}

fn failed(text: &str) -> Migrated {
    Migrated::Failed(text.to_owned())
}

async fn migrate(migration: &Migration, postbox: &Postbox) -> Migrated {
    match move_keys(migration, postbox).await {
        Ok(0) => Migrated::NoKey,
        Ok(_) => Migrated::Done,
        Err(text) => Migrated::Failed(text),
    }
}

/// Moves the keys; how many there were.
async fn move_keys(migration: &Migration, postbox: &Postbox) -> Result<usize, String> {
    let inner = answer(Inner::open_trusted(postbox)).await?;
    let mut here = Here(inner.with_replies_of(limits::MIGRATED_BYTES_MAX));
    let mut target = None;
    let mut moved = 0;
    for key in &migration.keys {
        moved += usize::from(move_key(migration, key, &mut here, &mut target).await?);
    }
    Ok(moved)
}

/// Moves one; whether it was there.
async fn move_key(
    migration: &Migration,
    key: &[u8],
    here: &mut Here,
    target: &mut Option<Target>,
) -> Result<bool, String> {
    // What this MIGRATE has put there it may replace, but only if the client allowed it to overwrite what others put there.
    let attempts = if migration.replaces { ATTEMPTS_MAX } else { 1 };
    for _ in 0..attempts {
        let Some((value, ttl_ms)) = here.read(key, migration.copies).await? else {
            return Ok(false);
        };
        let target = match target {
            Some(target) => target,
            None => target.insert(Target::open(migration).await?),
        };
        target.restore(migration, key, &value, ttl_ms).await?;
        if migration.copies || here.delete(key).await? {
            return Ok(true);
        }
    }
    Err("TRYAGAIN The key was changed while it was sent: nothing was deleted, and the target has what it was".to_owned())
}

/// What this cluster answers, in time.
async fn answer<T>(asked: impl Future<Output = io::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWER, asked).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("ERR MIGRATE could not read or delete a key: {error}")),
        Err(_) => Err("ERR MIGRATE could not read or delete a key: no answer in time".to_owned()),
    }
}

/// This cluster, as a client sees it.
struct Here(Inner);

impl Here {
    /// Asks; an error is one for the client.
    async fn ask(&mut self, words: &[&[u8]]) -> Result<Value, String> {
        match answer(self.0.ask(words)).await? {
            Value::Error(text) => Err(text),
            value => Ok(value),
        }
    }

    /// The value of a key as DUMP has it, and how long it lives, in milliseconds; 0: for ever. From here on its changes are watched,
    /// unless it is only to be copied.
    async fn read(&mut self, key: &[u8], copies: bool) -> Result<Option<(Vec<u8>, u64)>, String> {
        if !copies {
            self.ask(&[b"WATCH", key]).await?;
        }
        if let Value::Bulk(value) = self.ask(&[b"DUMP", key]).await?
            && let Value::Integer(ms @ -1..) = self.ask(&[b"PTTL", key]).await?
        {
            return Ok(Some((value, u64::try_from(ms).map_or(0, |ms| ms.max(1)))));
        }
        // It is not there, or is not any more.
        if !copies {
            self.ask(&[b"UNWATCH"]).await?;
        }
        Ok(None)
    }

    /// Deletes a key, if it is as it was read; whether it was.
    async fn delete(&mut self, key: &[u8]) -> Result<bool, String> {
        self.ask(&[b"MULTI"]).await?;
        self.ask(&[b"DEL", key]).await?;
        Ok(matches!(self.ask(&[b"EXEC"]).await?, Value::Array(_)))
    }
}

/// The server that the keys are moved to.
struct Target {
    inner: Inner,
    /// How long it may be silent.
    patience: Duration,
}

impl Target {
    async fn open(migration: &Migration) -> Result<Self, String> {
        let patience = Duration::from_millis(migration.timeout_ms);
        let addr = async {
            let (host, port) = &migration.target;
            tokio::net::lookup_host((host.as_str(), *port))
                .await?
                .next()
                .ok_or(io::ErrorKind::NotFound.into())
        };
        let addr: SocketAddr = timely(patience, addr).await.ok_or(NOT_CONNECTED)?;
        let inner = match tokio::time::timeout(patience, Inner::connect(addr)).await {
            Ok(Ok(inner)) => inner,
            // Redis finds out when it writes.
            Ok(Err(_)) => return Err(NOT_WRITTEN.to_owned()),
            Err(_) => return Err(NOT_CONNECTED.to_owned()),
        };
        let mut target = Self { inner, patience };
        if !migration.login.is_empty() {
            let words =
                std::iter::once(&b"AUTH"[..]).chain(migration.login.iter().map(Vec::as_slice));
            target.ask(&words.collect::<Vec<_>>()).await?;
        }
        target.ask(&[b"SELECT", migration.database.to_string().as_bytes()]).await?;
        Ok(target)
    }

    async fn restore(
        &mut self,
        migration: &Migration,
        key: &[u8],
        value: &[u8],
        ttl_ms: u64,
    ) -> Result<(), String> {
        let ttl_ms = ttl_ms.to_string();
        // ASKING, as Redis Cluster has it: the target may be about to be given the slot.
        let mut words = vec![&b"RESTORE-ASKING"[..], key, ttl_ms.as_bytes(), value];
        if migration.replaces {
            words.push(b"REPLACE");
        }
        self.ask(&words).await
    }

    /// Asks for what is answered OK.
    async fn ask(&mut self, words: &[&[u8]]) -> Result<(), String> {
        timely(self.patience, self.inner.send(words)).await.ok_or(NOT_WRITTEN)?;
        match timely(self.patience, self.inner.receive()).await.ok_or(NOT_READ)? {
            Value::Simple(_) => Ok(()),
            Value::Error(text) => Err(format!("ERR Target instance replied with error: {text}")),
            other => Err(format!("ERR Target instance replied with something else: {other:?}")),
        }
    }
}

async fn timely<T>(patience: Duration, asked: impl Future<Output = io::Result<T>>) -> Option<T> {
    tokio::time::timeout(patience, asked).await.ok()?.ok()
}
