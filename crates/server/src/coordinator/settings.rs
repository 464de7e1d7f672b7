//! What the operator lets the coordinator reach. Without it the coordinator is off.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use synod_coordinator::{Allowed, bounds};

/// The most databases that a node knows.
const DATABASES_MAX: usize = 64;

/// How PostgreSQL calls it when the database has to show a certificate of a CA in the name of its host.
const VERIFY_FULL: &str = "sslmode=verify-full";

/// How to connect to a database; it holds a password, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    config: tokio_postgres::Config,
    is_verified: bool,
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionString(..)")
    }
}

impl FromStr for ConnectionString {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The client library knows `disable`, `prefer` and `require`. What it can read says nothing else.
        let (parsed, is_verified) = match text.parse::<tokio_postgres::Config>() {
            Err(_) if text.matches(VERIFY_FULL).count() == 1 => {
                (text.replace(VERIFY_FULL, "sslmode=require").parse(), true)
            }
            parsed => (parsed, false),
        };
        let mut config = parsed.map_err(|_| {
            // The reason may repeat the password.
            "a database's connection string is not one of PostgreSQL's, or its sslmode is none of disable, prefer, require and \
             verify-full"
                .to_owned()
        })?;
        if config.get_hosts().is_empty() {
            return Err("a database's connection string names no host".to_owned());
        }
        config.connect_timeout(Duration::from_millis(bounds::ATTEMPT_MS_MAX));
        config.tcp_user_timeout(Duration::from_millis(bounds::ATTEMPT_MS_MAX));
        Ok(Self { config, is_verified })
    }
}

impl ConnectionString {
    /// What the client library connects with, under a name that the database shows.
    pub fn named(&self, application: &str) -> tokio_postgres::Config {
        let mut config = self.config.clone();
        config.application_name(application);
        config
    }

    /// Whether the database has to show who it is.
    pub fn is_verified(&self) -> bool {
        self.is_verified
    }
}

/// See the module's page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxSettings {
    /// The services that may be called.
    pub callbacks: Allowed,
    /// The databases that may take part, by the names under which clients know them.
    pub databases: BTreeMap<String, ConnectionString>,
    /// The file that named them.
    pub databases_file: Option<PathBuf>,
    /// The CAs that those have to be signed by who are reached with TLS; without it those of the system.
    pub ca_file: Option<PathBuf>,
}

impl TxSettings {
    /// Whether this node coordinates transactions.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.callbacks.is_empty() || !self.databases.is_empty()
    }

    /// Takes the databases over.
    ///
    /// # Errors
    /// A name or a connection string that is none; it is not repeated.
    pub fn with_databases(
        mut self,
        strings: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        for (name, text) in strings {
            let plain =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            if !(1..=bounds::NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(plain) {
                return Err(format!(
                    "`{name}` is no name for a database: it has letters, digits, `-`, `_` and `.`"
                ));
            }
            let string = text.parse().map_err(|why| format!("database `{name}`: {why}"))?;
            self.databases.insert(name, string);
        }
        if self.databases.len() > DATABASES_MAX {
            return Err(format!("more than {DATABASES_MAX} databases"));
        }
        Ok(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_of_tls_is_what_the_string_says() {
        use tokio_postgres::config::SslMode;
        for (text, mode, is_verified) in [
            ("host=h", SslMode::Prefer, false),
            ("host=h sslmode=disable", SslMode::Disable, false),
            ("host=h sslmode=require", SslMode::Require, false),
            ("sslmode=verify-full host=h", SslMode::Require, true),
            ("postgres://u:p@h/d?sslmode=verify-full&connect_timeout=2", SslMode::Require, true),
            ("host=h password='a sslmode=verify-full'", SslMode::Prefer, false),
        ] {
            let read: ConnectionString = text.parse().unwrap();
            let config = read.named("x");
            assert_eq!((config.get_ssl_mode(), read.is_verified()), (mode, is_verified), "{text}");
        }
        let password = "host=h password='a sslmode=verify-full'".parse::<ConnectionString>();
        let config = password.unwrap().named("x");
        assert_eq!(config.get_password(), Some(&b"a sslmode=verify-full"[..]));
    }

    #[test]
    fn passwords_are_in_no_message() {
        let with = |text: &str| {
            let all = [("bank".to_owned(), text.to_owned())];
            TxSettings::default().with_databases(all)
        };
        let good = with("host=h user=u password=s3cret").unwrap();
        assert!(good.is_on() && !format!("{good:?}").contains("s3cret"));
        for bad in [
            "host=h password=s3cret sslmode=verify-ca",
            "host=h password=s3cret sslmode=verify-full sslmode=verify-full",
            "password=s3cret",
            "postgres://u:s3cret@h/d?nothing=known",
            "s3cret",
        ] {
            let refused = with(bad).unwrap_err().to_string();
            assert!(
                refused.contains("database `bank`") && !refused.contains("s3cret"),
                "{refused}"
            );
        }
        assert!(
            TxSettings::default()
                .with_databases([("a b".to_owned(), "host=h".to_owned())])
                .is_err()
        );
        assert!(!TxSettings::default().is_on());
    }
}
