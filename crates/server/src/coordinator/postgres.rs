//! PostgreSQL databases: `PREPARE TRANSACTION`, `COMMIT PREPARED`, `ROLLBACK PREPARED`.
//!
//! A prepared transaction is found again by its name, which follows from the transaction and the participant. What a driver that
//! was lost may still do is fenced off in the database itself: each session carries the participant in its application name, and
//! looks at the record once it is connected. Who aborts has decided before, ends all sessions of that name, and then
//! rolls back what is prepared. So a session that comes later finds the decision, and one that came earlier is gone.

use super::encrypted::Encrypted;
use super::settings::ConnectionString;
use crate::tls::Trust;
use std::time::Duration;
use synod_coordinator::{Statement, bounds};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

/// How often the end of a session is looked for while one waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A part of a transaction in a database.
pub struct Part<'a> {
    /// How to connect.
    pub database: &'a ConnectionString,
    /// Which certificates are believed.
    pub trust: &'a Trust,
    /// The transaction.
    pub id: &'a str,
    /// The participant's place in it.
    pub at: usize,
}

/// Why something failed, in PostgreSQL's words where it has some.
fn text(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(told) => format!("{} (SQLSTATE {})", told.message(), told.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

/// Does a step, which may take so long.
async fn within<T>(
    patience: Duration,
    step: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    match tokio::time::timeout(patience, step).await {
        Ok(result) => result,
        Err(_) => Err(format!("no answer within {} ms", patience.as_millis())),
    }
}

async fn connect(
    database: &ConnectionString,
    trust: &Trust,
    application: &str,
) -> Result<Client, String> {
    let config = database.named(application);
    let tls = Encrypted::new(trust, database.is_verified())?;
    let patience = Duration::from_millis(bounds::ATTEMPT_MS_MAX);
    let (client, connection) =
        within(patience, async { config.connect(tls).await.map_err(|error| text(&error)) }).await?;
    // It ends when the client is dropped; its error is the client's, too.
    tokio::spawn(async move {
        let _told_to_the_client = connection.await;
    });
    Ok(client)
}

async fn can_prepare(client: &Client) -> Result<(), String> {
    let row = client.query_one("SHOW max_prepared_transactions", &[]).await;
    let most: String = row.map_err(|error| text(&error))?.get(0);
    match &*most {
        "0" => {
            Err("the database prepares no transactions: its max_prepared_transactions is 0"
                .to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether a database is there and prepares transactions.
///
/// # Errors
/// Why not.
pub async fn check(database: &ConnectionString, trust: &Trust) -> Result<(), String> {
    let patience = Duration::from_millis(bounds::ATTEMPT_MS_MAX);
    let client = connect(database, trust, "synod").await?;
    within(patience, can_prepare(&client)).await
}

impl Part<'_> {
    /// The name of the prepared transaction: nothing in it has to be quoted.
    fn gid(&self) -> String {
        format!("synod:{}:{}", self.id, self.at)
    }

    /// Runs the statements and prepares. `is_wanted` looks at the record.
    ///
    /// # Errors
    /// Why the vote is no. It may be prepared all the same.
    pub async fn prepare(
        &self,
        statements: &[Statement],
        patience: Duration,
        is_wanted: impl AsyncFnOnce() -> bool,
    ) -> Result<(), String> {
        let client = connect(self.database, self.trust, &self.gid()).await?;
        within(patience, self.prepare_on(&client, statements, patience, is_wanted)).await
    }

    async fn prepare_on(
        &self,
        client: &Client,
        statements: &[Statement],
        patience: Duration,
        is_wanted: impl AsyncFnOnce() -> bool,
    ) -> Result<(), String> {
        let run = async |sql: &str| client.batch_execute(sql).await.map_err(|error| text(&error));
        can_prepare(client).await?;
        let ms = patience.as_millis().max(1);
        run(&format!(
            "SET statement_timeout = {ms}; SET idle_in_transaction_session_timeout = {ms}"
        ))
        .await?;
        run("BEGIN").await?;
        if !is_wanted().await {
            return Err("it was decided meanwhile".to_owned());
        }
        for statement in statements {
            let params: Vec<(&(dyn ToSql + Sync), Type)> = statement
                .params
                .iter()
                .map(|text| (text as &(dyn ToSql + Sync), Type::TEXT))
                .collect();
            let rows = client
                .execute_typed(&statement.sql, &params)
                .await
                .map_err(|error| text(&error))?;
            if statement.rows.is_some_and(|wanted| wanted != rows) {
                return Err(format!(
                    "{rows} rows instead of {}",
                    statement.rows.unwrap_or_default()
                ));
            }
        }
        run(&format!("PREPARE TRANSACTION '{}'", self.gid())).await?;
        // After a statement that ended the transaction, PREPARE TRANSACTION prepares nothing and is no error.
        match self.is_prepared(client).await? {
            true => Ok(()),
            false => Err("the statements ended the transaction".to_owned()),
        }
    }

    async fn is_prepared(&self, client: &Client) -> Result<bool, String> {
        let sql =
            "SELECT 1 FROM pg_prepared_xacts WHERE gid = $1 AND database = current_database()";
        let rows = client.query_typed(sql, &[(&self.gid(), Type::TEXT)]).await;
        rows.map(|rows| !rows.is_empty()).map_err(|error| text(&error))
    }

    /// Commits what is prepared. If nothing is, it was committed before.
    ///
    /// # Errors
    /// It is to be tried again.
    pub async fn commit(&self) -> Result<(), String> {
        self.end("COMMIT PREPARED", false).await
    }

    /// Ends the sessions of others that are about to prepare, and rolls back what is prepared.
    ///
    /// # Errors
    /// It is to be tried again.
    pub async fn abort(&self) -> Result<(), String> {
        self.end("ROLLBACK PREPARED", true).await
    }

    async fn end(&self, how: &str, fence: bool) -> Result<(), String> {
        let client = connect(self.database, self.trust, "synod").await?;
        let ending = async {
            if fence {
                self.end_sessions(&client).await?;
            }
            if self.is_prepared(&client).await? {
                let sql = format!("{how} '{}'", self.gid());
                client.batch_execute(&sql).await.map_err(|error| text(&error))?;
            }
            Ok(())
        };
        within(Duration::from_millis(bounds::ATTEMPT_MS_MAX), ending).await
    }

    async fn end_sessions(&self, client: &Client) -> Result<(), String> {
        let sql =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
        loop {
            let rows = client.query_typed(sql, &[(&self.gid(), Type::TEXT)]).await;
            if rows.map_err(|error| text(&error))?.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
