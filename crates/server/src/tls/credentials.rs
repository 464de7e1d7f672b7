//! The files of certificates and keys, read and checked as a whole.

use super::settings::{AuthClients, TlsSettings};
use anyhow::{Context, Result, bail};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// A file of certificates with more than this is not what was meant.
const CERTIFICATES_MAX: usize = 1000;

/// How nodes speak with each other.
#[derive(Debug)]
pub struct Peers {
    /// The side that accepts: the other one has to show a certificate.
    pub server: Arc<ServerConfig>,
    /// The side that dials, and shows its own.
    pub client: Arc<ClientConfig>,
    /// What the cluster is called in certificates.
    pub cluster: String,
}

/// What was read.
#[derive(Debug)]
pub struct Credentials {
    /// For all doors but the peers'.
    pub server: Arc<ServerConfig>,
    /// If nodes speak TLS with each other.
    pub peers: Option<Peers>,
}

impl Credentials {
    /// Reads the files.
    pub fn load(settings: &TlsSettings) -> Result<Self> {
        if let Err(reason) = settings.validate() {
            bail!(reason);
        }
        let chain = certificates(&settings.cert_file)?;
        let key = key(&settings.key_file)?;
        let roots = settings.ca_cert_file.as_deref().map(roots).transpose()?;
        let does_not_fit = || {
            format!(
                "{} is not the key of {}",
                settings.key_file.display(),
                settings.cert_file.display()
            )
        };
        let server = |verifier: Arc<dyn ClientCertVerifier>| -> Result<Arc<ServerConfig>> {
            let config = ServerConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()?
                .with_client_cert_verifier(verifier)
                .with_single_cert(chain.clone(), key.clone_key())
                .with_context(does_not_fit)?;
            Ok(Arc::new(config))
        };
        let peers = match (&roots, settings.cluster) {
            (Some(roots), true) => Some(Peers {
                server: server(client_verifier(roots, AuthClients::Yes)?)?,
                client: Arc::new(client(roots, Some((chain.clone(), key.clone_key())))?),
                cluster: settings.cluster_name.clone(),
            }),
            _ => None,
        };
        let verifier = match &roots {
            Some(roots) => client_verifier(roots, settings.auth_clients)?,
            None => WebPkiClientVerifier::no_client_auth(),
        };
        Ok(Self { server: server(verifier)?, peers })
    }
}

/// The side that calls: it takes what one of these roots has signed.
pub fn client(
    roots: &Arc<RootCertStore>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(Arc::clone(roots));
    match identity {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .context("the key is not that of the certificate"),
        None => Ok(builder.with_no_client_auth()),
    }
}

fn client_verifier(
    roots: &Arc<RootCertStore>,
    auth: AuthClients,
) -> Result<Arc<dyn ClientCertVerifier>> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider());
    Ok(match auth {
        AuthClients::No => WebPkiClientVerifier::no_client_auth(),
        AuthClients::Optional => builder.allow_unauthenticated().build()?,
        AuthClients::Yes => builder.build()?,
    })
}

/// What does the arithmetic.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificates of a file, the first one first.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = || -> Result<Vec<_>> {
        let all = CertificateDer::pem_file_iter(path)?.take(CERTIFICATES_MAX + 1);
        let all = all.collect::<Result<Vec<_>, _>>()?;
        match all.len() {
            0 => bail!("there is no certificate (PEM) in it"),
            1..=CERTIFICATES_MAX => Ok(all),
            _ => bail!("there are more than {CERTIFICATES_MAX} certificates in it"),
        }
    };
    read().with_context(|| format!("certificates {}", path.display()))
}

/// The key of a file.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).with_context(|| {
        format!("key {}: there is no private key (PEM) without a password in it", path.display())
    })
}

/// The CAs of a file.
pub fn roots(path: &Path) -> Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).with_context(|| format!("certificates {}", path.display()))?;
    }
    Ok(Arc::new(roots))
}
