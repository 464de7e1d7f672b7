//! Access lists: who may do what with one znode.

use crate::code::Code;
use crate::codec::{put_signed, put_str, take_int, take_list, take_str};
use crate::limits::ACL_MAX;

/// The bits of [`Acl::perms`].
pub mod perms {
    /// Read data and list children.
    pub const READ: i32 = 1;
    /// Set data.
    pub const WRITE: i32 = 2;
    /// Create children.
    pub const CREATE: i32 = 4;
    /// Delete children.
    pub const DELETE: i32 = 8;
    /// Set the access list.
    pub const ADMIN: i32 = 16;
    /// All of them.
    pub const ALL: i32 = 31;
}

/// Somebody, by one of ZooKeeper's schemes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id {
    /// `world`, `auth`, `digest`, `ip` or `super`.
    pub scheme: String,
    /// Who, in the scheme's own words.
    pub id: String,
}

/// What one somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Bits of [`perms`].
    pub perms: i32,
    /// Who.
    pub id: Id,
}

impl Id {
    /// An identity.
    #[must_use]
    pub fn new(scheme: &str, id: &str) -> Self {
        Self { scheme: scheme.to_owned(), id: id.to_owned() }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_str(out, &self.scheme);
        put_str(out, &self.id);
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { scheme: take_str(bytes)?.to_owned(), id: take_str(bytes)?.to_owned() })
    }

    pub(crate) fn take_all(bytes: &mut &[u8]) -> Option<Vec<Self>> {
        take_list(bytes, Self::take).filter(|ids| ids.len() <= ACL_MAX)
    }
}

impl Acl {
    /// Everybody may do everything (`OPEN_ACL_UNSAFE`).
    #[must_use]
    pub fn open() -> Vec<Self> {
        vec![Self { perms: perms::ALL, id: Id::new("world", "anyone") }]
    }

    /// Everybody may read (`READ_ACL_UNSAFE`).
    pub(crate) fn readable() -> Vec<Self> {
        vec![Self { perms: perms::READ, id: Id::new("world", "anyone") }]
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_signed(out, self.perms.into());
        self.id.encode(out);
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { perms: take_int(bytes)?, id: Id::take(bytes)? })
    }

    pub(crate) fn take_all(bytes: &mut &[u8]) -> Option<Vec<Self>> {
        take_list(bytes, Self::take).filter(|acl| acl.len() <= ACL_MAX)
    }
}

/// Whether one of these identities may do this. The superuser may do everything.
pub(crate) fn permits(acl: &[Acl], ids: &[Id], wanted: i32) -> bool {
    ids.iter().any(|id| id.scheme == "super")
        || acl.iter().any(|entry| {
            let who = &entry.id;
            entry.perms & wanted != 0
                && ((who.scheme == "world" && who.id == "anyone")
                    || ids.iter().any(|id| id.scheme == who.scheme && matches_id(who, id)))
        })
}

fn matches_id(wanted: &Id, given: &Id) -> bool {
    match wanted.scheme.as_str() {
        "ip" => ip_matches(&wanted.id, &given.id),
        _ => wanted.id == given.id,
    }
}

/// `ADDRESS` or `ADDRESS/BITS`, of either family.
fn ip_matches(wanted: &str, given: &str) -> bool {
    let (address, bits) = match wanted.split_once('/') {
        Some((address, bits)) => (address, bits.parse().ok()),
        None => (wanted, Some(128)),
    };
    let (Some(wanted), Some(given), Some(bits)) = (octets(address), octets(given), bits) else {
        return false;
    };
    let same = |at: usize| wanted[at / 8] >> (7 - at % 8) & 1 == given[at / 8] >> (7 - at % 8) & 1;
    wanted.len() == given.len() && (0..wanted.len() * 8).take(bits).all(same)
}

fn octets(address: &str) -> Option<Vec<u8>> {
    match address.parse().ok()? {
        std::net::IpAddr::V4(ip) => Some(ip.octets().to_vec()),
        std::net::IpAddr::V6(ip) => Some(ip.octets().to_vec()),
    }
}

/// The list as it is stored: `auth` stands for the identities of who sets it.
pub(crate) fn settled(acl: &[Acl], ids: &[Id]) -> Result<Vec<Acl>, Code> {
    let mut settled: Vec<Acl> = Vec::new();
    for entry in acl {
        match (entry.id.scheme.as_str(), entry.id.id.as_str()) {
            ("auth", _) => {
                let own = ids.iter().filter(|id| id.scheme == "digest" || id.scheme == "x509");
                let before = settled.len();
                settled.extend(own.map(|id| Acl { perms: entry.perms, id: id.clone() }));
                if settled.len() == before {
                    return Err(Code::InvalidAcl);
                }
            }
            ("world", "anyone") => settled.push(entry.clone()),
            ("digest", id) if id.split(':').count() == 2 => settled.push(entry.clone()),
            ("ip", id) if octets(id.split('/').next().unwrap_or(id)).is_some() => {
                settled.push(entry.clone());
            }
            _ => return Err(Code::InvalidAcl),
        }
    }
    let mut once: Vec<Acl> = Vec::new();
    for entry in settled {
        if !once.contains(&entry) {
            once.push(entry);
        }
    }
    if once.is_empty() { Err(Code::InvalidAcl) } else { Ok(once) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what() {
        let acl = |perms, scheme, id| vec![Acl { perms, id: Id::new(scheme, id) }];
        let ip = [Id::new("ip", "127.0.0.1")];
        let cases: [(Vec<Acl>, &[Id], i32, bool); 8] = [
            (Acl::open(), &[], perms::ADMIN, true),
            (acl(perms::READ, "world", "anyone"), &[], perms::WRITE, false),
            (acl(perms::ALL, "ip", "127.0.0.1"), &ip, perms::READ, true),
            (acl(perms::ALL, "ip", "127.0.0.0/8"), &ip, perms::READ, true),
            (acl(perms::ALL, "ip", "10.0.0.0/8"), &ip, perms::READ, false),
            (acl(perms::ALL, "digest", "u:h"), &[Id::new("digest", "u:h")], perms::WRITE, true),
            (acl(perms::ALL, "digest", "u:h"), &[Id::new("digest", "v:h")], perms::WRITE, false),
            (acl(perms::READ, "digest", "u:h"), &[Id::new("super", "")], perms::ADMIN, true),
        ];
        for (acl, ids, wanted, expected) in cases {
            assert_eq!(permits(&acl, ids, wanted), expected, "{acl:?} {ids:?} {wanted}");
        }
    }

    #[test]
    fn a_list_is_settled_or_refused() {
        let own = [Id::new("digest", "u:h"), Id::new("ip", "::1")];
        let auth = [Acl { perms: 3, id: Id::new("auth", "") }];
        let stored = [Acl { perms: 3, id: Id::new("digest", "u:h") }];
        assert_eq!(settled(&auth, &own).as_deref(), Ok(&stored[..]));
        assert_eq!(settled(&auth, &own[1..]), Err(Code::InvalidAcl));
        for (scheme, id) in [("world", "me"), ("digest", "u"), ("ip", "x"), ("what", "x")] {
            let acl = [Acl { perms: 1, id: Id::new(scheme, id) }];
            assert_eq!(settled(&acl, &own), Err(Code::InvalidAcl), "{scheme}:{id}");
        }
        assert_eq!(settled(&[], &own), Err(Code::InvalidAcl));
    }
}
