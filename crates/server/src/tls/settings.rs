//! What the operator says about TLS, under Redis's names where Redis has them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The name of a cluster in the certificates of its nodes, where nobody gave it another.
pub const CLUSTER_NAME: &str = "synod.internal";

/// Whether clients have to show a certificate that the CA has signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthClients {
    /// They have to.
    #[default]
    Yes,
    /// They need none, and one that they show is not looked at.
    No,
    /// They need none; one that they show has to be good.
    Optional,
}

impl AuthClients {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Yes, Self::No, Self::Optional];

    /// As settings spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Optional => "optional",
        }
    }
}

impl FromStr for AuthClients {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|choice| text.eq_ignore_ascii_case(choice.as_str()));
        known
            .ok_or_else(|| "argument(s) must be one of the following: yes, no, optional".to_owned())
    }
}

/// Which field of a client's certificate names its user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthUser {
    /// None.
    #[default]
    Off,
    /// The common name.
    CommonName,
}

impl AuthUser {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Off, Self::CommonName];

    /// As settings spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::CommonName => "CN",
        }
    }
}

impl FromStr for AuthUser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|choice| text.eq_ignore_ascii_case(choice.as_str()));
        known.ok_or_else(|| "argument(s) must be one of the following: CN, off".to_owned())
    }
}

impl fmt::Display for AuthClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for AuthUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Where Redis's clients connect with TLS, on the address of `--listen`. If it is that port itself nobody connects without.
    pub port: Option<u16>,
    /// The certificate of this node, and those that lead from it to the CA.
    pub cert_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
    /// The CA that signs clients and nodes.
    pub ca_cert_file: Option<PathBuf>,
    /// Whether clients need a certificate.
    pub auth_clients: AuthClients,
    /// What of it names their user.
    pub auth_user: AuthUser,
    /// Whether nodes speak TLS with each other.
    pub cluster: bool,
    /// What the cluster is called in the certificates of its nodes.
    pub cluster_name: String,
    /// Whether the HTTP side speaks TLS only.
    pub http: bool,
    /// Whether ZooKeeper's port speaks TLS only.
    pub zookeeper: bool,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            port: None,
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            ca_cert_file: None,
            auth_clients: AuthClients::default(),
            auth_user: AuthUser::default(),
            cluster: false,
            cluster_name: CLUSTER_NAME.to_owned(),
            http: false,
            zookeeper: false,
        }
    }
}

/// What CONFIG SET changes while the node runs.
pub const CHANGEABLE: [&str; 5] = [
    "tls-cert-file",
    "tls-key-file",
    "tls-ca-cert-file",
    "tls-auth-clients",
    "tls-auth-clients-user",
];

impl TlsSettings {
    /// Whether some door speaks TLS.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.port.is_some() || self.cluster || self.http || self.zookeeper
    }

    /// Whether nobody gets in where TLS is spoken without a certificate of the CA.
    #[must_use]
    pub fn demands_certificates(&self) -> bool {
        self.auth_clients == AuthClients::Yes
    }

    /// Whether something is missing.
    ///
    /// # Errors
    /// What, in words for the operator.
    pub fn validate(&self) -> Result<(), String> {
        if !self.is_used() {
            return Ok(());
        }
        let missing = |what: &str| Err(format!("TLS needs {what}"));
        if self.cert_file.as_os_str().is_empty() {
            return missing("a certificate: --tls-cert-file");
        }
        if self.key_file.as_os_str().is_empty() {
            return missing("the key of its certificate: --tls-key-file");
        }
        if self.ca_cert_file.is_none() && self.cluster {
            return missing(
                "the CA that signs the nodes' certificates for --tls-cluster: --tls-ca-cert-file",
            );
        }
        if self.ca_cert_file.is_none() && self.auth_clients != AuthClients::No {
            return missing(
                "the CA that signs clients' certificates: --tls-ca-cert-file, or --tls-auth-clients no to ask for none",
            );
        }
        if self.cluster
            && super::names::server_name(&format!("node-1.{}", self.cluster_name)).is_err()
        {
            return Err(format!(
                "--tls-cluster-name {}: expected what may stand in a domain name",
                self.cluster_name
            ));
        }
        Ok(())
    }

    /// Sets one of [`CHANGEABLE`].
    ///
    /// # Errors
    /// Redis's words for what is wrong with the value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "tls-cert-file" => self.cert_file = value.into(),
            "tls-key-file" => self.key_file = value.into(),
            "tls-ca-cert-file" => {
                self.ca_cert_file =
                    Some(value).filter(|value| !value.is_empty()).map(PathBuf::from);
            }
            "tls-auth-clients" => self.auth_clients = value.parse()?,
            "tls-auth-clients-user" => self.auth_user = value.parse()?,
            _ => return Err("can't set immutable config".to_owned()),
        }
        Ok(())
    }

    /// All of it as CONFIG GET tells it.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, String)> {
        let path = |path: &PathBuf| path.display().to_string();
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        [
            ("tls-port", self.port.unwrap_or(0).to_string()),
            ("tls-cert-file", path(&self.cert_file)),
            ("tls-key-file", path(&self.key_file)),
            ("tls-ca-cert-file", self.ca_cert_file.as_ref().map(path).unwrap_or_default()),
            ("tls-auth-clients", self.auth_clients.to_string()),
            ("tls-auth-clients-user", self.auth_user.to_string()),
            ("tls-cluster", yes(self.cluster)),
            ("tls-cluster-name", self.cluster_name.clone()),
            ("tls-http", yes(self.http)),
            ("tls-zookeeper", yes(self.zookeeper)),
        ]
        .into_iter()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let whole = TlsSettings {
            port: Some(6380),
            cert_file: "c".into(),
            key_file: "k".into(),
            ca_cert_file: Some("ca".into()),
            cluster: true,
            ..TlsSettings::default()
        };
        assert_eq!(whole.validate(), Ok(()));
        assert_eq!(TlsSettings::default().validate(), Ok(()), "it is not used");
        type Change = fn(&mut TlsSettings);
        let cases: [(Change, &str); 5] = [
            (|t| t.cert_file = PathBuf::new(), "--tls-cert-file"),
            (|t| t.key_file = PathBuf::new(), "--tls-key-file"),
            (|t| t.ca_cert_file = None, "--tls-ca-cert-file"),
            (|t| (t.ca_cert_file, t.cluster) = (None, false), "--tls-auth-clients no"),
            (|t| t.cluster_name = "a b".into(), "a b"),
        ];
        for (spoil, reason) in cases {
            let mut settings = whole.clone();
            spoil(&mut settings);
            let error = settings.validate().unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let open = TlsSettings {
            auth_clients: AuthClients::No,
            ca_cert_file: None,
            cluster: false,
            ..whole
        };
        assert_eq!(open.validate(), Ok(()));
    }

    #[test]
    fn what_changes_is_what_is_told() {
        let mut settings = TlsSettings::default();
        let values = ["a", "b", "c", "optional", "CN"];
        for (name, value) in CHANGEABLE.into_iter().zip(values) {
            assert_eq!(settings.set(name, value), Ok(()));
            assert!(settings.all().any(|(told, now)| told == name && now == value), "{name}");
        }
        assert!(settings.set("tls-auth-clients", "perhaps").is_err());
        assert!(settings.set("tls-port", "1").is_err());
    }
}
