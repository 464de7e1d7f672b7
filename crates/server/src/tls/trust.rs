//! Whom a node believes that calls services and databases outside of the cluster.

use super::credentials;
use anyhow::Result;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// Where systems keep the CAs that they believe: Debian, Alpine and Arch; Fedora; SUSE; BSD and macOS.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What calls outside are made with. No certificate is shown.
#[derive(Clone, Debug)]
pub struct Trust {
    verified: Result<Arc<ClientConfig>, &'static str>,
    unverified: Arc<ClientConfig>,
}

impl Trust {
    /// Believes the CAs of this file, or of the system where none is given.
    ///
    /// # Errors
    /// The file cannot be read, or does not hold certificates.
    pub fn new(ca: Option<&Path>) -> Result<Self> {
        let roots = match ca {
            Some(file) => Some(credentials::roots(file)?),
            None => of_the_system(),
        };
        let verified = match roots {
            Some(roots) => Ok(Arc::new(credentials::client(&roots, None)?)),
            None => Err("this system has no file of CA certificates; name one with --tx-ca-file"),
        };
        let mut unverified = credentials::client(&Arc::new(RootCertStore::empty()), None)?;
        unverified
            .dangerous()
            .set_certificate_verifier(Arc::new(Unverified(credentials::provider())));
        Ok(Self { verified, unverified: Arc::new(unverified) })
    }

    /// For those who have to show a certificate that a CA has signed, in their name.
    ///
    /// # Errors
    /// There are no CAs.
    pub fn verified(&self) -> Result<Arc<ClientConfig>, &'static str> {
        self.verified.clone()
    }

    /// For those of whom nobody knows who they are: only who listens on the way is kept out.
    pub fn unverified(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.unverified)
    }
}

/// The system's CAs, without those that are of no use here.
fn of_the_system() -> Option<Arc<RootCertStore>> {
    let found = SYSTEM_BUNDLES.iter().find(|path| Path::new(path).exists())?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(credentials::certificates(Path::new(found)).ok()?);
    (!roots.is_empty()).then(|| Arc::new(roots))
}

/// Takes every certificate; whoever shows it has to have its key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
