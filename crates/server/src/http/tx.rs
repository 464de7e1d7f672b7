//! `/v1/tx`: transactions over keys, services and databases, for those who speak HTTP.
//!
//! A handler changes the record by compare-and-set as every node does, and leaves the rest to whoever drives the transaction.

use super::api::{Answer, Asker, Fields, Refusal, check_host, respond, told};
use crate::basic;
use crate::coordinator::{Coordinator, Store, Stored, Trouble, now_ms};
use crate::inbox::Postbox;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;
use synod_acl::Digest;
use synod_coordinator::{
    Begin, Command, Invalid, Kind, Record, Target, bounds, participant, shown,
};
use synod_types::is_coordinators;
use synod_wire::resp::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The longest body of a request.
const BODY_BYTES_MAX: usize = bounds::RECORD_BYTES_MAX + (16 << 10);
/// How many may wait for an outcome at a time: the others' requests still find a seat.
const WAITING_MAX: usize = 16;
/// The longest wait for an outcome: less than a connection may be silent.
const WAIT_MS_MAX: u64 = 8_000;
/// How often somebody who waits looks at the record.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long the node may take to tell who asks.
const ANSWER: Duration = Duration::from_millis(1_500);
/// How often a step is tried that another step overtook.
const TRIES: usize = 8;
/// The most transactions that are listed.
const LIST_MAX: usize = 1_024;
/// Who may write this key sees and resolves everybody's transactions.
const OPERATOR_KEY: &str = "synod:tx:operator";

/// What the handlers share.
struct Desk {
    asker: Asker,
    coordinator: Arc<Coordinator>,
    waiting: Semaphore,
}

/// The routes; where nothing may be reached they say so.
pub fn router(postbox: Postbox, coordinator: Option<Arc<Coordinator>>) -> Router {
    let Some(coordinator) = coordinator else {
        return Router::new()
            .route("/v1/tx", get(off).post(off))
            .route("/v1/tx/{*rest}", get(off).post(off));
    };
    let waiting = Semaphore::new(WAITING_MAX);
    let desk = Arc::new(Desk { asker: Asker(postbox), coordinator, waiting });
    Router::new()
        .route("/v1/tx", get(list).post(begin))
        .route("/v1/tx/{id}", get(show))
        .route("/v1/tx/{id}/enlist", post(enlist))
        .route("/v1/tx/{id}/commit", post(commit))
        .route("/v1/tx/{id}/abort", post(abort))
        .route("/v1/tx/{id}/resolve", post(resolve))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

async fn off() -> Response {
    let why =
        "this node coordinates no transactions: start it with --tx-callbacks or --tx-databases";
    Refusal(StatusCode::NOT_FOUND, why.to_owned()).into_response()
}

impl From<Trouble> for Refusal {
    fn from(Trouble(why): Trouble) -> Self {
        Self(StatusCode::GATEWAY_TIMEOUT, format!("UNKNOWN {why}; ask again"))
    }
}

impl From<Invalid> for Refusal {
    fn from(Invalid(why): Invalid) -> Self {
        Self(StatusCode::BAD_REQUEST, why)
    }
}

impl From<synod_coordinator::Refusal> for Refusal {
    fn from(refusal: synod_coordinator::Refusal) -> Self {
        use synod_coordinator::Refusal as Of;
        let code = match refusal {
            Of::TooMany | Of::TooLong | Of::Nobody => StatusCode::BAD_REQUEST,
            Of::Unknown(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::CONFLICT,
        };
        Self(code, refusal.to_string())
    }
}

fn forbidden(why: String) -> Refusal {
    Refusal(StatusCode::FORBIDDEN, why)
}

fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Desk {
    fn store(&self) -> &Store {
        &self.coordinator.store
    }

    /// Who asks; the password has been looked at. No page in a browser gets this far: what it sends says where it is from.
    async fn user(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        if headers.contains_key(header::ORIGIN) {
            return Err(forbidden("pages in browsers are not served".to_owned()));
        }
        check_host(headers)?;
        match self.asker.run(headers, &[b"PING"], ANSWER).await {
            Ok(_) | Err(Refusal(StatusCode::FORBIDDEN, _)) => {}
            Err(refusal) => return Err(refusal),
        }
        let named = basic::of(headers).ok().flatten().map(|(user, _)| user);
        Ok(named.filter(|user| !user.is_empty()).unwrap_or_else(|| "default".to_owned()))
    }

    /// Refuses what a user may not run.
    async fn allow(&self, user: &str, words: &[&[u8]]) -> Result<(), Refusal> {
        self.store().may(user, words).await?.map_err(forbidden)
    }

    /// Refuses a user who may not write this key.
    async fn allow_key(&self, user: &str, key: &str) -> Result<(), Refusal> {
        let why =
            |_| forbidden(format!("the user may not write the key {key}, which is asked for that"));
        self.store().may(user, &[b"SET", key.as_bytes(), b""]).await?.map_err(why)
    }

    /// The record, if it is this user's, or the user is an operator.
    async fn record(&self, user: &str, id: &str) -> Result<Record, Refusal> {
        let unknown = || Refusal(StatusCode::NOT_FOUND, "no such transaction".to_owned());
        if !is_id(id) {
            return Err(unknown());
        }
        let record = self.store().read(id).await?.ok_or_else(unknown)?;
        if record.user != user {
            self.allow_key(user, OPERATOR_KEY).await?;
        }
        Ok(record)
    }

    /// Stores a step of a record, again if another step came first.
    async fn change(
        &self,
        user: &str,
        id: &str,
        step: impl Fn(&mut Record) -> Result<bool, synod_coordinator::Refusal>,
    ) -> Result<Record, Refusal> {
        for _ in 0..TRIES {
            let record = self.record(user, id).await?;
            let mut next = record.clone();
            if !step(&mut next)? {
                return Ok(record);
            }
            if self.store().write(record.version, &next, now_ms()).await? == Stored::Done {
                self.coordinator.counters.stepped(&record, &next);
                self.coordinator.poke(id);
                return Ok(next);
            }
        }
        Err(Refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "others change the transaction; ask again".to_owned(),
        ))
    }

    /// Waits until the outcome is known.
    async fn outcome(&self, mut record: Record, wait_ms: u64) -> Result<Record, Refusal> {
        let until = Instant::now() + Duration::from_millis(wait_ms);
        while !record.phase.is_decided() && Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.store().read(&record.id).await {
                Ok(Some(now)) => record = now,
                Ok(None) => break,
                // Nobody leads at the moment.
                Err(_) => {}
            }
        }
        Ok(record)
    }
}

async fn begin(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let begun = async {
        let fields = Fields::of(&headers, &body)?;
        let user = desk.user(&headers).await?;
        let begin = Begin::of(&fields.0)?;
        desk.allow(&user, &[b"MULTI"]).await?;
        let secret = || Refusal(StatusCode::SERVICE_UNAVAILABLE, "no random bytes".to_owned());
        let seed = match &begin.idempotency_key {
            Some(key) => format!("{user}\0{key}").into_bytes(),
            None => crate::clock::random_secret().map_err(|_| secret())?.to_vec(),
        };
        let mut id = Digest::of(&seed).to_string();
        id.truncate(32);
        let record =
            Record::begin(id.clone(), user.clone(), begin.protocol, now_ms(), begin.deadline_ms);
        match desk.store().write(0, &record, now_ms()).await? {
            Stored::Done => {
                desk.coordinator.counters.begun();
                Ok((StatusCode::CREATED, shown(&record)))
            }
            Stored::Full(what) => {
                let why = format!("there are as many {what} as there may be; ask again later");
                Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, why))
            }
            // The same key was said before.
            _ => Ok((StatusCode::OK, shown(&desk.record(&user, &id).await?))),
        }
    };
    match begun.await {
        Ok((code, body)) => told(code, &body),
        Err(refusal) => refusal.into_response(),
    }
}

async fn enlist(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let enlisted = async {
        let fields = Fields::of(&headers, &body)?;
        let user = desk.user(&headers).await?;
        let record = desk.record(&user, &id).await?;
        let mut newcomer = participant(&fields.0)?;
        examine(&desk, &record.user, &mut newcomer.kind).await?;
        let record = desk.change(&user, &id, |record| record.enlist(newcomer.clone())).await?;
        Ok(shown(&record))
    };
    respond(enlisted.await)
}

/// Refuses what could not be done later, or may not be.
async fn examine(desk: &Desk, user: &str, kind: &mut Kind) -> Result<(), Refusal> {
    match kind {
        Kind::Keys(commands) => {
            for command in commands {
                examine_command(desk, user, command).await?;
            }
            Ok(())
        }
        Kind::Http { url, .. } => {
            let target = Target::parse(url).map_err(|why| Refusal::bad(&why))?;
            if !desk.coordinator.settings.callbacks.allows(&target) {
                let why = format!("{} may not be called (--tx-callbacks)", target.authority());
                return Err(forbidden(why));
            }
            desk.allow_key(user, &format!("synod:tx:callback:{}", target.authority())).await?;
            let checked = desk.coordinator.check_service(&target).await;
            checked.map_err(|why| Refusal(StatusCode::CONFLICT, why))
        }
        Kind::Postgres { database, .. } => {
            desk.allow_key(user, &format!("synod:tx:database:{database}")).await?;
            let checked = desk.coordinator.check_database(database).await;
            checked.map_err(|why| Refusal(StatusCode::CONFLICT, why))
        }
    }
}

async fn examine_command(desk: &Desk, user: &str, command: &mut Command) -> Result<(), Refusal> {
    let words: Vec<&[u8]> = command.words.iter().map(|word| word.as_bytes()).collect();
    desk.allow(user, &words).await?;
    let ask = [&[&b"COMMAND"[..], b"GETKEYS"], &words[..]].concat();
    let keys = match desk.store().ask(&ask).await? {
        Value::Array(keys) => keys,
        Value::Error(text) => return Err(Refusal::of_error(&text)),
        _ => Vec::new(),
    };
    for key in keys {
        let Value::Bulk(key) = key else { continue };
        if is_coordinators(&key) {
            return Err(forbidden("the keys of the coordinator are its own".to_owned()));
        }
        // It was part of a JSON text.
        command.keys.push(String::from_utf8_lossy(&key).into_owned());
    }
    Ok(())
}

async fn commit(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let committed = async {
        let fields = Fields::of(&headers, &body)?;
        let wait_ms = fields.number_or("wait_ms", WAIT_MS_MAX)?;
        if wait_ms > WAIT_MS_MAX {
            return Err(Refusal::bad("`wait_ms` is 8000 at most; ask again"));
        }
        let user = desk.user(&headers).await?;
        let record = desk.change(&user, &id, Record::ask_commit).await?;
        let record = match desk.waiting.try_acquire() {
            Ok(_place) => desk.outcome(record, wait_ms).await?,
            // Whoever asks again is told.
            Err(_) => record,
        };
        Ok(record)
    };
    match committed.await {
        Ok(record) => outcome(&record),
        Err(refusal) => refusal.into_response(),
    }
}

/// 200 when it is committed, 409 when it is aborted, 202 while neither is known.
fn outcome(record: &Record) -> Response {
    use synod_coordinator::Phase;
    let code = match record.phase {
        Phase::PreCommitted | Phase::Committed => StatusCode::OK,
        Phase::Aborted => StatusCode::CONFLICT,
        Phase::Open | Phase::Preparing => StatusCode::ACCEPTED,
    };
    let mut body = shown(record);
    if code == StatusCode::CONFLICT {
        let why = record.why.as_deref().unwrap_or_default();
        body["error"] = format!("the transaction is aborted: {why}").into();
    }
    told(code, &body)
}

async fn abort(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let aborted = async {
        Fields::of(&headers, &body)?;
        let user = desk.user(&headers).await?;
        let record =
            desk.change(&user, &id, |record| record.abort("it was asked for", now_ms())).await?;
        Ok(shown(&record))
    };
    respond(aborted.await)
}

/// What an operator says of a participant that cannot be asked any more.
async fn resolve(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let resolved = async {
        let fields = Fields::of(&headers, &body)?;
        let Some(name) = fields.0.get("participant").and_then(Json::as_str) else {
            return Err(Refusal::bad("`participant` is the name of one"));
        };
        let user = desk.user(&headers).await?;
        desk.allow_key(&user, OPERATOR_KEY).await?;
        let step = |record: &mut Record| record.resolve(name, now_ms()).map(|()| true);
        let record = desk.change(&user, &id, step).await?;
        desk.coordinator.counters.resolved();
        Ok(shown(&record))
    };
    respond(resolved.await)
}

async fn show(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let user = desk.user(&headers).await?;
        Ok(shown(&desk.record(&user, &id).await?))
    };
    respond(found.await)
}

async fn list(
    State(desk): State<Arc<Desk>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    respond(listed(&desk, query.as_deref(), &headers).await)
}

/// Those of the user, or everybody's for an operator.
async fn listed(desk: &Desk, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let user = desk.user(headers).await?;
    let all = match query {
        None => false,
        Some("all=true") => true,
        Some(_) => return Err(Refusal::bad("the only query is `all=true`")),
    };
    let sees_all = desk.allow_key(&user, OPERATOR_KEY).await.is_ok();
    let mut names = desk.store().names(all).await?;
    let left_out = names.len().saturating_sub(LIST_MAX);
    names.truncate(LIST_MAX);
    let mut lines = Vec::new();
    for name in names {
        let line = desk.store().summary(&name).await?;
        lines.extend(line.filter(|line| sees_all || line["user"] == user.as_str()));
    }
    lines.sort_by_key(|line| line["began_ms"].as_u64());
    Ok(json!({ "transactions": lines, "left_out": left_out }))
}
