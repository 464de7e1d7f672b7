//! What is told of a transaction. What its participants are to do is not: statements and commands may hold what is not for
//! everybody's eyes, and passwords are nowhere in a record.

use crate::participant::{Kind, Participant};
use crate::record::Record;
use serde_json::{Value, json};

/// All that is told.
#[must_use]
pub fn shown(record: &Record) -> Value {
    let participants: Vec<Value> = record.participants.iter().map(one).collect();
    let mut told = summary(record);
    told["token"] = record.token.into();
    told["driver"] = if record.driver == 0 { Value::Null } else { record.driver.into() };
    told["participants"] = participants.into();
    told
}

/// One line of a list.
#[must_use]
pub fn summary(record: &Record) -> Value {
    json!({
        "id": record.id,
        "user": record.user,
        "protocol": record.protocol,
        "state": record.phase,
        "ended": record.ended_ms.is_some(),
        "why": record.why,
        "began_ms": record.began_ms,
        "deadline_ms": record.deadline_ms,
        "waits_for": record.participants.iter().filter(|one| !one.ended).count(),
    })
}

fn one(participant: &Participant) -> Value {
    let mut told = json!({
        "name": participant.name,
        "kind": participant.kind.name(),
        "ended": participant.ended,
        "attempts": participant.attempts,
        "error": participant.error,
    });
    match &participant.kind {
        Kind::Keys(_) => {}
        // What stands behind the question mark may be a secret.
        Kind::Http { url, .. } => told["url"] = url.split('?').next().unwrap_or_default().into(),
        Kind::Postgres { database, .. } => told["database"] = database.as_str().into(),
    }
    told
}
