//! `/v1/lock`: named locks for those who speak HTTP.
//!
//! Each request is the command of the same name (`LOCK ACQUIRE`, `FENCE`, ...), so a lock is the same lock and its tokens
//! are one sequence, whichever way a client comes.

use super::credentials;
use super::inner::Inner;
use super::json;
use crate::inbox::Postbox;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value as Json, json};
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
    postbox: Postbox,
    waiting: Semaphore,
}

/// What is answered instead of what was asked for.
struct Refusal(StatusCode, String);

type Answer = Result<Json, Refusal>;

impl Refusal {
    fn bad(why: &str) -> Self {
        Self(StatusCode::BAD_REQUEST, why.to_owned())
    }

    /// The status that goes with an error of Redis's protocol.
    fn of_error(text: &str) -> Self {
        let code = match text.split(' ').next().unwrap_or_default() {
            "NOAUTH" | "WRONGPASS" => StatusCode::UNAUTHORIZED,
            "NOPERM" => StatusCode::FORBIDDEN,
            "FENCED" => StatusCode::CONFLICT,
            "ERR" | "CROSSSLOT" | "WRONGTYPE" => StatusCode::BAD_REQUEST,
            "UNKNOWN" => StatusCode::GATEWAY_TIMEOUT,
            "OOM" => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(code, text.to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(code, why) = self;
        let mut response = told(code, &json!({ "error": why }));
        if code == StatusCode::UNAUTHORIZED {
            let realm = header::HeaderValue::from_static("Basic realm=\"synod\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        }
        response
    }
}

fn told(code: StatusCode, body: &Json) -> Response {
    (code, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}

fn respond(answer: Answer) -> Response {
    match answer {
        Ok(body) => told(StatusCode::OK, &body),
        Err(refusal) => refusal.into_response(),
    }
}

/// The routes; their commands run on this worker.
pub fn router(postbox: Postbox) -> Router {
    let desk = Arc::new(Desk { postbox, waiting: Semaphore::new(WAITING_MAX) });
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

impl Desk {
    /// Runs a command as whoever asks.
    async fn run(
        &self,
        headers: &HeaderMap,
        words: &[&[u8]],
        patience: Duration,
    ) -> Result<Value, Refusal> {
        match tokio::time::timeout(patience, self.converse(headers, words)).await {
            Ok(answer) => answer,
            Err(_) => Err(Refusal(
                StatusCode::GATEWAY_TIMEOUT,
                "UNKNOWN there was no answer in time; it may or may not have been executed"
                    .to_owned(),
            )),
        }
    }

    async fn converse(&self, headers: &HeaderMap, words: &[&[u8]]) -> Result<Value, Refusal> {
        let lost = |error: std::io::Error| Refusal(StatusCode::BAD_GATEWAY, error.to_string());
        let who = credentials::of(headers).map_err(|()| {
            Refusal(StatusCode::UNAUTHORIZED, "only basic authorization is served".to_owned())
        })?;
        let mut inner = Inner::open(&self.postbox).await.map_err(lost)?;
        if let Some((user, password)) = who {
            let user = if user.is_empty() { "default" } else { &*user };
            let auth = [&b"AUTH"[..], user.as_bytes(), password.as_bytes()];
            if let Value::Error(text) = inner.ask(&auth).await.map_err(lost)? {
                return Err(Refusal::of_error(&text));
            }
        }
        match inner.ask(words).await.map_err(lost)? {
            Value::Error(text) => Err(Refusal::of_error(&text)),
            value => Ok(value),
        }
    }
}

/// The fields of a request's body.
struct Fields(Map<String, Json>);

impl Fields {
    /// A page in a browser cannot send this type of body to another site without asking.
    fn of(headers: &HeaderMap, body: &Bytes) -> Result<Self, Refusal> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
            return Err(Refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body has to be application/json".to_owned(),
            ));
        }
        match serde_json::from_slice(body) {
            Ok(Json::Object(fields)) => Ok(Self(fields)),
            _ => Err(Refusal::bad("the body is not a JSON object")),
        }
    }

    /// A number that has to be there.
    fn number(&self, name: &str) -> Result<u64, Refusal> {
        let value = self.0.get(name).and_then(Json::as_u64);
        value.ok_or_else(|| Refusal::bad(&format!("`{name}` has to be a positive integer")))
    }

    fn number_or(&self, name: &str, otherwise: u64) -> Result<u64, Refusal> {
        if self.0.contains_key(name) { self.number(name) } else { Ok(otherwise) }
    }

    fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.0.get(name) {
            None => Ok(false),
            Some(value) => {
                value.as_bool().ok_or_else(|| Refusal::bad(&format!("`{name}` is true or false")))
            }
        }
    }

    fn words(&self, name: &str) -> Result<Vec<&str>, Refusal> {
        let all = self.0.get(name).and_then(Json::as_array);
        let words: Option<Vec<&str>> = all.and_then(|all| all.iter().map(Json::as_str).collect());
        words
            .filter(|words| !words.is_empty())
            .ok_or_else(|| Refusal::bad(&format!("`{name}` has to be an array of strings")))
    }
}

async fn list(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let names = desk.run(&headers, &[b"LOCK", b"LIST"], ANSWER).await;
    respond(names.map(|names| json!({ "locks": json::of(&names) })))
}

async fn info(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let words = [&b"LOCK"[..], b"INFO", name.as_bytes()];
    respond(match desk.run(&headers, &words, ANSWER).await {
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
    match desk.run(headers, &words, ANSWER + Duration::from_millis(wait_ms)).await? {
        Value::Integer(token) => Ok(json!({ "name": name, "token": token, "ttl_ms": ttl_ms })),
        _ => Err(Refusal(StatusCode::CONFLICT, "others hold the lock".to_owned())),
    }
}

/// `renew` and `release`: 1 when the token holds the lock.
async fn holding(desk: &Desk, name: &str, headers: &HeaderMap, words: &[&[u8]]) -> Answer {
    match desk.run(headers, words, ANSWER).await? {
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
        let reply = desk.run(&headers, &words, ANSWER).await?;
        Ok(json!({ "reply": json::of(&reply) }))
    };
    respond(written.await)
}
