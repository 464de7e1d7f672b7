//! `synod up --tls`: a CA for trying TLS out, and what it has signed, made once per data directory.
//!
//! The CA's key is thrown away as soon as all is signed: nobody can sign more with it, and nothing made here is of use elsewhere.

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where the files are.
#[derive(Clone, Debug)]
pub struct Certificates(PathBuf);

impl Certificates {
    /// Makes what is not there yet for nodes from 1 to `nodes`, under the directory of the whole cluster.
    pub fn make(data: &Path, nodes: u16) -> Result<Self> {
        let made = Self(data.join("tls"));
        // Written last, so with it all of them are there.
        if !made.ca().exists() {
            made.sign(nodes).with_context(|| format!("certificates under {}", made.0.display()))?;
        }
        Ok(made)
    }

    /// The CA's certificate.
    pub fn ca(&self) -> PathBuf {
        self.0.join("ca.crt")
    }

    /// The certificate of somebody, and its key.
    pub fn of(&self, whom: &str) -> [PathBuf; 2] {
        ["crt", "key"].map(|kind| self.0.join(format!("{whom}.{kind}")))
    }

    fn sign(&self, nodes: u16) -> Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "synod up, for trying out");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let here = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        for node in 1..=nodes {
            let name = format!("node-{node}");
            let mut names = here.to_vec();
            names.push(format!("{name}.synod.internal"));
            self.one(&ca, &name, names)?;
        }
        self.one(&ca, "client", Vec::new())?;
        write(&self.ca(), &ca.pem())
    }

    fn one(&self, ca: &CertifiedIssuer<'_, KeyPair>, whom: &str, names: Vec<String>) -> Result<()> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, whom);
        let certificate = params.signed_by(&key, ca)?;
        let [at, key_at] = self.of(whom);
        write(&at, &certificate.pem())?;
        write(&key_at, &key.serialize_pem())
    }
}

/// Readable by nobody else.
fn write(path: &Path, text: &str) -> Result<()> {
    let mut file =
        OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_kept_and_is_of_use() {
        let dir = tempfile::tempdir().unwrap();
        let made = Certificates::make(dir.path(), 2).unwrap();
        let read = || std::fs::read(made.ca()).unwrap();
        let before = read();
        Certificates::make(dir.path(), 2).unwrap();
        assert_eq!(read(), before, "once");
        for whom in ["node-1", "node-2", "client"] {
            let [cert, key] = made.of(whom);
            assert!(crate::calls::caller(&made.ca(), Some(&cert), Some(&key)).is_ok(), "{whom}");
        }
        let [_, other] = made.of("client");
        let [cert, _] = made.of("node-1");
        assert!(crate::calls::caller(&made.ca(), Some(&cert), Some(&other)).is_err());
    }
}
