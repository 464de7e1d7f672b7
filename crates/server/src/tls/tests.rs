//! Both sides of connections over real sockets, with certificates made for the purpose.

use super::*;
use mio::net::TcpListener;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes a certificate with this common name and these alternative names, and its key.
    fn sign(&self, dir: &Path, file: &str, names: &[&str], last_year: i32) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, file);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        std::fs::write(dir.join(format!("{file}.crt")), certificate.pem()).unwrap();
        std::fs::write(dir.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
}

/// A directory with the certificates of a CA.
fn signed(certificates: &[(&str, &[&str], i32)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new();
    std::fs::write(dir.path().join("ca.crt"), ca.0.pem()).unwrap();
    for (file, names, last_year) in certificates {
        ca.sign(dir.path(), file, names, *last_year);
    }
    dir
}

fn settings(dir: &Path, who: &str, auth_clients: AuthClients) -> TlsSettings {
    TlsSettings {
        port: Some(1),
        cert_file: dir.join(format!("{who}.crt")),
        key_file: dir.join(format!("{who}.key")),
        ca_cert_file: Some(dir.join("ca.crt")),
        auth_clients,
        auth_user: AuthUser::CommonName,
        cluster: true,
        ..TlsSettings::default()
    }
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match listener.accept() {
            Ok((other, _)) => return (one, other),
            Err(error) => assert!(error.kind() == ErrorKind::WouldBlock && Instant::now() < until),
        }
    }
}

/// Reads from both sides until both are established, or one has failed: its error.
fn shake(a: &mut Stream, b: &mut Stream) -> io::Result<()> {
    a.flush()?;
    let until = Instant::now() + Duration::from_secs(60);
    let mut nothing = [0; 16];
    while (a.is_handshaking() || b.is_handshaking()) && Instant::now() < until {
        for side in [&mut *b, &mut *a] {
            match side.read(&mut nothing) {
                Ok(n) => assert_eq!(n, 0, "nobody has written"),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn peers(dialler: &Tls, acceptor: &Tls, dialled: u64) -> (Stream, Stream, io::Result<()>) {
    let (here, there) = sockets();
    let mut dialled = dialler.dial(here, NodeId(dialled)).unwrap();
    let mut accepted = acceptor.accept(there, Door::Peers).unwrap();
    let shaken = shake(&mut dialled, &mut accepted);
    (dialled, accepted, shaken)
}

#[test]
fn nodes_know_each_other_by_their_certificates() {
    let certificates: [(&str, &[&str], i32); 4] = [
        ("one", &["node-1.synod.internal"], 4000),
        ("two", &["node-2.synod.internal"], 4000),
        ("all", &["*.synod.internal"], 4000),
        ("old", &["node-2.synod.internal"], 2020),
    ];
    let dir = signed(&certificates);
    let tls = |who| Tls::new(&settings(dir.path(), who, AuthClients::No)).unwrap();
    let (one, two, all) = (tls("one"), tls("two"), tls("all"));
    let (_, accepted, shaken) = peers(&one, &two, 2);
    shaken.unwrap();
    assert_eq!(two.is_node(&accepted, NodeId(1)), Ok(()));
    assert_eq!(two.is_node(&accepted, NodeId(2)), Err("node-2.synod.internal".to_owned()));
    let (_, accepted, shaken) = peers(&all, &two, 2);
    shaken.unwrap();
    assert_eq!(two.is_node(&accepted, NodeId(7)), Ok(()), "it stands for every node");
    let refusal = |dialler: &Tls, acceptor: &Tls, dialled| {
        let (_, _, shaken) = peers(dialler, acceptor, dialled);
        shaken.unwrap_err().to_string()
    };
    let other = refusal(&one, &two, 3);
    assert!(other.contains("not valid for name"), "node 2 is not node 3: {other}");
    assert!(refusal(&tls("old"), &one, 1).contains("expired"), "who dials");
    assert!(refusal(&one, &tls("old"), 2).contains("expired"), "who is dialled");
    let elsewhere = signed(&certificates);
    let stranger = Tls::new(&settings(elsewhere.path(), "one", AuthClients::No)).unwrap();
    assert!(refusal(&stranger, &two, 2).contains("certificate"), "another CA");
}

#[test]
fn bytes_pass_both_ways_whole_and_in_bounds_when_nobody_reads() {
    let dir = signed(&[("one", &["node-1.synod.internal"], 4000)]);
    let tls = Tls::new(&settings(dir.path(), "one", AuthClients::No)).unwrap();
    let (mut a, mut b, shaken) = peers(&tls, &tls, 1);
    shaken.unwrap();
    let piece: Vec<u8> = (0..50_000_u32).map(|n| n as u8).collect();
    let mut written = Vec::new();
    // Until the socket takes no more: what waits beside it is bounded, and the rest is refused.
    while let Ok(n) = a.write(&piece) {
        written.extend_from_slice(&piece[..n]);
        assert!(written.len() < 100 << 20);
    }
    assert!(a.has_output());
    let (mut read, mut buffer) = (Vec::new(), [0; 10_000]);
    let until = Instant::now() + Duration::from_secs(60);
    while read.len() < written.len() && Instant::now() < until {
        match b.read(&mut buffer) {
            Ok(n) => read.extend_from_slice(&buffer[..n]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                a.flush().unwrap();
            }
        }
    }
    assert!(read == written);
    assert!(!a.has_output());
    assert_eq!(b.write(b"back").unwrap(), 4);
    assert!(b.finish().unwrap());
    let mut back = Vec::new();
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        match a.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => back.extend_from_slice(&buffer[..n]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert_eq!(back, b"back");
    assert!(a.has_more(), "the end stays to be seen");
}

#[test]
fn what_is_no_tls_is_refused_and_told_once() {
    let dir = signed(&[("one", &["node-1.synod.internal"], 4000)]);
    let tls = Tls::new(&settings(dir.path(), "one", AuthClients::Optional)).unwrap();
    for garbage in [&b"PING\r\n*1\r\n$4\r\nPING\r\n"[..], b"GET / HTTP/1.1\r\n\r\n", &[0x16; 4000]]
    {
        let (mut here, there) = sockets();
        let mut accepted = tls.accept(there, Door::Clients).unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        here.write_all(garbage).unwrap();
        let error = loop {
            match accepted.read(&mut [0; 100]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(Instant::now() < until);
                }
                Err(error) => break error,
                Ok(n) => panic!("{n} bytes of {garbage:?}"),
            }
        };
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        assert!(accepted.certificate().is_none());
    }
}

#[test]
fn a_reload_is_whole_or_not_at_all_and_seen_by_the_next_connection() {
    let dir = signed(&[("one", &["node-1.synod.internal"], 4000), ("alice", &["a"], 4000)]);
    let path = |file: &str| dir.path().join(file);
    let said = |pairs: &[(&str, PathBuf)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, path)| ((*name).to_owned(), path.display().to_string())).collect()
    };
    let tls = Tls::new(&settings(dir.path(), "one", AuthClients::Yes)).unwrap();
    let before = tls.settings();
    for wrong in [
        said(&[("tls-cert-file", path("alice.crt"))]), // without its key
        said(&[("tls-cert-file", path("nowhere.crt"))]),
        said(&[("tls-auth-clients", "perhaps".into()), ("tls-cert-file", path("one.crt"))]),
        said(&[("tls-ca-cert-file", path("one.key"))]),
    ] {
        assert!(tls.change(&wrong).is_err());
        assert_eq!(tls.settings(), before);
    }
    std::fs::write(path("one.crt"), "no certificate").unwrap();
    assert!(tls.reload().is_err());
    let alice = said(&[("tls-cert-file", path("alice.crt")), ("tls-key-file", path("alice.key"))]);
    tls.change(&alice).unwrap();
    let (here, there) = sockets();
    let mut accepted = tls.accept(there, Door::Clients).unwrap();
    let config = credentials::client(
        &credentials::roots(&path("ca.crt")).unwrap(),
        Some((
            credentials::certificates(&path("alice.crt")).unwrap(),
            credentials::key(&path("alice.key")).unwrap(),
        )),
    );
    let name = names::server_name("a").unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config.unwrap()), name).unwrap();
    let mut calling = Stream::tls(here, client.into());
    shake(&mut calling, &mut accepted).unwrap();
    assert!(accepted.was_established() && !accepted.was_established());
    assert_eq!(tls.user(&accepted).as_deref(), Some(&b"alice"[..]));
    let off = vec![("tls-auth-clients-user".to_owned(), "off".to_owned())];
    tls.change(&off).unwrap();
    assert_eq!(tls.user(&accepted), None);
}
