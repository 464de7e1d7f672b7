//! What certificates say: which node somebody is, and which user.
//!
//! A node is named by an alternative name (DNS) of its certificate, `node-3.synod.internal` for node 3 of a cluster that is called
//! `synod.internal`; `*.synod.internal` names all of its nodes. A user is the common name of the subject, as in Valkey.

use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use synod_types::NodeId;
use webpki::EndEntityCert;

/// The object identifier 2.5.4.3, the common name.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const IDENTIFIER: u8 = 0x06;
/// UTF8String, PrintableString and IA5String: their bytes are the text.
const TEXTS: [u8; 3] = [0x0c, 0x13, 0x16];
/// The longest common name that X.509 knows.
const COMMON_NAME_BYTES_MAX: usize = 64;

/// The name that the certificate of a node has to have.
pub fn of_node(node: NodeId, cluster: &str) -> String {
    format!("node-{node}.{cluster}")
}

/// A name as TLS takes it: a host's, or an address.
///
/// # Errors
/// It is neither.
pub fn server_name(name: &str) -> io::Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("`{name}` is no name for TLS"))
    })
}

/// Whether a certificate has this name among its alternative ones.
pub fn names(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let Ok(wanted) = server_name(name) else { return false };
    EndEntityCert::try_from(certificate)
        .is_ok_and(|certificate| certificate.verify_is_valid_for_subject_name(&wanted).is_ok())
}

/// The common name of a certificate's subject, if it has just one.
pub fn common_name(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    of_subject(certificate.subject())
}

/// `subject` is a sequence of sets of pairs, identifier and value; its own header is left out.
fn of_subject(mut subject: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    while !subject.is_empty() {
        let mut set = take(&mut subject, |tag| tag == SET)?;
        while !set.is_empty() {
            let mut pair = take(&mut set, |tag| tag == SEQUENCE)?;
            if take(&mut pair, |tag| tag == IDENTIFIER)? != COMMON_NAME {
                continue;
            }
            let text = take(&mut pair, |tag| TEXTS.contains(&tag))?;
            let is_sound = !text.is_empty() && text.len() <= COMMON_NAME_BYTES_MAX;
            // Of two names nobody could say which is meant.
            if !is_sound || found.replace(text.to_vec()).is_some() {
                return None;
            }
        }
    }
    found
}

/// The content of the next element, if it is what is expected; lengths up to 65,535.
fn take<'a>(bytes: &mut &'a [u8], expected: impl Fn(u8) -> bool) -> Option<&'a [u8]> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => rest
            .split_first_chunk::<2>()
            .map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?,
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    expected(*tag).then_some(content)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, content.len() as u8], content].concat()
    }

    fn named(text_tag: u8, identifier: &[u8], text: &[u8]) -> Vec<u8> {
        let pair = [element(IDENTIFIER, identifier), element(text_tag, text)].concat();
        element(SET, &element(SEQUENCE, &pair))
    }

    #[test]
    fn the_common_name_is_found_among_others_and_only_if_there_is_one() {
        let organisation = named(0x0c, &[0x55, 0x04, 0x0a], b"Org");
        let alice = named(0x0c, COMMON_NAME, b"alice");
        let printable = named(0x13, COMMON_NAME, b"alice");
        let expected = Some(b"alice".to_vec());
        assert_eq!(of_subject(&alice), expected);
        assert_eq!(of_subject(&[organisation.clone(), printable].concat()), expected);
        assert_eq!(of_subject(&organisation), None);
        assert_eq!(of_subject(&[alice.clone(), alice.clone()].concat()), None, "two of them");
        assert_eq!(of_subject(&named(0x0c, COMMON_NAME, b"")), None);
        assert_eq!(of_subject(&named(0x1e, COMMON_NAME, b"\0a")), None, "two bytes per letter");
        assert_eq!(of_subject(&named(0x0c, COMMON_NAME, &[b'a'; 65])), None, "too long");
        for cut in 1..alice.len() {
            assert_eq!(of_subject(&alice[..cut]), None, "cut at {cut}");
        }
    }
}
