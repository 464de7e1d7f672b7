//! Who drives a transaction: takes it, does what its record says, and stores what came of it, step by step.

use super::counters::Counters;
use super::outside::{Outside, Word, reaches};
use super::store::{Store, Stored, Trouble};
use super::{TxSettings, now_ms};
use crate::tls::Trust;
use std::sync::Arc;
use std::time::Duration;
use synod_coordinator::{Command, Duty, Kind, Phase, Record, Refusal, bounds};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How often a driver renews its lease, and sees whether somebody aborted, while participants prepare.
const RENEW_EVERY: Duration = Duration::from_millis(1_000);
/// How often a decision whose fate is unknown is tried again, and after what time.
const DECIDE_TRIES: usize = 5;
const DECIDE_AGAIN: Duration = Duration::from_millis(200);

/// What drivers share.
pub struct Drivers {
    /// What this node may reach.
    pub settings: Arc<TxSettings>,
    /// Which certificates are believed.
    pub trust: Arc<Trust>,
    /// The records.
    pub store: Arc<Store>,
    /// What was done here.
    pub counters: Arc<Counters>,
    /// This node.
    pub node: u64,
    /// Who may prepare at a time; so that others may always be told how it ended.
    pub preparing: Semaphore,
}

/// A record that this node drives, as it is stored.
struct Driven<'a> {
    drivers: &'a Drivers,
    record: Record,
}

impl Drivers {
    /// Drives a transaction as far as it goes now.
    ///
    /// # Errors
    /// The cluster did not answer; whoever looks at it when the lease is over goes on.
    pub async fn drive(&self, id: &str) -> Result<(), Trouble> {
        let Some(record) = self.store.read(id).await? else { return Ok(()) };
        let now = now_ms();
        if record.duty(now) == Duty::Forget {
            return self.store.forget(&record).await;
        }
        let is_late = record.phase == Phase::Open && now >= record.deadline_ms;
        if !reaches(&self.settings, &record) || (record.duty(now) == Duty::Wait && !is_late) {
            return Ok(());
        }
        let Some(mut driven) = self.claim(record).await? else { return Ok(()) };
        while driven.step().await? {}
        Ok(())
    }

    async fn claim(&self, mut record: Record) -> Result<Option<Driven<'_>>, Trouble> {
        let before = record.clone();
        match record.claim(self.node, now_ms()) {
            Ok(()) => {}
            Err(_) => return Ok(None),
        }
        match self.store.write(before.version, &record, now_ms()).await? {
            Stored::Done => {
                self.counters.stepped(&before, &record);
                Ok(Some(Driven { drivers: self, record }))
            }
            _ => Ok(None),
        }
    }
}

impl Driven<'_> {
    /// Does the next thing; `false`: there is nothing to do here, now.
    async fn step(&mut self) -> Result<bool, Trouble> {
        match self.record.duty(now_ms()) {
            Duty::Prepare(all) => self.prepare(&all).await,
            Duty::PreCommit(all) => self.pre_commit(&all).await,
            Duty::Commit(all) => self.tell_outcome(&all, Word::Commit).await,
            Duty::Abort(all) => self.tell_outcome(&all, Word::Abort).await,
            Duty::Wait | Duty::Forget => Ok(false),
        }
    }

    /// Stores a step; `false`: another driver has the transaction now. If a client's step came first, nothing is stored and the
    /// record is as it is now.
    async fn store(
        &mut self,
        change: impl Fn(&mut Record) -> Result<(), Refusal>,
    ) -> Result<bool, Trouble> {
        let mut next = self.record.clone();
        if change(&mut next).is_err() {
            return self.reload().await;
        }
        match self.drivers.store.write(self.record.version, &next, now_ms()).await? {
            Stored::Done => {
                self.drivers.counters.stepped(&self.record, &next);
                self.record = next;
                Ok(true)
            }
            _ => self.reload().await,
        }
    }

    async fn reload(&mut self) -> Result<bool, Trouble> {
        let token = self.record.token;
        match self.drivers.store.read(&self.record.id).await? {
            Some(record) if record.token == token => {
                self.record = record;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn outside(&self, at: usize) -> Outside {
        Outside {
            settings: Arc::clone(&self.drivers.settings),
            trust: Arc::clone(&self.drivers.trust),
            store: Arc::clone(&self.drivers.store),
            counters: Arc::clone(&self.drivers.counters),
            record: Arc::new(self.record.clone()),
            at,
        }
    }

    async fn abort(&mut self, why: &str) -> Result<bool, Trouble> {
        self.store(|record| record.abort(why, now_ms()).map(drop)).await
    }

    async fn prepare(&mut self, all: &[usize]) -> Result<bool, Trouble> {
        let Ok(_place) = self.drivers.preparing.try_acquire() else {
            return self.abort("this node prepares as many transactions as it may").await;
        };
        let mut asked = JoinSet::new();
        for at in all {
            let outside = self.outside(*at);
            let name = self.record.participants[*at].name.clone();
            asked.spawn(
                async move { outside.prepare().await.map_err(|why| format!("{name}: {why}")) },
            );
        }
        let mut renewal = tokio::time::interval(RENEW_EVERY);
        renewal.tick().await;
        loop {
            let left = self.record.deadline_ms.saturating_sub(now_ms());
            tokio::select! {
                vote = asked.join_next() => match vote {
                    None => return self.decide().await,
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(why))) => return self.abort(&why).await,
                    Some(Err(_)) => return self.abort("a participant could not be asked").await,
                },
                () = tokio::time::sleep(Duration::from_millis(left)) => {
                    return self.abort("the deadline is over").await;
                }
                _ = renewal.tick() => {
                    let is_mine = self.store(|record| { record.renew(now_ms()); Ok(()) }).await?;
                    if !is_mine || self.record.phase != Phase::Preparing {
                        return Ok(is_mine);
                    }
                }
            }
        }
    }

    /// All voted yes.
    async fn decide(&mut self) -> Result<bool, Trouble> {
        let mut next = self.record.clone();
        if next.decide_commit().is_err() {
            return self.reload().await;
        }
        let commands: Vec<Command> =
            self.record.participants.iter().fold(Vec::new(), |mut all, one| {
                if let Kind::Keys(commands) = &one.kind {
                    all.extend(commands.iter().cloned());
                }
                all
            });
        if let Err(why) = self.may_run(&commands).await? {
            return self.abort(&why).await;
        }
        let mut tries = 0;
        loop {
            let store = &self.drivers.store;
            match store.decide(self.record.version, &next, &commands, now_ms()).await {
                Ok(Stored::Done) => {
                    self.drivers.counters.stepped(&self.record, &next);
                    self.record = next;
                    return Ok(true);
                }
                Ok(Stored::Refused(why)) => return self.abort(&why).await,
                Ok(Stored::Changed | Stored::Full(_)) => return self.reload().await,
                Err(trouble) if tries == DECIDE_TRIES => return Err(trouble),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(DECIDE_AGAIN).await;
        }
    }

    /// Whether the user whose transaction it is may run its commands, as of now.
    async fn may_run(&self, commands: &[Command]) -> Result<Result<(), String>, Trouble> {
        for command in commands {
            let words: Vec<&[u8]> = command.words.iter().map(|word| word.as_bytes()).collect();
            if let Err(why) = self.drivers.store.may(&self.record.user, &words).await? {
                return Ok(Err(why));
            }
        }
        Ok(Ok(()))
    }

    async fn tell(&self, all: &[usize], word: Word) -> Vec<(usize, Result<(), String>)> {
        let mut told = JoinSet::new();
        for at in all {
            let (at, outside) = (*at, self.outside(*at));
            told.spawn(async move { (at, outside.tell(word).await) });
        }
        told.join_all().await
    }

    async fn pre_commit(&mut self, all: &[usize]) -> Result<bool, Trouble> {
        let answers = self.tell(all, Word::PreCommit).await;
        let heard: Vec<usize> =
            answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(at, _)| *at).collect();
        let stored = self
            .store(|record| {
                record.renew(now_ms());
                record.pre_committed(&heard, now_ms());
                Ok(())
            })
            .await?;
        if stored && self.record.phase == Phase::PreCommitted {
            tokio::time::sleep(Duration::from_millis(bounds::BACKOFF_MS_MIN)).await;
        }
        Ok(stored)
    }

    async fn tell_outcome(&mut self, all: &[usize], word: Word) -> Result<bool, Trouble> {
        let answers = self.tell(all, word).await;
        for (at, answer) in &answers {
            if let Err(why) = answer {
                let name = &self.record.participants[*at].name;
                tracing::debug!(transaction = %self.record.id, participant = %name, %why, "told in vain");
            }
        }
        // Whoever finds it due tells the rest.
        self.store(|record| {
            record.told(&answers, now_ms());
            record.release();
            Ok(())
        })
        .await?;
        Ok(false)
    }
}
