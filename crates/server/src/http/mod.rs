//! The HTTP side of a node, on a thread of its own: `/`, `/status`, `/top`, `/metrics`, `/health`, `/v1/lock`, `/v1/tx`,
//! `/commands`.
//!
//! It asks the workers through their inboxes, so what it tells is true of one moment per worker and costs the
//! data path one message.

mod admin;
mod api;
mod door;
mod json;
mod locks;
mod metrics;
mod status;
mod top;
mod tx;

use crate::config::Config;
use crate::coordinator::Coordinator;
use crate::descriptors;
use crate::inbox::{Mail, Postbox};
use crate::tls::Tls;
use anyhow::{Context, Result};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use synod_node::NodeStatus;
use tokio::sync::oneshot;

pub use door::CONNECTIONS_MAX;

/// What `/` answers, for whoever looks with a browser.
const INDEX: &str = "\
A Synod node.

/status   nodes, partitions and leaders, as JSON (`synod status` shows it as tables)
/top      what it does and for which keys, as JSON (`synod top` shows it live)
/metrics  counters and latency histograms for Prometheus
/health   200 when every group has a leader, 503 and the reason otherwise
/v1/lock  named locks with fencing tokens
/v1/tx    transactions over keys, services and databases
/commands what ZooKeeper's AdminServer tells, where ZooKeeper's clients are served
";

/// How long a worker may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// The running HTTP side.
pub struct Http {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Http {
    /// Ends it.
    pub fn stop(self) {
        let _it_may_have_ended = self.stop.send(());
        let _its_panic_was_reported = self.thread.join();
    }
}

struct Shared {
    config: Config,
    postboxes: Vec<Postbox>,
    coordinator: Option<Arc<Coordinator>>,
}

/// Starts serving.
///
/// # Errors
/// The address cannot be had.
pub fn start(
    config: &Config,
    postboxes: Vec<Postbox>,
    tls: Option<Arc<Tls>>,
    coordinator: Option<Arc<Coordinator>>,
) -> Result<Http> {
    let tls = tls.filter(|_| config.tls.http);
    let listener = std::net::TcpListener::bind(config.http)
        .with_context(|| format!("cannot listen for HTTP on {}", config.http))?;
    descriptors::widen(&listener)?;
    listener.set_nonblocking(true)?;
    let shared = Arc::new(Shared { config: config.clone(), postboxes, coordinator });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = async move {
        let door = door::Door::new(tokio::net::TcpListener::from_std(listener)?, tls);
        let end = async {
            let _dropped_or_sent = stopped.await;
        };
        tokio::select! {
            result = axum::serve(door, router(shared)) => result,
            () = end => Ok(()),
        }
    };
    let thread = thread::Builder::new().name("http".into()).spawn(move || {
        if let Err(error) = runtime.block_on(serve) {
            tracing::error!(%error, "the HTTP side has ended");
        }
    })?;
    Ok(Http { stop, thread })
}

fn router(shared: Arc<Shared>) -> Router {
    // A node has a worker.
    let first = shared.postboxes.first();
    let locks = first.map(|postbox| locks::router(postbox.clone())).unwrap_or_default();
    let coordinator = shared.coordinator.clone();
    let tx = first.map(|postbox| tx::router(postbox.clone(), coordinator)).unwrap_or_default();
    let gate = first.filter(|_| !shared.config.zookeeper.is_empty());
    let admin = gate.map(|postbox| admin::router(postbox.clone())).unwrap_or_default();
    let (for_status, for_top) = (shared.clone(), shared.clone());
    let (for_metrics, for_health) = (shared.clone(), shared);
    Router::new()
        .route("/", get(async || INDEX))
        .route("/status", get(move || status(for_status)))
        .route("/top", get(move || respond(for_top, "application/json", top::json)))
        .route("/metrics", get(move || metrics(for_metrics)))
        .route("/health", get(move || health(for_health)))
        .merge(locks)
        .merge(tx)
        .merge(admin)
}

async fn respond(
    shared: Arc<Shared>,
    kind: &'static str,
    render: fn(&Config, &[NodeStatus]) -> String,
) -> Response {
    match ask(&shared).await {
        Some(workers) => {
            ([(header::CONTENT_TYPE, kind)], render(&shared.config, &workers)).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "a worker does not answer\n").into_response(),
    }
}

async fn metrics(shared: Arc<Shared>) -> Response {
    let Some(workers) = ask(&shared).await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "a worker does not answer\n").into_response();
    };
    let mut text = metrics::text(&shared.config, &workers);
    if let Some(coordinator) = &shared.coordinator {
        let states = tokio::time::timeout(ANSWER, coordinator.store.states()).await;
        let states = states.ok().and_then(Result::ok);
        let counters = &coordinator.counters;
        metrics::add_coordinator(&mut text, &shared.config, counters, states.as_ref());
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Why the node does not serve, if it does not.
fn not_serving(workers: &[NodeStatus]) -> Option<String> {
    let Some(first) = workers.first() else { return Some("a worker does not answer".to_owned()) };
    let leaders = workers.iter().flat_map(|w| w.leaders.iter().copied());
    let why = synod_node::not_serving(&first.map, leaders)?;
    let full = workers.iter().any(|worker| worker.disk_full);
    Some(if full { format!("{why}; the disk of this node is full") } else { why })
}

/// 200 when the node serves, 503 and why otherwise.
async fn health(shared: Arc<Shared>) -> Response {
    let workers = ask(&shared).await.unwrap_or_default();
    match not_serving(&workers) {
        None => (StatusCode::OK, "ok\n").into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// The status, with 503 where the node does not serve.
async fn status(shared: Arc<Shared>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let workers = ask(&shared).await.unwrap_or_default();
    let code = match not_serving(&workers) {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, kind, status::json(&shared.config, &workers)).into_response()
}

/// Every worker's status; `None` when one does not answer in time.
async fn ask(shared: &Arc<Shared>) -> Option<Vec<NodeStatus>> {
    let shared = shared.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let receivers: Vec<_> = shared
            .postboxes
            .iter()
            .map(|postbox| {
                let (sender, receiver) = sync_channel(1);
                postbox.send(Mail::Status(sender));
                receiver
            })
            .collect();
        receivers.into_iter().map(|r| r.recv_timeout(ANSWER).ok()).collect()
    });
    asked.await.ok().flatten()
}
