//! The record of a transaction and its steps.

use crate::bounds::{self, ERROR_BYTES_MAX, LEASE_MS, PARTICIPANTS_MAX, REMEMBERED_MS, backoff_ms};
use crate::participant::{Kind, Participant};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How the transaction is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// Prepare, then the decision.
    #[default]
    #[serde(rename = "2pc")]
    TwoPhase,
    /// Prepare, pre-commit, then the decision.
    #[serde(rename = "3pc")]
    ThreePhase,
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Participants may be enlisted.
    Open,
    /// Participants are asked to prepare. Nothing is decided.
    Preparing,
    /// All voted yes, which is replicated: it will be committed.
    PreCommitted,
    /// Decided.
    Committed,
    /// Decided.
    Aborted,
}

impl Phase {
    /// Whether the outcome can change no more.
    #[must_use]
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::PreCommitted | Self::Committed | Self::Aborted)
    }
}

/// A step that the state of the transaction does not allow; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is aborted, and why.
    #[error("the transaction is aborted: {0}")]
    Aborted(String),
    /// It is committed, or will be.
    #[error("the transaction is committed")]
    Committed,
    /// It is being decided.
    #[error("the transaction is being prepared; no participant can be enlisted any more")]
    Preparing,
    /// The same name with something else to do.
    #[error("a participant `{0}` is enlisted already, with something else to do")]
    Taken(String),
    /// One more than there may be.
    #[error("a transaction has {PARTICIPANTS_MAX} participants at most")]
    TooMany,
    /// Its JSON would be longer than it may be.
    #[error("the transaction would have more than {} bytes", bounds::RECORD_BYTES_MAX)]
    TooLong,
    /// There is nothing to commit.
    #[error("the transaction has no participants")]
    Nobody,
    /// There is none of this name.
    #[error("the transaction has no participant `{0}`")]
    Unknown(String),
    /// An operator may end a participant's part only once the outcome is known.
    #[error("the transaction is not decided; abort it first")]
    Undecided,
    /// Somebody else drives it.
    #[error("another node drives the transaction")]
    Driven,
}

/// What a driver has to do next; numbers are places in `participants`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Nothing before the deadline.
    Wait,
    /// Ask these to prepare, then decide.
    Prepare(Vec<usize>),
    /// Tell these that all voted yes, then commit.
    PreCommit(Vec<usize>),
    /// Tell these to commit.
    Commit(Vec<usize>),
    /// Tell these to abort.
    Abort(Vec<usize>),
    /// It is remembered for long enough.
    Forget,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its name.
    pub id: String,
    /// Grows with every change; 1 at first.
    pub version: u64,
    /// The fencing token: grows whenever a node takes the transaction to drive it.
    pub token: u64,
    /// The node that drives it; 0: none.
    pub driver: u64,
    /// Until when no other node takes it, in milliseconds of the wall clock. Nothing but time depends on it.
    pub lease_until_ms: u64,
    /// Whose rights it has.
    pub user: String,
    /// How it is committed.
    pub protocol: Protocol,
    /// How far it is.
    pub phase: Phase,
    /// When it began, in milliseconds of the wall clock.
    pub began_ms: u64,
    /// When it is aborted unless it is decided.
    pub deadline_ms: u64,
    /// Why it was aborted.
    pub why: Option<String>,
    /// In the order in which they were enlisted.
    pub participants: Vec<Participant>,
    /// When all participants had acknowledged the outcome.
    pub ended_ms: Option<u64>,
}

impl Record {
    /// A transaction that begins.
    #[must_use]
    pub fn begin(
        id: String,
        user: String,
        protocol: Protocol,
        now_ms: u64,
        deadline_in_ms: u64,
    ) -> Self {
        Self {
            id,
            version: 1,
            token: 0,
            driver: 0,
            lease_until_ms: 0,
            user,
            protocol,
            phase: Phase::Open,
            began_ms: now_ms,
            deadline_ms: now_ms + deadline_in_ms,
            why: None,
            participants: Vec::new(),
            ended_ms: None,
        }
    }

    /// Adds a participant; `false`: it is there already, the same.
    ///
    /// # Errors
    /// The transaction takes no more, or not this one; nothing has changed.
    pub fn enlist(&mut self, newcomer: Participant) -> Result<bool, Refusal> {
        if let Some(known) = self.participants.iter().find(|known| known.name == newcomer.name) {
            let same = known.kind == newcomer.kind;
            return if same { Ok(false) } else { Err(Refusal::Taken(newcomer.name)) };
        }
        match self.phase {
            Phase::Open if self.participants.len() == PARTICIPANTS_MAX => Err(Refusal::TooMany),
            Phase::Open => {
                self.participants.push(newcomer);
                if self.bytes() > bounds::RECORD_BYTES_MAX {
                    self.participants.pop();
                    return Err(Refusal::TooLong);
                }
                self.version += 1;
                Ok(true)
            }
            Phase::Preparing => Err(Refusal::Preparing),
            _ => Err(self.over()),
        }
    }

    fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(usize::MAX, |text| text.len())
    }

    fn over(&self) -> Refusal {
        match self.phase {
            Phase::Aborted => Refusal::Aborted(self.why.clone().unwrap_or_default()),
            _ => Refusal::Committed,
        }
    }

    /// The client wants it committed; `false`: that is known already.
    ///
    /// # Errors
    /// It is aborted, or there is nobody to ask.
    pub fn ask_commit(&mut self) -> Result<bool, Refusal> {
        match self.phase {
            Phase::Open if self.participants.is_empty() => Err(Refusal::Nobody),
            Phase::Open => {
                self.phase = Phase::Preparing;
                self.version += 1;
                Ok(true)
            }
            Phase::Aborted => Err(self.over()),
            Phase::Preparing | Phase::PreCommitted | Phase::Committed => Ok(false),
        }
    }

    /// Decides that it is aborted; `false`: it is already.
    ///
    /// # Errors
    /// It is committed.
    pub fn abort(&mut self, why: &str, now_ms: u64) -> Result<bool, Refusal> {
        match self.phase {
            Phase::Aborted => Ok(false),
            Phase::PreCommitted | Phase::Committed => Err(Refusal::Committed),
            Phase::Open | Phase::Preparing => {
                // Nobody hears of an open transaction; keys are written in the step that decides, and only by a commit.
                let was_open = self.phase == Phase::Open;
                self.phase = Phase::Aborted;
                self.why = Some(cut(why));
                self.end_where(|kind| was_open || matches!(kind, Kind::Keys(_)));
                self.end_if_all_have(now_ms);
                self.version += 1;
                Ok(true)
            }
        }
    }

    /// A node takes the transaction to drive it. What is found undecided with a driver that was lost is aborted, and so is what
    /// is past its deadline.
    ///
    /// # Errors
    /// Another node drives it.
    pub fn claim(&mut self, node: u64, now_ms: u64) -> Result<(), Refusal> {
        if self.driver != 0 && now_ms < self.lease_until_ms {
            return Err(Refusal::Driven);
        }
        let lost = self.driver;
        self.token += 1;
        self.driver = node;
        self.lease_until_ms = now_ms + LEASE_MS;
        self.version += 1;
        if self.phase == Phase::Preparing && lost != 0 {
            self.abort(
                &format!("node {lost}, which drove it, was lost before it was decided"),
                now_ms,
            )?;
        } else if !self.phase.is_decided() && now_ms >= self.deadline_ms {
            self.abort("the deadline is over", now_ms)?;
        }
        Ok(())
    }

    /// The driver goes on driving.
    pub fn renew(&mut self, now_ms: u64) {
        self.lease_until_ms = now_ms + LEASE_MS;
        self.version += 1;
    }

    /// The driver stops driving: at once for whoever looks at it when it is due.
    pub fn release(&mut self) {
        self.driver = 0;
        self.lease_until_ms = 0;
        self.version += 1;
    }

    /// All voted yes. The step that stores this runs the commands over keys.
    ///
    /// # Errors
    /// It is decided already, or is not being prepared.
    pub fn decide_commit(&mut self) -> Result<(), Refusal> {
        match (self.phase, self.protocol) {
            (Phase::Preparing, Protocol::TwoPhase) => self.phase = Phase::Committed,
            (Phase::Preparing, Protocol::ThreePhase) => self.phase = Phase::PreCommitted,
            (Phase::Open, _) => return Err(Refusal::Undecided),
            _ => return Err(self.over()),
        }
        self.end_where(|kind| matches!(kind, Kind::Keys(_)));
        self.version += 1;
        Ok(())
    }

    /// Participants that acknowledged the pre-commit. Once all have, or the deadline is over, it is committed.
    pub fn pre_committed(&mut self, acknowledged: &[usize], now_ms: u64) {
        for at in acknowledged {
            if let Some(participant) = self.participants.get_mut(*at) {
                participant.pre_committed = true;
            }
        }
        if self.to_pre_commit().is_empty() || now_ms >= self.deadline_ms {
            self.phase = Phase::Committed;
        }
        self.version += 1;
    }

    /// What participants answered to the outcome.
    pub fn told(&mut self, answers: &[(usize, Result<(), String>)], now_ms: u64) {
        for (at, answer) in answers {
            let Some(participant) = self.participants.get_mut(*at) else { continue };
            match answer {
                Ok(()) => (participant.ended, participant.error) = (true, None),
                Err(why) => {
                    participant.attempts += 1;
                    participant.error = Some(cut(why));
                }
            }
        }
        self.end_if_all_have(now_ms);
        self.version += 1;
    }

    /// An operator says that a participant's part is over, as it cannot be asked.
    ///
    /// # Errors
    /// There is none of this name, or nothing is decided.
    pub fn resolve(&mut self, name: &str, now_ms: u64) -> Result<(), Refusal> {
        if !matches!(self.phase, Phase::Committed | Phase::Aborted) {
            return Err(Refusal::Undecided);
        }
        let found = self.participants.iter_mut().find(|one| one.name == name);
        found.ok_or_else(|| Refusal::Unknown(name.to_owned()))?.ended = true;
        self.end_if_all_have(now_ms);
        self.version += 1;
        Ok(())
    }

    /// What is to be done now.
    #[must_use]
    pub fn duty(&self, now_ms: u64) -> Duty {
        let left = || self.places(|one| !one.ended);
        match (self.phase, self.ended_ms) {
            (_, Some(ended)) if now_ms >= ended + REMEMBERED_MS => Duty::Forget,
            (_, Some(_)) => Duty::Wait,
            (Phase::Open, _) => Duty::Wait,
            (Phase::Preparing, _) => {
                Duty::Prepare(self.places(|one| !matches!(one.kind, Kind::Keys(_))))
            }
            (Phase::PreCommitted, _) => Duty::PreCommit(self.to_pre_commit()),
            (Phase::Committed, _) => Duty::Commit(left()),
            (Phase::Aborted, _) => Duty::Abort(left()),
        }
    }

    /// When somebody has to look at it next, in milliseconds of the wall clock.
    #[must_use]
    pub fn due_ms(&self, now_ms: u64) -> u64 {
        if let Some(ended) = self.ended_ms {
            return ended + REMEMBERED_MS;
        }
        match self.phase {
            _ if self.driver != 0 => self.lease_until_ms,
            Phase::Open => self.deadline_ms,
            // Whoever took the request drives it at once; the others come if that one is gone.
            Phase::Preparing => now_ms + LEASE_MS,
            Phase::PreCommitted | Phase::Committed | Phase::Aborted => {
                let attempts = self.participants.iter().filter(|one| !one.ended);
                let least = attempts.map(|one| one.attempts).min().unwrap_or(0);
                now_ms + if least == 0 { 0 } else { backoff_ms(least) }
            }
        }
    }

    fn to_pre_commit(&self) -> Vec<usize> {
        self.places(|one| matches!(one.kind, Kind::Http { .. }) && !one.pre_committed)
    }

    fn places(&self, wanted: impl Fn(&Participant) -> bool) -> Vec<usize> {
        let all = self.participants.iter().enumerate();
        all.filter(|(_, one)| wanted(one)).map(|(at, _)| at).collect()
    }

    fn end_where(&mut self, wanted: impl Fn(&Kind) -> bool) {
        for one in self.participants.iter_mut().filter(|one| wanted(&one.kind)) {
            one.ended = true;
        }
    }

    /// Of what has ended only the outcome is kept.
    fn end_if_all_have(&mut self, now_ms: u64) {
        if self.ended_ms.is_some() || !self.participants.iter().all(|one| one.ended) {
            return;
        }
        self.ended_ms = Some(now_ms);
        for one in &mut self.participants {
            match &mut one.kind {
                Kind::Keys(commands) => commands.clear(),
                Kind::Http { data, .. } => *data = serde_json::Value::Null,
                Kind::Postgres { statements, .. } => statements.clear(),
            }
        }
    }
}

/// What is kept of a text.
fn cut(text: &str) -> String {
    let end = (0..=text.len().min(ERROR_BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or(0)].to_owned()
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
