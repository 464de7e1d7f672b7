//! `/v1/lock`: named locks for those who speak HTTP.
//!
//! Each request is the command of the same name (`LOCK ACQUIRE`, `FENCE`, ...), so a lock is the same lock and its tokens
//! are one sequence, whichever way a client comes.

use super::api::{Answer, Asker, Fields, Refusal, respond};
use super::json;
use crate::inbox::Postbox;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use synod_wire::resp::Value;
use tokio::sync::Semaphore;

/// The longest body of a request.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How many may wait for locks at a time: the others' requests still find a seat.
const WAITING_MAX: usize = 16;
/// The longest wait for a lock: less than a connection may be silent.
const WAIT_MS_MAX: u64 = 8_000;
/// How long the partition may take beside that.
const ANSWER: Duration = Duration::from_millis(1_500);

/// What the handlers share.
struct Desk {
    asker: Asker,
    waiting: Semaphore,
}

/// The routes; their commands run on this worker.
pub fn router(postbox: Postbox) -> Router {
    let desk = Arc::new(Desk { asker: Asker(postbox), waiting: Semaphore::new(WAITING_MAX) });
    Router::new()
        .route("/v1/lock", get(list))
        .route("/v1/lock/{name}", get(info))
        .route("/v1/lock/{name}/acquire", post(acquire))
        .route("/v1/lock/{name}/renew", post(renew))
        .route("/v1/lock/{name}/release", post(release))
        .route("/v1/lock/{name}/write", post(write))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

async fn list(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let names = desk.asker.run(&headers, &[b"LOCK", b"LIST"], ANSWER).await;
    respond(names.map(|names| json!({ "locks": json::of(&names) })))
}

async fn info(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let words = [&b"LOCK"[..], b"INFO", name.as_bytes()];
    respond(match desk.asker.run(&headers, &words, ANSWER).await {
        Ok(Value::Null) => Err(Refusal(StatusCode::NOT_FOUND, "no such lock".to_owned())),
        Ok(value) => Ok(json::with(json::of_pairs(&value), "name", name.into())),
        Err(refusal) => Err(refusal),
    })
}

async fn acquire(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    respond(acquired(&desk, &name, &headers, &body).await)
}

async fn acquired(desk: &Desk, name: &str, headers: &HeaderMap, body: &Bytes) -> Answer {
    let fields = Fields::of(headers, body)?;
    let ttl_ms = fields.number("ttl_ms")?;
    let wait_ms = fields.number_or("wait_ms", 0)?;
    if wait_ms > WAIT_MS_MAX {
        return Err(Refusal::bad("`wait_ms` is 8000 at most; ask again"));
    }
    let _place = match wait_ms {
        0 => None,
        _ => Some(desk.waiting.try_acquire().map_err(|_| {
            let why = "too many requests wait for locks at this node; ask without `wait_ms`";
            Refusal(StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
        })?),
    };
    let (ttl, wait) = (ttl_ms.to_string(), wait_ms.to_string());
    let mut words = vec![&b"LOCK"[..], b"ACQUIRE", name.as_bytes(), ttl.as_bytes()];
    if wait_ms > 0 {
        words.extend([&b"WAIT"[..], wait.as_bytes()]);
    }
    if fields.flag("shared")? {
        words.push(b"SHARED");
    }
    match desk.asker.run(headers, &words, ANSWER + Duration::from_millis(wait_ms)).await? {
        Value::Integer(token) => Ok(json!({ "name": name, "token": token, "ttl_ms": ttl_ms })),
        _ => Err(Refusal(StatusCode::CONFLICT, "others hold the lock".to_owned())),
    }
}

/// `renew` and `release`: 1 when the token holds the lock.
async fn holding(desk: &Desk, name: &str, headers: &HeaderMap, words: &[&[u8]]) -> Answer {
    match desk.asker.run(headers, words, ANSWER).await? {
        Value::Integer(1) => Ok(json!({ "name": name })),
        _ => Err(Refusal(StatusCode::CONFLICT, "the token holds the lock no longer".to_owned())),
    }
}

async fn renew(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let renewed = async {
        let fields = Fields::of(&headers, &body)?;
        let token = fields.number("token")?.to_string();
        let ttl = fields.number("ttl_ms")?.to_string();
        let words = [&b"LOCK"[..], b"RENEW", name.as_bytes(), token.as_bytes(), ttl.as_bytes()];
        holding(&desk, &name, &headers, &words).await
    };
    respond(renewed.await)
}

async fn release(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let released = async {
        let token = Fields::of(&headers, &body)?.number("token")?.to_string();
        let words = [&b"LOCK"[..], b"RELEASE", name.as_bytes(), token.as_bytes()];
        holding(&desk, &name, &headers, &words).await
    };
    respond(released.await)
}

/// A writing command under the lock's fence.
async fn write(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let written = async {
        let fields = Fields::of(&headers, &body)?;
        let token = fields.number("token")?.to_string();
        let mut words = vec![&b"FENCE"[..], name.as_bytes(), token.as_bytes()];
        words.extend(fields.words("command")?.into_iter().map(str::as_bytes));
        let reply = desk.asker.run(&headers, &words, ANSWER).await?;
        Ok(json!({ "reply": json::of(&reply) }))
    };
    respond(written.await)
}
