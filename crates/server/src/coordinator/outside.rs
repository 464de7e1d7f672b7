//! Participants of all sorts, as the driver sees them: prepare, pre-commit, commit, abort.

use super::callback::{self, Failure};
use super::counters::Counters;
use super::postgres::Part;
use super::store::Store;
use super::{TxSettings, now_ms};
use crate::tls::Trust;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use synod_coordinator::{Kind, Participant, Phase, Record, Target, bounds};

/// What a participant is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// All voted yes.
    PreCommit,
    /// The outcome.
    Commit,
    /// The outcome.
    Abort,
}

/// One participant of a transaction, with what is needed to reach it.
pub struct Outside {
    /// What the node may reach.
    pub settings: Arc<TxSettings>,
    /// Which certificates are believed.
    pub trust: Arc<Trust>,
    /// Where the record is.
    pub store: Arc<Store>,
    /// What was done here.
    pub counters: Arc<Counters>,
    /// The record as the driver has it.
    pub record: Arc<Record>,
    /// The participant's place.
    pub at: usize,
}

impl Outside {
    fn participant(&self) -> &Participant {
        &self.record.participants[self.at]
    }

    /// Asks it to prepare.
    ///
    /// # Errors
    /// Its vote is no, and why.
    pub async fn prepare(&self) -> Result<(), String> {
        let _counted = self.counters.preparing();
        match &self.participant().kind {
            Kind::Keys(_) => Ok(()),
            Kind::Http { url, .. } => self.prepare_service(&self.target(url)?).await,
            Kind::Postgres { database, statements } => {
                let left = self.record.deadline_ms.saturating_sub(now_ms());
                let is_wanted = async || self.is_wanted().await;
                let part = self.part(database)?;
                let voted = part.prepare(statements, Duration::from_millis(left), is_wanted).await;
                self.counters.called(false, voted.is_ok());
                voted
            }
        }
    }

    /// Whether it is still being prepared, by this driver.
    async fn is_wanted(&self) -> bool {
        match self.store.read(&self.record.id).await {
            Ok(Some(now)) => now.phase == Phase::Preparing && now.token == self.record.token,
            _ => false,
        }
    }

    /// A service that does not answer is asked again until the deadline.
    async fn prepare_service(&self, target: &Target) -> Result<(), String> {
        let body = self.body("prepare");
        let mut attempts = 0;
        loop {
            let answer = callback::post(&self.trust, target, &body).await;
            self.counters.called(attempts > 0, matches!(answer, Ok(200..=299)));
            let why = match answer {
                Ok(200..=299) => return Ok(()),
                Ok(status @ (408 | 425 | 429 | 500..=599)) => format!("status {status}"),
                Ok(status) => return Err(format!("it answered {status} to prepare")),
                Err(Failure::Distrust(why)) => return Err(why),
                Err(Failure::NoAnswer(why)) => why,
            };
            attempts += 1;
            let wait_ms = bounds::backoff_ms(attempts);
            if now_ms() + wait_ms >= self.record.deadline_ms {
                return Err(format!("it did not prepare before the deadline: {why}"));
            }
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
    }

    /// Tells it something, once.
    ///
    /// # Errors
    /// It did not acknowledge.
    pub async fn tell(&self, word: Word) -> Result<(), String> {
        let told = self.tell_once(word).await;
        let kind = &self.participant().kind;
        let is_told = match word {
            Word::PreCommit => matches!(kind, Kind::Http { .. }),
            Word::Commit | Word::Abort => !matches!(kind, Kind::Keys(_)),
        };
        if is_told {
            self.counters.called(self.participant().attempts > 0, told.is_ok());
        }
        told
    }

    async fn tell_once(&self, word: Word) -> Result<(), String> {
        match (&self.participant().kind, word) {
            (Kind::Keys(_), _) | (Kind::Postgres { .. }, Word::PreCommit) => Ok(()),
            (Kind::Postgres { database, .. }, Word::Commit) => self.part(database)?.commit().await,
            (Kind::Postgres { database, .. }, Word::Abort) => self.part(database)?.abort().await,
            (Kind::Http { url, .. }, word) => {
                let body = self.body(match word {
                    Word::PreCommit => "pre-commit",
                    Word::Commit => "commit",
                    Word::Abort => "abort",
                });
                match callback::post(&self.trust, &self.target(url)?, &body).await {
                    Ok(200..=299) => Ok(()),
                    Ok(status) => Err(format!("status {status}")),
                    Err(why) => Err(why.to_string()),
                }
            }
        }
    }

    fn body(&self, action: &str) -> String {
        let data = match &self.participant().kind {
            Kind::Http { data, .. } => data,
            _ => &serde_json::Value::Null,
        };
        json!({
            "transaction": self.record.id,
            "participant": self.participant().name,
            "action": action,
            "token": self.record.token,
            "deadline_ms": self.record.deadline_ms,
            "data": data,
        })
        .to_string()
    }

    fn target(&self, url: &str) -> Result<Target, String> {
        let target = Target::parse(url)?;
        match self.settings.callbacks.allows(&target) {
            true => Ok(target),
            false => Err("this node may not call it (--tx-callbacks)".to_owned()),
        }
    }

    fn part(&self, database: &str) -> Result<Part<'_>, String> {
        let known = self.settings.databases.get(database);
        let known = known.ok_or("this node does not know the database (--tx-databases)")?;
        Ok(Part { database: known, trust: &self.trust, id: &self.record.id, at: self.at })
    }
}

/// Whether this node can reach all that take part.
pub fn reaches(settings: &TxSettings, record: &Record) -> bool {
    record.participants.iter().filter(|one| !one.ended).all(|one| match &one.kind {
        Kind::Keys(_) => true,
        Kind::Http { url, .. } => {
            Target::parse(url).is_ok_and(|target| settings.callbacks.allows(&target))
        }
        Kind::Postgres { database, .. } => settings.databases.contains_key(database),
    })
}
